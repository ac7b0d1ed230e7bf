"""Audit of a dataset: missing, damaged, duplicated and implausible recordings."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rppgbench.datasets.audit_finding import AuditFinding, of_error
from rppgbench.datasets.clock_check import check_declared_clock, note_uncompared_clocks
from rppgbench.datasets.completeness import check_completeness
from rppgbench.datasets.duplicates import find_duplicates
from rppgbench.datasets.file_check import damaged_files
from rppgbench.datasets.truth_check import TruthSummary, check_ground_truth
from rppgbench.datasets.video_check import check_video

if TYPE_CHECKING:
    from rppgbench.contracts import Inventory, Recording
    from rppgbench.datasets.open_dataset import OpenDataset

SCHEMA = 1


@dataclass(frozen=True)
class RecordingReport:
    """Findings on one recording and its measures; a measure is None if it could not be taken."""

    recording: str
    subject: str
    findings: tuple[AuditFinding, ...]
    n_frames: int | None = None
    fps_hz: float | None = None
    duration_s: float | None = None
    codec: str | None = None
    truth: TruthSummary | None = None


@dataclass(frozen=True)
class AuditReport:
    """Result of an audit. ``inventory`` is None if the loader has none or only some recordings were audited."""

    dataset: str
    root: str
    partial: bool
    quick: bool
    examined: tuple[RecordingReport, ...]
    findings: tuple[AuditFinding, ...]
    inventory: Inventory | None
    notes: tuple[str, ...] = ()

    @property
    def n_trouble(self) -> int:
        return sum(finding.severity == "trouble" for finding in self.findings)

    @property
    def n_remarks(self) -> int:
        return len(self.findings) - self.n_trouble

    def record(self) -> dict[str, Any]:
        """The report as plain data for JSON; ``rppgbench data check --help`` lists the keys."""
        kept = [asdict(one) for one in self.examined]
        recordings = [{key: value for key, value in one.items() if key != "findings"} for one in kept]
        published = None
        if self.inventory is not None:
            published = {"subjects": len(self.inventory.subjects), "recordings": self.inventory.n_recordings}
        return {
            "schema": SCHEMA,
            "dataset": self.dataset,
            "root": self.root,
            "partial": self.partial,
            "quick": self.quick,
            "published": published,
            "here": {"subjects": len({one.subject for one in self.examined}), "recordings": len(self.examined)},
            "trouble": self.n_trouble,
            "remarks": self.n_remarks,
            "findings": [finding.record() for finding in self.findings],
            "recordings": recordings,
            "notes": list(self.notes),
        }


def audit(
    dataset: OpenDataset,
    *,
    partial: bool = False,
    quick: bool = False,
    only: Sequence[str] = (),
    workers: int = 1,
    progress: Callable[[Sequence[Recording], int, float], None] = lambda done, n_recordings, total_s: None,
) -> AuditReport:
    """The audit of a dataset, or of the recordings ``only``; ``quick`` decodes no video.

    ``progress`` is called with the recordings audited so far, the number of all, and their total duration in s.
    Videos are decoded in ``workers`` processes, or in this one if it is 1.

    Raises:
        DatasetUnavailable: the folder does not hold the dataset.
        UnknownName: a name in ``only`` is no recording.
    """
    findings: list[AuditFinding] = []
    inventory = None
    if only:
        recordings = dataset.select(only)
    else:
        recordings = list(dataset.loader.recordings())
        inventory, found = _completeness(dataset, recordings, partial=partial)
        findings += found
        findings += _duplicate_ids(recordings)
        findings += find_duplicates(recordings)
    examined = {}
    done: list[Recording] = []
    total_s = sum(recording.duration_s for recording in recordings)
    progress(done, len(recordings), total_s)
    for recording, one in _audit_all(dataset, recordings, quick, workers):
        examined[recording.id] = one
        done.append(recording)
        progress(done, len(recordings), total_s)
    in_order = [examined[recording.id] for recording in recordings]
    notes = inventory.notes if inventory is not None else ()
    if dataset.spec.needs_files:  # a dataset that renders its recordings has one clock
        notes += tuple(note_uncompared_clocks([one.truth.video_s for one in in_order if one.truth is not None]))
    return AuditReport(
        dataset=dataset.spec.name,
        root=str(dataset.root or ""),
        partial=partial,
        quick=quick,
        examined=tuple(in_order),
        findings=tuple(findings + [finding for one in in_order for finding in one.findings]),
        inventory=inventory,
        notes=notes,
    )


def audit_recording(dataset: OpenDataset, recording: Recording, *, quick: bool) -> RecordingReport:
    """The audit of one recording: its files, video, ground truth, and their agreement."""
    findings = list(damaged_files(recording))
    broken = {finding.path for finding in findings}
    video = None
    if not broken & {recording.path, *recording.source_files, *recording.clock_files}:
        video, found = check_video(dataset.loader, recording, quick=quick)
        findings += found
    if video is not None:
        findings += check_declared_clock(recording, video)
    truth = None
    if not broken & set(recording.truth_files):
        duration_s = video.duration_s if video is not None else recording.duration_s
        truth, found = check_ground_truth(dataset.loader, recording, duration_s)
        findings += found
    if video is None:
        return RecordingReport(recording.id, recording.subject, tuple(findings), truth=truth)
    return RecordingReport(
        recording=recording.id,
        subject=recording.subject,
        findings=tuple(findings),
        n_frames=video.n_frames,
        fps_hz=video.fps_hz,
        duration_s=video.duration_s,
        codec=video.info.codec,
        truth=truth,
    )


def _completeness(
    dataset: OpenDataset, recordings: Sequence[Recording], *, partial: bool
) -> tuple[Inventory | None, list[AuditFinding]]:
    try:
        inventory = dataset.inventory()
    except Exception as error:  # an error of one loader must not stop the audit
        return None, [of_error("inventory", error, path=dataset.root)]
    findings = [] if inventory is None else [*check_completeness(inventory, recordings, dataset.root, partial=partial)]
    if not recordings:
        empty = AuditFinding(
            severity="trouble",
            check="missing",
            found="not one recording is whole",
            remedy=dataset.spec.how_to_get,
            path=dataset.root,
        )
        findings.append(empty)
    return inventory, findings


def _duplicate_ids(recordings: Sequence[Recording]) -> Iterator[AuditFinding]:
    for name, count in Counter(recording.id for recording in recordings).items():
        if count > 1:
            yield AuditFinding(
                severity="trouble",
                check="inventory",
                found=f"{count} recordings have this id",
                remedy="tell the dataset plugin's author",
                recording=name,
            )


def _audit_all(
    dataset: OpenDataset, recordings: Sequence[Recording], quick: bool, workers: int
) -> Iterator[tuple[Recording, RecordingReport]]:
    workers = min(workers, len(recordings))
    if workers <= 1:
        for recording in recordings:
            yield recording, _audit_safely(dataset, recording, quick)
        return
    # Decoders and HDF5 hold locks and threads that a fork would copy.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(dataset, quick))
    try:
        jobs = {pool.submit(_audit_in_worker, recording): recording for recording in recordings}
        for job in as_completed(jobs):
            recording = jobs[job]
            try:
                yield recording, job.result()
            except BrokenProcessPool:
                yield recording, _unfinished(recording)
    finally:
        pool.shutdown(cancel_futures=True)


def _audit_safely(dataset: OpenDataset, recording: Recording, quick: bool) -> RecordingReport:
    try:
        return audit_recording(dataset, recording, quick=quick)
    except Exception as error:  # a loader may raise anything; the other recordings must still be audited
        return RecordingReport(recording.id, recording.subject, (of_error("check", error, recording, recording.path),))


def _unfinished(recording: Recording) -> RecordingReport:
    finding = AuditFinding(
        severity="trouble",
        check="check",
        found="a process that looked at recordings died, perhaps of this one or for want of memory",
        remedy=f"look at it alone: --recording {recording.id} --workers 1",
        recording=recording.id,
        path=recording.path,
    )
    return RecordingReport(recording.id, recording.subject, (finding,))


_DATASET: OpenDataset | None = None
_QUICK = False


def _start_worker(dataset: OpenDataset, quick: bool) -> None:
    global _DATASET, _QUICK
    _DATASET, _QUICK = dataset, quick


def _audit_in_worker(recording: Recording) -> RecordingReport:
    if _DATASET is None:
        raise RuntimeError("the process was not started by _start_worker")
    return _audit_safely(_DATASET, recording, _QUICK)
