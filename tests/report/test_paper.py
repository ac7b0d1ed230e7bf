"""Papers as data: which one a report follows, and errors by file, line and column."""

from __future__ import annotations

import pytest

from rppgbench.errors import ProtocolError
from rppgbench.report.paper import builtin_papers, find_paper, load_paper

OWN = """\
cite: 10.0000/own
claims: yu2019
figures: {faces: fig1}
tables:
  - name: table1
    title: Heart rate
    digits: 1
    metrics: [hr_mae_bpm, hr_r]
    published:
      - dataset: mini
        table: Table 1
        rows:
          Somebody 2020: [4.2, null]
"""


def write(folder, name, text):
    path = folder / "papers" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_paper_beside_the_protocol_comes_before_those_of_rppgbench(tmp_path):
    protocol_path = tmp_path / "mine.yaml"
    builtin = load_paper(builtin_papers()["yu2019"])
    assert find_paper("mine", protocol_path) == find_paper("mine", None) == builtin
    write(tmp_path, "own", OWN)
    found = find_paper("mine", protocol_path)
    assert found is not None
    assert (found.cite, found.figures) == ("10.0000/own", {"faces": "fig1"})
    published = found.tables[0].published_for("mini")
    assert published is not None and published.rows == {"Somebody 2020": (4.2, None)}
    assert found.tables[0].published_for("other") is None


def test_a_list_of_protocols_is_for_those_alone_and_comes_first(tmp_path):
    protocol_path = tmp_path / "mine.yaml"
    write(tmp_path, "a_listed", OWN + "protocols: [mine]\n")
    assert find_paper("other", protocol_path) == load_paper(builtin_papers()["yu2019"])
    write(tmp_path, "a", OWN.replace("10.0000/own", "10.0000/all"))
    cites = {name: paper.cite for name in ("mine", "other") if (paper := find_paper(name, protocol_path))}
    assert cites == {"mine": "10.0000/own", "other": "10.0000/all"}


@pytest.mark.parametrize(
    ("old", "new", "where", "why"),
    [
        ("faces: fig1", "face: fig1", "3:11", "no figure is called 'face' (did you mean 'faces'?)"),
        ("faces: fig1", "faces: ../fig1", "3:18", "figures.faces"),
        ("[hr_mae_bpm", "[hr_mae_bp", "8:15", "no metric is called 'hr_mae_bp' (did you mean 'hr_mae_bpm'?)"),
        ("[4.2, null]", "[4.2]", "13:26", "1 numbers for 2 metrics; null stands for a dash"),
        ("claims: yu2019", "claims: yu2018", "2:9", "no claims are called 'yu2018' (did you mean 'yu2019'?)"),
        ("digits: 1", "digit: 1", "7:5", "unknown key 'digit' (did you mean 'digits'?)"),
        ("        table: Table 1\n", "", "10:9", "key 'table' is missing"),
    ],
)
def test_errors_say_where(tmp_path, old, new, where, why):
    path = write(tmp_path, "own", OWN.replace(old, new))
    with pytest.raises(ProtocolError) as caught:
        load_paper(path)
    assert f"{path}:{where}: " in str(caught.value) and why in str(caught.value)


def test_tables_and_datasets_stand_there_once(tmp_path):
    table = OWN[OWN.index("  - name") :]
    published = table[table.index("      - dataset") :]
    path = write(tmp_path, "own", OWN + published + table)
    with pytest.raises(ProtocolError) as caught:
        load_paper(path)
    assert "dataset 'mini' stands in the table twice" in str(caught.value)
    assert "table 'table1' stands there twice" in str(caught.value)
