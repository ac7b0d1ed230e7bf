"""Completeness of a copy of a dataset against its inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.datasets.audit_finding import AuditFinding
from rppgbench.datasets.partial_recordings import PartialRecordings
from rppgbench.text import pluralise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rppgbench.contracts import Absent, Inventory, Recording

_EXTRA_SHOWN = 10


def check_completeness(
    inventory: Inventory, recordings: Sequence[Recording], root: Path | None, *, partial: bool
) -> Iterator[AuditFinding]:
    """Findings on recordings missing from a copy of a dataset. A damaged, renamed or incomplete one is trouble. Those
    without any file are trouble if their subject is here, one per reason, or one remark in a ``partial`` copy. Absent
    subjects and extra files are remarks."""
    partials = PartialRecordings(inventory, recordings, root)
    here = subjects_here(inventory, recordings, partials)
    absent_here = [(absent, partials.has_leftovers(absent)) for absent in inventory.absent if absent.subject in here]
    for absent in (absent for absent, damaged in absent_here if damaged):
        yield _missing(absent)
    missing = [absent for absent, damaged in absent_here if not damaged]
    if missing and not partial:
        yield from _missing_by_reason(missing)
    elif missing:
        yield AuditFinding(severity="remark", check="missing", found=_not_here(missing))
    absent_subjects = [subject for subject in inventory.subjects if subject not in here]
    if absent_subjects:
        yield AuditFinding(
            severity="remark",
            check="subjects",
            found=f"{len(absent_subjects)} of {pluralise(len(inventory.subjects), 'published subject')} "
            f"{'is' if len(absent_subjects) == 1 else 'are'} not here: "
            f"{', '.join(spans(absent_subjects))}",
            remedy="" if partial else "get them, or say --partial if this copy is meant to be without them",
        )
    for path in inventory.extra[:_EXTRA_SHOWN]:
        yield AuditFinding(severity="remark", check="extra", found="belongs to no published recording", path=path)
    if len(inventory.extra) > _EXTRA_SHOWN:
        more = len(inventory.extra) - _EXTRA_SHOWN
        yield AuditFinding(
            severity="remark",
            check="extra",
            found=f"{pluralise(more, 'more file')} that belong to no published recording",
        )


def _missing(absent: Absent) -> AuditFinding:
    return AuditFinding(
        severity="trouble",
        check="missing",
        found=absent.reason,
        remedy=absent.remedy or "copy or download it again",
        recording=absent.id,
        path=absent.path,
    )


def _missing_by_reason(absent: Sequence[Absent]) -> Iterator[AuditFinding]:
    """One trouble per reason for recordings without any file."""
    by_reason: dict[tuple[str, str], list[Absent]] = {}
    for one in absent:
        by_reason.setdefault((one.reason, one.remedy), []).append(one)
    for (reason, remedy), ones in by_reason.items():
        names = list(dict.fromkeys(one.id for one in ones))
        if len(names) == 1:
            yield from map(_missing, ones)
            continue
        listed = ", ".join(spans(names))
        yield AuditFinding(
            severity="trouble",
            check="missing",
            found=f"{reason}; so it is with {len(names)} recordings of subjects that are here: {listed}",
            remedy=remedy or "get them, or say --partial if this copy is meant to be without them",
            path=ones[0].path,
        )


def _not_here(absent: Sequence[Absent]) -> str:
    names = list(dict.fromkeys(one.id for one in absent))
    what = f"{pluralise(len(names), 'recording')} of subjects that are here {'is' if len(names) == 1 else 'are'} not"
    return f"{what}: {', '.join(spans(names))}"


def subjects_here(inventory: Inventory, recordings: Sequence[Recording], partials: PartialRecordings) -> set[str]:
    """Subjects with a whole recording, a partial one, or a folder of their own."""
    here = {recording.subject for recording in recordings}
    return here | {
        one.subject for one in inventory.absent if partials.has_leftovers(one) or partials.has_subject_folder(one)
    }


def spans(subjects: Sequence[str]) -> list[str]:
    """Names in their order, with runs of consecutive numbers behind one prefix as ``a1 to a5``."""
    runs: list[list[str]] = []
    for name in subjects:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [part for run in runs for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run)]


def _follows(before: str, name: str) -> bool:
    head, tail = _split(before)
    next_head, next_tail = _split(name)
    return head == next_head and bool(tail) and bool(next_tail) and int(next_tail) == int(tail) + 1


def _split(name: str) -> tuple[str, str]:
    head = name.rstrip("0123456789")
    return head, name[len(head) :]
