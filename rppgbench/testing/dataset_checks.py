"""Conformance checks of a dataset's records, files, clocks and rendered videos."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.contracts import (
    DatasetSpec,
    GroundTruth,
    InventoriedDataset,
    Recording,
    RenderingDataset,
    Spec,
    TimedDataset,
)
from rppgbench.testing.demand import require

SECONDS = 6.0


def make_fixture(spec: DatasetSpec, target: Path) -> Path:
    """``target``, with a fixture of one session of one subject written into it."""
    from rppgbench.datasets.fixture import write_fixture
    from rppgbench.registry import load_registry
    from rppgbench.testing.rendered_cohort import RenderedCohort

    require(bool(spec.fixture), spec, "needs files, and there is neither a root= to check it on nor a fixture")
    cohort = RenderedCohort(load_registry(), n_sessions=1)
    require(
        bool(write_fixture(spec, target, cohort, n_subjects=1, duration_s=SECONDS)), spec, "its fixture names no takes"
    )
    return target


def check_dataset(spec: Spec, dataset: Any, folder: Path) -> None:
    """Check the records of all recordings, and files, ground truth and frames of the first."""
    recordings: list[Recording] = list(dataset.recordings())
    require(bool(recordings), spec, "has no recordings")
    ids = [recording.id for recording in recordings]
    require(len(set(ids)) == len(ids), spec, "two recordings share an id")
    require(ids == [recording.id for recording in dataset.recordings()], spec, "recordings() changes between calls")
    first = recordings[0]
    _check_files(spec, first)
    _check_truth(spec, dataset.ground_truth(first), first)
    video = first.path
    if video is None:
        require(isinstance(dataset, RenderingDataset), spec, "recordings have no path, and there is no render()")
        video = _rendered(spec, dataset, first, folder)
    _check_frames(spec, dataset, first, video)
    if isinstance(dataset, InventoriedDataset):
        published = dataset.inventory().subjects
        unknown = sorted({recording.subject for recording in recordings} - set(published))
        require(not unknown, spec, f"inventory() does not know subjects that are here: {', '.join(unknown)}")


def _check_files(spec: Spec, recording: Recording) -> None:
    if getattr(spec, "needs_files", False):
        tracked = bool(recording.truth_files or recording.truth_details)
        require(tracked, spec, "neither truth_files nor truth_details: a changed truth would keep its old scores")
        named = recording.path is not None or bool(recording.source_files)
        require(
            named, spec, "a recording has neither a path nor source_files: a changed video would keep its old scores"
        )
    files = (recording.path, *recording.source_files, *recording.truth_files, *recording.clock_files)
    missing = [str(path) for path in files if path is not None and not path.is_file()]
    require(not missing, spec, f"recordings() names files that are not there: {', '.join(missing)}")


def _check_truth(spec: Spec, truth: GroundTruth, recording: Recording) -> None:
    times_s = np.asarray(truth.times_s)
    require(truth.samples.shape == times_s.shape, spec, f"{truth.samples.shape} samples at {times_s.shape} times")
    require(bool((np.diff(times_s) > 0).all()), spec, "times of the ground truth do not ascend")
    covered = float(min(times_s[-1], recording.duration_s) - max(times_s[0], 0.0))
    enough = covered > 0.5 * recording.duration_s
    require(enough, spec, f"the ground truth covers {covered:.1f} s of {recording.duration_s} s")
    for name, samples in truth.leads.items():
        require(
            samples.shape == times_s.shape, spec, f"lead {name!r}: {samples.shape} samples at {times_s.shape} times"
        )


def _rendered(spec: Spec, dataset: Any, recording: Recording, folder: Path) -> Path:
    digests = []
    for run in range(2):
        target: Path = folder / f"rendered{run}{dataset.container()}"
        dataset.render(recording, target)
        digests.append(hashlib.sha256(target.read_bytes()).hexdigest())
    require(digests[0] == digests[1], spec, "rendering twice gave different bytes")
    return target


def _check_frames(spec: Spec, dataset: Any, recording: Recording, video: Path) -> None:
    from rppgbench.media.decode import frames

    n_frames = sum(1 for _ in frames(video, part=recording.part))
    if recording.clock_files:
        require(isinstance(dataset, TimedDataset), spec, "recordings have clock_files, and there is no frame_times_s()")
        times_s = np.asarray(dataset.frame_times_s(recording))
        require(len(times_s) == n_frames, spec, f"{len(times_s)} frame times for {n_frames} frames")
        require(times_s[0] == 0 and bool((np.diff(times_s) > 0).all()), spec, "frame times do not ascend from 0")
    expected = recording.fps_hz * recording.duration_s
    require(abs(n_frames - expected) <= 2, spec, f"{n_frames} frames, by rate and duration {expected:.1f}")
