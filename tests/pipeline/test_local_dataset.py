"""Datasets with parts of files, clocks, inventories, and training on other datasets, from protocol to rows."""

import sys
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest

from rppgbench.contracts import Absent, DatasetSpec, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, ProtocolError
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.hookspecs import hookimpl
from rppgbench.media import lossless
from rppgbench.media.decode import frames
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.result_rows import missing_data, result_rows
from rppgbench.pipeline.stages.label_stage import NO_VIDEO
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import Registry

FPS_HZ, LENGTH_S = 20.0, 8.0
LEAD_IN = 30  # frames before the part that counts, at another rate


class Lab:
    """Files of 190 frames of which 160 count, of a camera that ran at 16 frames a second and not the 20 it says."""

    whole = True
    video_s = None
    true_fps_hz = 16.0
    n_here = 3

    def __init__(self, root):
        self.root = root

    def recordings(self):
        return [
            Recording(
                id=f"{subject}-1", subject=subject, session="1", fps_hz=self.true_fps_hz,
                duration_s=160 / self.true_fps_hz, frames_are_skin=True, part=(LEAD_IN, -10), source="lossy",
                path=self.root / f"{subject}.avi",
                truth_files=(self.root / "truth",), clock_files=(self.root / "clock",),
            )
            for subject in self._here()
        ]  # fmt: skip

    def _here(self):
        return [f"p{n}" for n in range(1, self.n_here + 1)] if self.whole else []

    def inventory(self):
        missing = [f"p{n}" for n in range(1, 5) if f"p{n}" not in self._here()]
        absent = tuple(
            Absent(id=f"{p}-1", subject=p, path=self.root / f"{p}.avi", reason="no such file", remedy="copy it")
            for p in missing
        )
        return Inventory(subjects=("p1", "p2", "p3", "p4"), n_recordings=4, absent=absent)

    def frame_times_s(self, recording):
        return np.arange(160) / self.true_fps_hz

    def ground_truth(self, recording):
        times_s = np.arange(-1, 21, 1 / 64)
        return GroundTruth(
            samples=wave(recording.subject, times_s), times_s=times_s, kind="bvp", video_s=self.video_s,
            doubts=("worn loosely",) if recording.subject == "p1" else (),
        )  # fmt: skip

    @classmethod
    def film(cls, root):
        for n in range(1, cls.n_here + 1):
            subject = f"p{n}"
            # What is outside of the part pulses at a rate of its own.
            strange = 20 * np.sin(np.arange(LEAD_IN))
            level = np.concatenate([strange, 20 * wave(subject, np.arange(160) / cls.true_fps_hz), strange[:10]])
            pictures = (np.full((16, 16, 3), (150, round(110 + g), 90), np.uint8) for g in level)
            lossless.write_lossless(pictures, root / f"{subject}.avi", FPS_HZ)
        for name in ("truth", "clock"):
            (root / name).write_text("1")


def wave(subject, times_s):
    return np.sin(2 * np.pi * (1.0 + 0.1 * int(subject[1:])) * times_s)


def hr_bpm(subject):
    return 60 + 6 * int(subject[1:])


@pytest.fixture
def lab(monkeypatch, registry, tmp_path):
    """A registry with the lab in it, and the lab's folder."""
    module = module_from_spec(spec_from_file_location("lab", __file__))
    module.Lab = Lab

    @hookimpl
    def rppgbench_datasets():
        yield DatasetSpec(name="lab", factory="lab:Lab", summary="")

    module.rppgbench_datasets = rppgbench_datasets
    monkeypatch.setitem(sys.modules, "lab", module)
    root = tmp_path / "lab_files"
    root.mkdir()
    Lab.film(root)
    both = Registry.from_plugins(lab=module, mini=sys.modules["mini"], tiny=sys.modules["tiny_learners"])
    return both, root


TEXT = """\
rppgbench: 1
name: lab
version: 1
title: A lab
dataset: {use: lab}
folds: {scheme: leave_one_subject_out}
conditions:
  reference: {use: original}
  grid:
    - {use: copy, sweep: {bitrate_kbps: [100]}}
clips: {length_s: 10.0, fps_hz: 20.0, size: [16, 16]}
evaluation:
  heart_rate: {use: spectrum}
  metrics: [hr_mae_bpm]
  primary: hr_mae_bpm
entries:
  - {method: green}
  - {method: rate}
"""


@pytest.fixture
def answered(lab, store, tmp_path):
    """A function from changes of the protocol's text to its plan and its rows."""
    registry, root = lab

    def answer(*changes):
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "lab.yaml"
        path.write_text(text)
        plan = make_plan(load_protocol(path, registry), store, roots={"lab": root})
        outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry))
        return plan, result_rows(plan, store, outcome.failures), outcome

    return answer


# The mini codec copies whole files: what it makes of a part is not a part.
REFERENCE_ALONE = ("    - {use: copy, sweep: {bitrate_kbps: [100]}}\n", "    []\n")


def test_the_part_and_the_datasets_clock_are_what_counts(answered):
    _, found, _ = answered(REFERENCE_ALONE)
    greens = [row for row in found if row["entry"] == "green"]
    assert [row["status"] for row in greens] == ["scored"] * 3
    for row in greens:
        # By the file's own clock the rates would be a quarter higher; with the lead-in they would be another's.
        assert row["hr_pred_bpm"] == pytest.approx(hr_bpm(row["subject"]), abs=0.3)
        assert row["hr_true_bpm"] == pytest.approx(hr_bpm(row["subject"]), abs=0.3)
        assert row["source"] == "lossy"


def test_frames_of_a_part_count_from_its_first(lab):
    _, root = lab
    path = root / "p1.avi"
    everything = [(frame.time_s, int(frame.rgb()[0, 0, 1])) for frame in frames(path)]
    part = [(frame.time_s, int(frame.rgb()[0, 0, 1])) for frame in frames(path, part=(LEAD_IN, -10))]
    assert len(everything) == 200
    assert [level for _, level in part] == [level for _, level in everything[LEAD_IN:-10]]
    assert [time_s for time_s, _ in part] == pytest.approx(np.arange(160) / FPS_HZ)


def test_a_dataset_with_another_number_of_times_than_frames_fails_by_name(answered, monkeypatch):
    monkeypatch.setattr(Lab, "frame_times_s", lambda self, recording: np.arange(159) / 16)
    _, found, outcome = answered(REFERENCE_ALONE)
    assert {row["status"] for row in found} == {"excluded"}
    assert "has 160 frames, and its clock 159" in found[0]["reason"]
    assert any("rppgbench data check" in (failure.hint or "") for failure in outcome.failed)


def test_doubts_of_the_loader_flag_every_window_and_are_scored_all_the_same(answered):
    _, found, _ = answered(REFERENCE_ALONE)
    flags = {row["subject"]: row["label_flags"] for row in found}
    assert flags == {"p1": "loader: worn loosely", "p2": None, "p3": None}
    assert {row["status"] for row in found} == {"scored"}


def test_a_clock_that_drifts_scores_nothing(answered, monkeypatch):
    monkeypatch.setattr(Lab, "video_s", 10.4)
    _, found, _ = answered(REFERENCE_ALONE)
    assert {row["status"] for row in found} == {"excluded"}
    assert "disagree by 4.0 %: 10.4 s against 10.0 s" in found[0]["reason"]


def test_a_video_shorter_than_its_recording_excludes_what_it_does_not_show(answered, monkeypatch):
    whole = Lab.recordings

    def longer(self):
        return [Recording(**{**vars(recording), "duration_s": 20.0}) for recording in whole(self)]

    monkeypatch.setattr(Lab, "recordings", longer)
    _, found, _ = answered(REFERENCE_ALONE, ("  - {method: rate}\n", ""))
    assert [row["status"] for row in found if row["subject"] == "p2"] == ["scored", "excluded"]
    assert [row["reason"] for row in found if row["subject"] == "p2"][1] == NO_VIDEO


def test_folds_are_of_the_published_subjects_and_tested_with_those_here(answered):
    plan, _, _ = answered(REFERENCE_ALONE)
    assert plan.datasets[0].published == ("p1", "p2", "p3", "p4")
    assert [fold.test for fold in plan.folds] == [("p1",), ("p2",), ("p3",)] or len(plan.folds) == 3
    assert all("p4" not in (*fold.train, *fold.test) for fold in plan.folds)
    assert [absent.id for absent in plan.datasets[0].inventory.absent] == ["p4-1"]


def test_a_dataset_of_which_nothing_is_whole_is_refused_with_the_first_that_is_missing(answered, monkeypatch):
    monkeypatch.setattr(Lab, "whole", False)
    with pytest.raises(DatasetUnavailable, match=r"not one whole recording of 'lab'; the first, p1-1: .*p1.avi"):
        answered()


def test_lists_that_forget_a_subject_are_refused(answered):
    lists = "{scheme: subject_lists, lists: [[p1], [p2, p3]]}"
    with pytest.raises(ProtocolError, match=r"folds.lists leaves out p4"):
        answered(("{scheme: leave_one_subject_out}", lists))
    plan, _, _ = answered(("{scheme: leave_one_subject_out}", lists.replace("p3]", "p3, p4]")), REFERENCE_ALONE)
    assert [fold.test for fold in plan.folds] == [("p1",), ("p2", "p3")]


def test_a_method_may_learn_on_another_dataset_once_for_all_folds(lab, store, tmp_path):
    registry, root = lab
    path = tmp_path / "across.yaml"
    entry = sys.modules["tiny_learners"].ENTRIES["pulse"]
    grid, mini = "[{use: brighter, sweep: {levels: [10]}}]", "{use: mini, subjects: 2}"
    training = f"training: {{methods_learn_on: {mini}, conditions: {grid}, methods_learn_from: all}}"
    text = TEXT[: TEXT.index("entries:")].replace(*REFERENCE_ALONE)
    path.write_text(f"{text}{training}\nentries:\n  - {entry}\n")
    plan = make_plan(load_protocol(path, registry), store, roots={"lab": root})
    (fit,) = [task for task in plan.tasks.values() if task.stage == "train"]
    assert fit.settings.recordings == ("s0-rest", "s1-rest")
    assert set(fit.settings.conditions) == {"reference", "brighter-10"}
    assert "on mini" in fit.label and "fold" not in fit.label
    assert {trial.condition.id for trial in plan.trials} == {"reference"}
    outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry))
    assert not outcome.failures
    assert {row["status"] for row in result_rows(plan, store, outcome.failures)} == {"scored"}


def test_learning_on_the_dataset_that_is_tested_is_refused(lab, tmp_path):
    registry, _ = lab
    path = tmp_path / "leak.yaml"
    path.write_text(TEXT.replace("evaluation:", "training: {methods_learn_on: {use: lab}}\nevaluation:"))
    with pytest.raises(ProtocolError, match="'lab' is the dataset that is tested"):
        load_protocol(path, registry)


def test_the_same_video_under_two_subjects_is_dropped(answered, lab):
    _, root = lab
    (root / "p2.avi").write_bytes((root / "p1.avi").read_bytes())
    plan, found, _ = answered(REFERENCE_ALONE, ("  - {method: rate}\n", ""))
    assert {row["subject"] for row in found} == {"p3"}
    reasons = {absent.id: absent.reason for absent in plan.datasets[0].inventory.absent}
    assert reasons["p1-1"] == "byte for byte the video of p2-1, another subject"
    assert missing_data(plan)["absent"] == reasons
    assert missing_data(plan)["subjects_not_here"] == ["p1", "p2", "p4"]


def test_a_truth_that_cannot_be_read_excludes_its_recording_alone(answered, monkeypatch):
    truth = Lab.ground_truth

    def torn(self, recording):
        if recording.subject == "p2":
            raise DatasetUnavailable("truth: line 3 is no number", hint="copy it again")
        return truth(self, recording)

    monkeypatch.setattr(Lab, "ground_truth", torn)
    _, found, outcome = answered(REFERENCE_ALONE)
    assert not outcome.failures
    status = {(row["subject"], row["entry"]): row["status"] for row in found}
    assert {key for key, value in status.items() if value == "excluded"} == {("p2", "green"), ("p2", "rate")}
    assert {value for (subject, _), value in status.items() if subject != "p2"} == {"scored"}
    assert {row["reason"] for row in found if row["subject"] == "p2"} == {"truth: line 3 is no number"}


def test_a_video_that_cannot_be_read_is_no_entrys_failure(answered, lab):
    _, root = lab
    whole = (root / "p2.avi").read_bytes()
    (root / "p2.avi").write_bytes(whole[: len(whole) // 2])
    _, found, outcome = answered(REFERENCE_ALONE)
    assert {failure.task.stage for failure in outcome.failed} == {"boxes"} or outcome.failed
    assert {row["status"] for row in found if row["subject"] == "p2"} == {"excluded"}
    assert {row["status"] for row in found if row["subject"] != "p2"} == {"scored"}


def test_windows_over_a_hole_in_the_video_are_excluded(answered, monkeypatch):
    times_s = np.arange(160) / 16 + np.where(np.arange(160) < 80, 0.0, 3.0)
    monkeypatch.setattr(Lab, "frame_times_s", lambda self, recording: times_s)
    _, found, _ = answered(REFERENCE_ALONE)
    assert {row["status"] for row in found} == {"excluded"}
    assert found[0]["reason"] == "the video has a hole from 4.9 s to 8.0 s"


@pytest.mark.parametrize("change", ["video", "truth", "clock", "details", "duration"])
def test_whatever_a_truth_depends_on_makes_a_new_one(answered, lab, store, monkeypatch, change):
    _, root = lab
    plan, _, _ = answered(REFERENCE_ALONE)
    before = {task.key for task in plan.tasks.values() if task.stage == "truth"}
    if change in ("details", "duration"):
        recordings = Lab.recordings
        changed = {"truth_details": "another column"} if change == "details" else {"duration_s": 10.5}
        monkeypatch.setattr(
            Lab, "recordings", lambda self: [Recording(**{**vars(r), **changed}) for r in recordings(self)]
        )
    else:
        for path in sorted(root.glob("p*.avi")) if change == "video" else [root / change]:
            path.write_bytes(path.read_bytes() + path.name.encode())
    again = make_plan(plan.protocol, store, roots={"lab": root})
    assert not before & {task.key for task in again.tasks.values() if task.stage == "truth"}


def test_no_training_uses_a_sensor_whose_clock_is_off(answered, monkeypatch, store):
    truth = Lab.ground_truth

    def drifting(self, recording):
        found = truth(self, recording)
        return GroundTruth(**{**vars(found), "video_s": 10.4 if recording.subject == "p1" else 10.0})

    monkeypatch.setattr(Lab, "ground_truth", drifting)
    entry = sys.modules["tiny_learners"].ENTRIES["pulse"]
    plan, _, outcome = answered(REFERENCE_ALONE, ("  - {method: rate}\n", f"  - {entry}\n"))
    assert not outcome.failures
    fits = [task for task in plan.tasks.values() if task.stage == "train" and "p1-1" in task.settings.recordings]
    assert fits
    for fit in fits:
        assert "disagree by 4.0 %" in store.facts(fit.key)["left_out"]["p1-1"]


def test_one_subject_can_be_tested_by_what_learns_nothing(answered, monkeypatch):
    monkeypatch.setattr(Lab, "n_here", 1)
    with pytest.raises(ProtocolError, match=r"fold \d tests all subjects that are here: none is left to learn from"):
        answered(REFERENCE_ALONE)
    _, found, _ = answered(REFERENCE_ALONE, ("  - {method: rate}\n", ""))
    assert [(row["subject"], row["status"]) for row in found] == [("p1", "scored")]
