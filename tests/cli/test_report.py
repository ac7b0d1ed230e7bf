"""The command ``report``: files, messages, errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from rppgbench.cli.report_command import report
from rppgbench.errors import RppgbenchError, UnknownName
from rppgbench.evaluation.schema import COLUMNS
from rppgbench.protocol.protocol_library import find_protocol
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.report.captions import CAPTIONS
from rppgbench.results.results import Results

ERRORS_BPM = {"pos": 1.0, "green": 4.0, "mean_hr": 12.0}


@pytest.fixture(autouse=True)
def _unprinted(monkeypatch) -> None:
    """Pictures are printed in tests/figures."""
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: Path(path).touch())
    monkeypatch.setattr(Figure, "draw_without_rendering", lambda _: None)


@pytest.fixture(scope="module")
def results() -> Results:
    """Made-up rows of the smoke protocol."""
    protocol = load_protocol(find_protocol("smoke"), load_registry())
    rows = [
        row(protocol, condition, entry, subject)
        for condition in protocol.conditions
        for entry in ERRORS_BPM
        for subject in range(6)
    ]
    return Results({**Results.of(protocol, [], []).about, "entries": list(ERRORS_BPM)}, rows, [])


def row(protocol, condition, entry, subject):
    error, true = ERRORS_BPM[entry] * (1 + 0.1 * subject), 60.0 + subject
    return {
        **{column.name: None for column in COLUMNS},
        "protocol": protocol.name, "version": protocol.version, "digest": protocol.digest, "fold": subject % 2,
        "condition": condition.id, "codec": condition.codec.name, "entry": entry, "method": entry,
        "control": entry == "mean_hr", "dataset": "synthetic", "subject": f"s{subject}",
        "recording": f"s{subject}-rest", "source": "rendered", "tags": "{}", "params": "{}", "window": 0,
        "start_s": 0.0, "end_s": 10.0, "hr_true_bpm": true, "hr_true_spectrum_bpm": true,
        "hr_true_beats_bpm": true + 0.5, "intervals_true": 10,
        "hr_pred_bpm": true + error, "error_bpm": error, "snr_db": 3.0,
        "status": "scored",
    }  # fmt: skip


@pytest.fixture
def out(results, tmp_path) -> Path:
    results.save(tmp_path / "smoke" / "v1")
    return tmp_path


def call(*args: object) -> str:
    result = CliRunner().invoke(report, [str(arg) for arg in args], catch_exceptions=False, standalone_mode=False)
    return result.output


def test_files_reasons_and_a_summary(out):
    output = call("smoke", "--out", out, "--store", out / "nowhere")
    folder = out / "smoke" / "v1"
    for name in ("tables/table2_variability.md", "tables/table3_heart_rate.csv", "tables/comparisons.md",
                 "figures/bland_altman.png", "report.md"):  # fmt: skip
        assert f"written  {folder / name}\n" in output
        assert (folder / name).is_file()
    assert "skipped  fig6_delta_psnr: no entry has an enhancer" in output
    files, in_short = output.split("In short:\n")
    assert f"{files.count('written  ')} files written, {files.count('skipped  ')} parts skipped." in files
    assert "- 6 subjects, 6 windows" in in_short
    assert "- Label floor 0.50" in in_short
    assert in_short.strip().splitlines()[0][2:] in (folder / "report.md").read_text()


def test_a_folder_of_results_does_as_well(out):
    output = call(out / "smoke" / "v1", "--condition", "x265-125k")
    assert f"written  {out / 'smoke' / 'v1' / 'tables' / 'table3_heart_rate_x265-125k.md'}" in output


def test_mistakes_are_answered_before_anything_is_written(out, tmp_path_factory):
    with pytest.raises(RppgbenchError) as caught:
        call("smok")
    assert "did you mean 'smoke'?" in (caught.value.hint or "")
    with pytest.raises(RppgbenchError, match="no results of smoke") as caught:
        call("smoke", "--out", tmp_path_factory.mktemp("empty"))
    assert "'rppgbench run smoke' first" in (caught.value.hint or "")
    with pytest.raises(RppgbenchError) as caught:
        call(out / "smoke" / "v2")
    assert "v1" in (caught.value.hint or "")
    with pytest.raises(RppgbenchError, match=r"no results there \(expected results\.json\)"):
        call(out)
    with pytest.raises(UnknownName) as unknown:
        call("smoke", "--out", out, "--condition", "x265-120k")
    assert "x265-125k" in (unknown.value.hint or "")
    assert not (out / "smoke" / "v1" / "report.md").exists()


def test_help_teaches_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom rppgbench.cli.report_command import report\n"
        "report(['--help'], standalone_mode=False)\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for taught in ("report.md", "the tables of the protocol's paper", "label floor", "Examples:"):
        assert taught in done.stdout
    found = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in found
    assert not found & {"matplotlib", "numpy", "pandas", "scipy", "statsmodels", "torch", "pyarrow", "av"}


def test_help_of_figures_names_every_figure():
    from rppgbench.cli.figures_command import figures

    shown = CliRunner().invoke(figures, ["--help"]).output
    assert all(name in shown for name in CAPTIONS)
