"""The command ``figures``: files, messages, options, errors."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from rppgbench.cli.figures_command import figures
from rppgbench.errors import IncomparableResults, RppgbenchError, UnknownName
from rppgbench.evaluation.schema import COLUMNS
from rppgbench.protocol.protocol_library import find_protocol
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.results.results import Results

ENTRIES = {"pos": (None, None), "identity + pos": ("identity", None)}


@pytest.fixture(autouse=True)
def _unprinted(monkeypatch) -> None:
    """Pictures are printed in tests/figures."""
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: Path(path).touch())


@pytest.fixture(scope="module")
def results() -> Results:
    """Made-up rows of the smoke protocol."""
    protocol = load_protocol(find_protocol("smoke"), load_registry())
    rows = [
        row(protocol, condition.id, condition.codec.name, entry, enhancer, subject)
        for condition in protocol.conditions
        for entry, (enhancer, _) in ENTRIES.items()
        for subject in range(3)
    ]
    about = {**Results.of(protocol, [], []).about, "entries": list(ENTRIES)}
    return Results(about, rows, [])


def row(protocol, condition, codec, entry, enhancer, subject):
    quality = None if condition == "reference" or enhancer is None else 40.0 + subject
    return {
        **{column.name: None for column in COLUMNS},
        "protocol": protocol.name, "version": protocol.version, "digest": protocol.digest, "fold": 0,
        "condition": condition, "codec": codec, "entry": entry, "method": "pos", "enhancer": enhancer,
        "control": False, "enhancer_control": enhancer == "identity" if enhancer else None,
        "dataset": "synthetic", "subject": f"s{subject}", "recording": f"s{subject}-rest",
        "tags": "{}", "params": "{}", "window": 0, "start_s": 0.0, "end_s": 10.0, "hr_true_bpm": 60.0,
        "hr_pred_bpm": 61.0 + subject, "error_bpm": 1.0 + subject, "snr_db": 3.0, "status": "scored",
        "psnr_in_db": quality, "psnr_out_db": quality, "psnr_sd_in_db": quality, "psnr_sd_out_db": quality,
    }  # fmt: skip


@pytest.fixture
def out(results, tmp_path) -> Path:
    results.save(tmp_path / "smoke" / "v1")
    return tmp_path


def call(*args: object) -> str:
    result = CliRunner().invoke(figures, [str(arg) for arg in args], catch_exceptions=False, standalone_mode=False)
    return result.output


def test_a_message_a_file_and_a_reason_for_what_is_skipped(out):
    output = call("smoke", "--out", out, "--store", out / "nowhere")
    folder = out / "smoke" / "v1" / "figures"
    for name in ("fig6_delta_psnr", "fig7_error_by_enhancer"):
        for ending in (".png", ".svg", ".csv"):
            assert f"written  {folder / name}{ending}\n" in output
            assert (folder / f"{name}{ending}").is_file()
    assert "showing  s1-rest under mpeg4-125k by identity + pos: the best entry with an enhancer" in output
    assert f"skipped  fig8_faces: {out / 'nowhere'} is no store; say with --store" in output
    assert "skipped  train_rate_by_test_rate: no method has entries that learnt" in output


def test_a_folder_of_results_does_as_well(out):
    output = call(out / "smoke" / "v1", "--entry", "pos", "--condition", "x265-125k", "--recording", "s0-rest")
    assert "fig6_delta_psnr.csv" in output
    assert "showing" not in output


def test_a_folder_that_no_protocol_made_draws_what_its_rows_hold(results, tmp_path):
    foreign = copy.deepcopy(results)
    foreign.about["protocol"] = "somebody_else_s"
    foreign.save(tmp_path)
    output = call(tmp_path)
    assert "skipped  fig9_waves: a folder of results has no videos, waves or weights" in output


@pytest.mark.parametrize(
    ("option", "wrong", "hint"),
    [("--entry", "identiy + pos", "identity + pos"), ("--condition", "x264-120k", "x264-125k"),
     ("--recording", "s1-rets", "s1-rest")],
)  # fmt: skip
def test_wrong_names_are_answered_before_anything_is_drawn(out, option, wrong, hint):
    with pytest.raises(UnknownName) as caught:
        call("smoke", "--out", out, option, wrong)
    assert caught.value.hint == f"did you mean {hint!r}?"
    assert not (out / "smoke" / "v1" / "figures").exists()


def test_without_results_the_remedy_is_to_run(tmp_path):
    with pytest.raises(RppgbenchError, match="no results of smoke") as caught:
        call("smoke", "--out", tmp_path)
    assert "'rppgbench run smoke' first" in (caught.value.hint or "")


def test_mistyped_protocols_and_folders_are_answered(out):
    with pytest.raises(RppgbenchError) as caught:
        call("smok")
    assert "did you mean 'smoke'?" in (caught.value.hint or "")
    with pytest.raises(RppgbenchError) as caught:
        call(out / "smoke" / "v2")
    assert "v1" in (caught.value.hint or "")


def test_results_of_another_question_are_refused(results, tmp_path):
    other = copy.deepcopy(results)
    other.about["resolved"]["clips"]["length_s"] = 12.0
    other.save(tmp_path / "smoke" / "v1")
    with pytest.raises(IncomparableResults, match=r"clips\.length_s: 12\.0 \| 10\.0"):
        call("smoke", "--out", tmp_path)


def test_nothing_at_all_to_draw_is_an_error_with_a_remedy(results, tmp_path):
    failed = {"enhancer": None, "status": "failed", "error_bpm": None, "hr_pred_bpm": None, "snr_db": None,
              "psnr_in_db": None}  # fmt: skip
    rows = [{**row, **failed} for row in results.rows if row["enhancer"] is None]
    Results(results.about, rows, []).save(tmp_path / "smoke" / "v1")
    with pytest.raises(RppgbenchError, match="no figure has its material") as caught:
        call("smoke", "--out", tmp_path, "--store", tmp_path / "nowhere")
    assert "nothing was scored" in (caught.value.hint or "")


def test_help_teaches_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom rppgbench.cli.figures_command import figures\n"
        "figures(['--help'], standalone_mode=False)\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "delta_psnr" in done.stdout and "Examples:" in done.stdout
    found = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in found
    assert not found & {"matplotlib", "numpy", "pandas", "scipy", "torch", "pyarrow", "av"}
