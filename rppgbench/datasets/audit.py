"""The audit of a dataset: what is missing, damaged, doubled or implausible, recording by recording."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rppgbench.datasets.audit_finding import AuditFinding, of_error
from rppgbench.datasets.clock_check import declared_clock, uncompared
from rppgbench.datasets.completeness import incomplete
from rppgbench.datasets.duplicates import duplicates
from rppgbench.datasets.file_check import damaged_files
from rppgbench.datasets.truth_check import TruthSummary, check_ground_truth
from rppgbench.datasets.video_check import check_video

if TYPE_CHECKING:
    from rppgbench.contracts import Inventory, Recording
    from rppgbench.datasets.open_dataset import OpenDataset

SCHEMA = 1


@dataclass(frozen=True)
class RecordingReport:
    """One recording looked at; numbers are None where they could not be had."""

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
    """What a check found. ``inventory`` is None when nobody says what was published, or only some were asked for."""

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
        """As JSON, described in the help of the command."""
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
    holding: OpenDataset,
    *,
    partial: bool = False,
    quick: bool = False,
    only: Sequence[str] = (),
    workers: int = 1,
    progress: Callable[[Sequence[Recording], int, float], None] = lambda done, n_recordings, total_s: None,
) -> AuditReport:
    """Look at a dataset, or at ``only`` some recordings of it; ``quick`` decodes no video.

    ``progress`` is told the recordings that were looked at, of how many, and how long all of them are. With more than
    one of ``workers`` the videos are decoded in as many processes.

    Raises:
        DatasetUnavailable: there is no such dataset in the folder.
        UnknownName: there is no such recording.
    """
    findings: list[AuditFinding] = []
    inventory = None
    if only:
        recordings = holding.chosen(only)
    else:
        recordings = list(holding.dataset.recordings())
        inventory, found = _completeness(holding, recordings, partial=partial)
        findings += found
        findings += _doubled_ids(recordings)
        findings += duplicates(recordings)
    examined = {}
    done: list[Recording] = []
    total_s = sum(recording.duration_s for recording in recordings)
    progress(done, len(recordings), total_s)
    for recording, one in _examine_all(holding, recordings, quick, workers):
        examined[recording.id] = one
        done.append(recording)
        progress(done, len(recordings), total_s)
    in_order = [examined[recording.id] for recording in recordings]
    notes = inventory.notes if inventory is not None else ()
    if holding.spec.needs_files:  # what makes its recordings itself has but one clock
        notes += tuple(uncompared([one.truth.video_s for one in in_order if one.truth is not None]))
    return AuditReport(
        dataset=holding.spec.name,
        root=str(holding.root or ""),
        partial=partial,
        quick=quick,
        examined=tuple(in_order),
        findings=tuple(findings + [finding for one in in_order for finding in one.findings]),
        inventory=inventory,
        notes=notes,
    )


def audit_recording(holding: OpenDataset, recording: Recording, *, quick: bool) -> RecordingReport:
    """One recording: its files, its pictures, its truth, and whether they agree."""
    findings = list(damaged_files(recording))
    broken = {finding.path for finding in findings}
    footage = None
    if not broken & {recording.path, *recording.source_files, *recording.clock_files}:
        footage, found = check_video(holding.dataset, recording, quick=quick)
        findings += found
    if footage is not None:
        findings += declared_clock(recording, footage)
    testimony = None
    if not broken & set(recording.truth_files):
        duration_s = footage.duration_s if footage is not None else recording.duration_s
        testimony, found = check_ground_truth(holding.dataset, recording, duration_s)
        findings += found
    if footage is None:
        return RecordingReport(recording.id, recording.subject, tuple(findings), truth=testimony)
    return RecordingReport(
        recording=recording.id,
        subject=recording.subject,
        findings=tuple(findings),
        n_frames=footage.n_frames,
        fps_hz=footage.fps_hz,
        duration_s=footage.duration_s,
        codec=footage.info.codec,
        truth=testimony,
    )


def _completeness(
    holding: OpenDataset, recordings: Sequence[Recording], *, partial: bool
) -> tuple[Inventory | None, list[AuditFinding]]:
    try:
        inventory = holding.inventory()
    except Exception as error:  # a stranger's loader must not stop the check
        return None, [of_error("inventory", error, path=holding.root)]
    findings = [] if inventory is None else list(incomplete(inventory, recordings, holding.root, partial=partial))
    if not recordings:
        nothing = AuditFinding(
            severity="trouble",
            check="missing",
            found="not one recording is whole",
            remedy=holding.spec.how_to_get,
            path=holding.root,
        )
        findings.append(nothing)
    return inventory, findings


def _doubled_ids(recordings: Sequence[Recording]) -> Iterator[AuditFinding]:
    for name, count in Counter(recording.id for recording in recordings).items():
        if count > 1:
            yield AuditFinding(
                severity="trouble",
                check="inventory",
                found=f"{count} recordings have this id",
                remedy="tell the dataset plugin's author",
                recording=name,
            )


def _examine_all(
    holding: OpenDataset, recordings: Sequence[Recording], quick: bool, workers: int
) -> Iterator[tuple[Recording, RecordingReport]]:
    workers = min(workers, len(recordings))
    if workers <= 1:
        for recording in recordings:
            yield recording, _examine_safely(holding, recording, quick)
        return
    # Decoders and HDF5 hold locks and threads that a fork would copy.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(holding, quick))
    try:
        jobs = {pool.submit(_examine_here, recording): recording for recording in recordings}
        for job in as_completed(jobs):
            recording = jobs[job]
            try:
                yield recording, job.result()
            except BrokenProcessPool:
                yield recording, _unfinished(recording)
    finally:
        pool.shutdown(cancel_futures=True)


def _examine_safely(holding: OpenDataset, recording: Recording, quick: bool) -> RecordingReport:
    try:
        return audit_recording(holding, recording, quick=quick)
    except Exception as error:  # what a loader says may be anything; the other recordings must be looked at
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


_HOLDING: OpenDataset | None = None
_QUICK = False


def _start(holding: OpenDataset, quick: bool) -> None:
    global _HOLDING, _QUICK
    _HOLDING, _QUICK = holding, quick


def _examine_here(recording: Recording) -> RecordingReport:
    if _HOLDING is None:
        raise RuntimeError("the process was not started by _start")
    return _examine_safely(_HOLDING, recording, _QUICK)
