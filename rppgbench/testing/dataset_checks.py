"""Conformance checks of a dataset's records, files, clocks and rendered videos."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
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

N_SUBJECTS = 2
SECONDS = 3.0
_LONG_AGO_NS = 10**18  # 2001


def make_fixture(spec: DatasetSpec, target: Path) -> Path:
    """``target``, with a fixture of one session of each of two subjects written into it."""
    from rppgbench.datasets.fixture import write_fixture
    from rppgbench.registry import load_registry
    from rppgbench.testing.rendered_cohort import RenderedCohort

    require(bool(spec.fixture), spec, "needs files, and there is neither a root= to check it on nor a fixture")
    cohort = RenderedCohort(load_registry(), n_sessions=1)
    rendered = write_fixture(spec, target, cohort, n_subjects=N_SUBJECTS, duration_s=SECONDS)
    require(bool(rendered), spec, "its fixture names no takes")
    return target


def check_dataset(spec: Spec, new: Callable[[], Any], folder: Path) -> None:
    """Check the records of all recordings, and files, ground truth and frames of the first.

    ``new`` makes a loader. One lists. A second one, which must not list, answers about the first recording, as in a
    task: of a fixture in ``folder`` it must open no other recording's files.
    """
    dataset, asked = new(), new()
    _forbid_listing(spec, asked)
    recordings: list[Recording] = list(dataset.recordings())
    require(bool(recordings), spec, "has no recordings")
    ids = [recording.id for recording in recordings]
    require(len(set(ids)) == len(ids), spec, "two recordings share an id")
    require(ids == [recording.id for recording in dataset.recordings()], spec, "recordings() changes between calls")
    first, *others = recordings
    _check_files(spec, first)
    truth = dataset.ground_truth(first)
    unread = _unread(first, others, folder)
    _check_truth(spec, asked.ground_truth(first), first)
    same = np.array_equal(asked.ground_truth(first).samples, truth.samples, equal_nan=True)
    require(same, spec, "a loader that has not listed its recordings gives another ground truth")
    video = first.path
    if video is None:
        require(isinstance(dataset, RenderingDataset), spec, "recordings have no path, and there is no render()")
        video = _rendered(spec, (dataset, asked), first, folder)
    _check_frames(spec, asked, first, video)
    opened = [str(path) for path in unread if path.stat().st_atime_ns != _LONG_AGO_NS]
    require(not opened, spec, f"questions about {first.id!r} open files of other recordings: {', '.join(opened[:3])}")
    if isinstance(dataset, InventoriedDataset):
        published = dataset.inventory().subjects
        unknown = sorted({recording.subject for recording in recordings} - set(published))
        require(not unknown, spec, f"inventory() does not know subjects that are here: {', '.join(unknown)}")


def _forbid_listing(spec: Spec, dataset: Any) -> None:
    def forbidden() -> Any:
        require(False, spec, "lists all its recordings to answer about one: each task would open every file")

    for name in ("recordings", "inventory"):
        with suppress(AttributeError):  # it has no such method, or is frozen
            setattr(dataset, name, forbidden)


def _unread(recording: Recording, others: Sequence[Recording], folder: Path) -> list[Path]:
    """Files below ``folder`` of the ``others`` alone, and folders of such files: their access times are long ago.

    Empty on a file system that keeps no access times.
    """
    probe = folder / "probe"
    probe.write_bytes(b"0")
    os.utime(probe, ns=(_LONG_AGO_NS, probe.stat().st_mtime_ns))
    probe.read_bytes()
    if probe.stat().st_atime_ns == _LONG_AGO_NS:
        return []
    own = {path for file in _files(recording) for path in (file, *file.parents)}
    paths = {path for other in others for file in _files(other) for path in (file, *file.parents)}
    unread = sorted(path for path in paths - own if path.is_relative_to(folder))
    for path in unread:
        os.utime(path, ns=(_LONG_AGO_NS, path.stat().st_mtime_ns))
    return unread


def _files(recording: Recording) -> list[Path]:
    paths = (recording.path, *recording.source_files, *recording.truth_files, *recording.clock_files)
    return [path for path in paths if path is not None]


def _check_files(spec: Spec, recording: Recording) -> None:
    if getattr(spec, "needs_files", False):
        tracked = bool(recording.truth_files or recording.truth_details)
        require(tracked, spec, "neither truth_files nor truth_details: a changed truth would keep its old scores")
        named = recording.path is not None or bool(recording.source_files)
        require(
            named, spec, "a recording has neither a path nor source_files: a changed video would keep its old scores"
        )
    missing = [str(path) for path in _files(recording) if not path.is_file()]
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


def _rendered(spec: Spec, datasets: Sequence[Any], recording: Recording, folder: Path) -> Path:
    digests = []
    for run, dataset in enumerate(datasets):
        target: Path = folder / f"rendered{run}{dataset.container()}"
        dataset.render(recording, target)
        digests.append(hashlib.sha256(target.read_bytes()).hexdigest())
    require(digests[0] == digests[1], spec, "rendering twice gave different bytes")
    return target


def _check_frames(spec: Spec, dataset: Any, recording: Recording, video: Path) -> None:
    from rppgbench.media.decode import frames

    sizes = [(frame.picture.width, frame.picture.height) for frame in frames(video, part=recording.part)]
    n_frames = len(sizes)
    if recording.clock_files:
        require(isinstance(dataset, TimedDataset), spec, "recordings have clock_files, and there is no frame_times_s()")
        times_s = np.asarray(dataset.frame_times_s(recording))
        require(len(times_s) == n_frames, spec, f"{len(times_s)} frame times for {n_frames} frames")
        require(times_s[0] == 0 and bool((np.diff(times_s) > 0).all()), spec, "frame times do not ascend from 0")
    # A header gives the size as stored, before a phone's rotation.
    said, found = recording.frame_size, sizes[0] if sizes else None
    same = said is None or found is None or sorted(said) == sorted(found)
    require(same, spec, f"frames are of size {found}, frame_size says {said}")
    expected = recording.fps_hz * recording.duration_s
    require(abs(n_frames - expected) <= 2, spec, f"{n_frames} frames, by rate and duration {expected:.1f}")
