"""Every dataset from its published layout to scores: fixture, check, and its protocol's own entries on it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import rppgbench
from rppgbench.cli.main import cli
from rppgbench.contracts import DatasetSpec
from rppgbench.datasets.fixture import write_fixture
from rppgbench.registry import load_registry
from rppgbench.testing.rendered_cohort import RenderedCohort

SPECS = [spec for spec in load_registry().specs("dataset") if isinstance(spec, DatasetSpec) and spec.needs_files]
# Subjects of a fixture: as few as its protocol's folds take.
SUBJECTS = {"obf": 10}
SECONDS = {"scamps": 20}
# Sessions of each subject, where all would take minutes.
SESSIONS = {"obf": 1, "mmpd": 1, "pure": 1, "ubfc_phys": 2, "cohface": 2}
# Frames full of skin, compressed at the dataset's rate, keep no pulse that a method finds: that is the dataset's point.
NO_PULSE_LEFT = {"dasari2021"}
ENTRY = "pos"
# The one whose way is followed at every landing; all are in .ci/full.
AT_EVERY_LANDING = "ubfc_rppg"
CASES = [
    pytest.param(spec, id=spec.name, marks=[] if spec.name == AT_EVERY_LANDING else pytest.mark.full) for spec in SPECS
]


@pytest.mark.slow
@pytest.mark.parametrize("spec", CASES)
def test_from_the_published_layout_to_the_known_heart_rates(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("RPPGBENCH_CONFIG", str(tmp_path / "config.yaml"))
    root = tmp_path / "copy"
    subjects, seconds = SUBJECTS.get(spec.name, 2), SECONDS.get(spec.name, 31)
    cohort = RenderedCohort(load_registry(), n_sessions=SESSIONS.get(spec.name))
    rendered = write_fixture(spec, root, cohort, n_subjects=subjects, duration_s=seconds)
    known_bpm = {name: recording.hr_bpm for name, recording in rendered.items()}
    run("data", "add", spec.name, root, "--partial")
    report = json.loads(run("data", "check", spec.name, "--json"))
    assert not [finding for finding in report["findings"] if finding["severity"] == "trouble"]
    scored = reference_rows(spec, root, tmp_path / "store")
    assert {row["recording"] for row in scored} == set(known_bpm)
    assert {row["status"] for row in scored} == {"scored"}
    for row in scored:
        assert row["hr_true_bpm"] == pytest.approx(known_bpm[row["recording"]], abs=1.0), row["recording"]
    if spec.name not in NO_PULSE_LEFT:
        assert np.median([abs(row["error_bpm"]) for row in scored]) < 1.0
        assert np.mean([abs(row["error_bpm"]) < 5.0 for row in scored]) >= 0.9


def run(*args) -> str:
    result = CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def reference_rows(spec, root, folder):
    """POS on the recordings as they come, under the dataset's own protocol at toy size."""
    only = [f"entry={ENTRY}", "condition=reference"]
    results = rppgbench.run(
        spec.protocol, store=folder, data={spec.name: root}, only=only, rehearse=True, workers=0, progress=False
    )
    return results.content.rows
