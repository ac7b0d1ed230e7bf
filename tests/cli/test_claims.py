"""``rppgbench claims``: where results are found, what is written, and mistakes that are answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rppgbench.claims.claims_library import find_claims
from rppgbench.cli.claims_command import claims
from rppgbench.errors import IncomparableResults, ProtocolError, RppgbenchError
from rppgbench.evaluation.schema import COLUMNS
from rppgbench.protocol.protocol_library import find_protocol
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.results.results import Results

MINE = """\
rppgbench_claims: 1
name: mine
title: Mine
entries: {pos: {method: pos}}
claims:
  - id: K1
    text: The error of POS grows.
    parts: [{measure: error, of: pos, over: halving, claimed: higher}]
"""


def row(condition: str, subject: int, error_bpm: float):
    rate = None if condition == "reference" else float(condition[5:-1]) * 1000
    return {
        **{column.name: None for column in COLUMNS}, "protocol": "smoke", "version": 1, "digest": "abc", "fold": 0,
        "condition": condition, "codec": condition.partition("-")[0], "nominal_bitrate_bps": rate, "entry": "pos",
        "method": "pos", "control": False, "dataset": "none", "subject": f"s{subject}", "recording": f"s{subject}",
        "tags": "{}", "params": "{}", "window": 0, "start_s": 0.0, "end_s": 30.0, "hr_true_bpm": 60.0,
        "hr_pred_bpm": 60.0 + error_bpm, "error_bpm": error_bpm, "snr_db": 0.0, "status": "scored",
    }  # fmt: skip


@pytest.fixture
def protocol(tmp_path):
    """The protocol smoke with two rates of x264."""
    path = tmp_path / "smoke.yaml"
    x264 = "superfast, sweep: {bitrate_kbps: [125]}"
    text = find_protocol("smoke").read_text()
    assert x264 in text
    path.write_text(text.replace(x264, "superfast, sweep: {bitrate_kbps: [200, 100]}"))
    return str(path)


@pytest.fixture
def leaderboards(tmp_path, protocol):
    """Its results, in which the error triples from each rate to the next, for 8 subjects."""
    errors = {"reference": 1.0, "x264-200k": 3.0, "x264-100k": 9.0}
    rows = [row(condition, s, error * (1 + s / 10)) for condition, error in errors.items() for s in range(8)]
    rows = [{name: one[name] for name in (column.name for column in COLUMNS)} for one in rows]
    about = {**Results.of(load_protocol(Path(protocol), load_registry()), [], []).about, "entries": ["pos"]}
    Results(about, rows, []).save(tmp_path / "smoke" / "v1")
    return tmp_path


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return str(path)


def run(*arguments: str):
    return CliRunner().invoke(claims, arguments, catch_exceptions=False)


def test_a_protocol_and_a_folder_of_results_are_the_same(leaderboards, protocol, mine):
    folder = leaderboards / "smoke" / "v1"
    by_name = run(protocol, "--out", str(leaderboards), "--claims", mine)
    written = (folder / "claims_mine.json").read_bytes()
    by_folder = run(str(folder), "--claims", mine)
    assert by_name.stdout == by_folder.stdout
    assert (folder / "claims_mine.json").read_bytes() == written
    (verdict,) = json.loads(written)["verdicts"]
    assert verdict["verdict"] == "supported"
    # 3 bpm and 9 bpm, times what each subject is worse by, plus half a beat
    assert verdict["contrasts"][0]["effect"] == pytest.approx(2.77, abs=0.02)
    assert "supported" in by_name.stdout
    assert str(folder / "claims_mine.md") in by_name.stderr


def test_the_paper_is_asked_unless_something_else_is(leaderboards, protocol, mine):
    result = run(protocol, "--out", str(leaderboards))
    assert "C12" in result.stdout
    assert "needs entr" in result.stdout
    about_the_paper = (leaderboards / "smoke" / "v1" / "claims_yu2019.md").read_bytes()
    run(protocol, "--out", str(leaderboards), "--claims", mine)
    assert (leaderboards / "smoke" / "v1" / "claims_yu2019.md").read_bytes() == about_the_paper


def test_other_claims_under_the_name_of_built_in_ones_are_refused(leaderboards, protocol, tmp_path):
    copied = tmp_path / "copied.yaml"
    copied.write_text(find_claims("yu2019").read_text())
    assert run(protocol, "--out", str(leaderboards), "--claims", str(copied)).exit_code == 0
    copied.write_text(copied.read_text().replace("alpha: 0.05", "alpha: 0.2"))
    with pytest.raises(ProtocolError, match="other claims than those that come with rppgbench as 'yu2019'"):
        run(protocol, "--out", str(leaderboards), "--claims", str(copied))


def test_results_of_another_question_are_refused_unless_their_folder_is_named(leaderboards, protocol, mine):
    changed = Path(protocol)
    changed.write_text(changed.read_text().replace("length_s: 10.0", "length_s: 8.0"))
    with pytest.raises(IncomparableResults, match=r"clips\.length_s: 10\.0 \| 8\.0") as raised:
        run(protocol, "--out", str(leaderboards), "--claims", mine)
    assert raised.value.hint is not None
    assert "again, or name the folder" in raised.value.hint
    folder = leaderboards / "smoke" / "v1"
    assert not list(folder.glob("claims*"))
    assert run(str(folder), "--claims", mine).exit_code == 0


def test_a_protocol_that_was_not_run_says_how(tmp_path):
    with pytest.raises(RppgbenchError, match="no results of") as raised:
        run("smoke", "--out", str(tmp_path))
    assert raised.value.hint is not None
    assert "rppgbench run smoke" in raised.value.hint


def test_a_folder_without_results_says_what_was_expected(tmp_path):
    with pytest.raises(RppgbenchError, match=r"no results there \(expected results\.json\)"):
        run(str(tmp_path))


def test_mistyped_names_are_answered(leaderboards):
    with pytest.raises(ProtocolError, match="did you mean 'smoke'"):
        run("smok", "--out", str(leaderboards))
    with pytest.raises(ProtocolError, match="did you mean 'yu2019'"):
        run("smoke", "--out", str(leaderboards), "--claims", "yu2018")


def test_the_error_of_a_claims_file_names_the_place(leaderboards, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MINE.replace("over: halving", "over: doubling"))
    with pytest.raises(ProtocolError, match=r"wrong\.yaml:8:\d+: claims\.0\.parts\.0\.over"):
        run("smoke", "--out", str(leaderboards), "--claims", str(wrong))


def test_help_teaches_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom rppgbench.cli.claims_command import claims\nclaims(['--help'], standalone_mode=False)\n"
        "print(*sys.modules, sep=chr(10), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "rppgbench claims synthetic_compressed --parts" in done.stdout
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()}
    assert "click" in loaded, "the list of modules is the real one"
    assert not loaded & {"torch", "pandas", "scipy", "numpy", "pyarrow", "pydantic"}
