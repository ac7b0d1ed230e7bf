"""Claims files: those that come with rppgbench, and mistakes by line and column."""

from __future__ import annotations

import pytest

from rppgbench.claims.claims_library import builtin_claims, find_claims, load_claims
from rppgbench.errors import ProtocolError

GOOD = """\
rppgbench_claims: 1
name: mine
title: Mine
entries:
  a: {method: pos}
  b: {method: chrom}
claims:
  - id: K1
    text: a is better.
    parts:
      - {measure: error, of: a, against: b, claimed: lower}
"""


def write(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", builtin_claims())
def test_built_in_claims_load_and_use_all_their_entries(name):
    claims = load_claims(find_claims(name))
    assert claims.name == name
    used = {entry for claim in claims.claims for part in claim.parts for entry in (*part.of, *(part.against or ()))}
    assert used == set(claims.entries)


def test_the_paper_has_its_twelve_claims():
    assert [claim.id for claim in load_claims(find_claims("yu2019")).claims] == [f"C{i}" for i in range(1, 13)]


def test_a_custom_file_loads(tmp_path):
    claims = load_claims(write(tmp_path, GOOD))
    assert claims.claims[0].parts[0].against == ("b",)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("of: a,", "of: c,", ":11:30: no entry is defined as 'c'"),
        ("measure: error", "mesure: error", ":11:10: unknown key 'mesure' (did you mean 'measure'?)"),
        ("measure: error", "measure: errors", ":11:19: claims.0.parts.0.measure: Input should be"),
        (", against: b", "", "says nothing by itself: say against what"),
        ("{method: pos}", "{methd: pos}", ":5:7: unknown key 'methd' (did you mean 'method'?)"),
        ("title: Mine\n", "", "key 'title' is missing"),
        ("claimed: lower", "claimed: lower, role: shows", ":8:5: claims.0: no part decides"),
        ("claimed: lower}", "claimed: lower, over: steps, each: {condition: any}}", "needs several bitrates"),
        ("    text: a", "    unjudged: no reason\n    text: a", "expected either parts"),
        ("entries:", "entries: {}\nentries:", "entries"),
    ],
)
def test_errors_are_located(tmp_path, old, new, complaint):
    assert old in GOOD
    with pytest.raises(ProtocolError) as raised:
        load_claims(write(tmp_path, GOOD.replace(old, new, 1)))
    assert "mine.yaml:" in raised.value.message
    assert complaint in raised.value.message


def test_a_duplicate_claim_is_refused(tmp_path):
    again = GOOD[GOOD.index("  - id") :]
    with pytest.raises(ProtocolError, match=r"mine.yaml:12:9: claim 'K1' stands there twice"):
        load_claims(write(tmp_path, GOOD + again))


def test_a_mistyped_name_gets_a_hint():
    with pytest.raises(ProtocolError, match="did you mean 'yu2019'"):
        find_claims("yu2018")
    with pytest.raises(ProtocolError, match="no such claims file"):
        find_claims("no/such/file.yaml")
