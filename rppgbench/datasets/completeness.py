"""What was published against what is here."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rppgbench.datasets.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rppgbench.contracts import Inventory, Recording

_EXTRA_SHOWN = 10


def incomplete(
    inventory: Inventory, recordings: Sequence[Recording], root: Path | None, *, partial: bool
) -> Iterator[Finding]:
    """Missing recordings of subjects that are here are trouble, each; of a copy that is meant to be partial they are
    told in one remark, as are subjects of whom there is nothing. What belongs to no recording is a remark too."""
    here = subjects_here(inventory, recordings, root)
    missing = [absent for absent in inventory.absent if absent.subject in here]
    for absent in () if partial else missing:
        yield Finding(
            severity="trouble",
            check="missing",
            found=absent.reason,
            remedy=absent.remedy,
            recording=absent.id,
            path=absent.path,
        )
    if partial and missing:
        yield Finding(
            severity="remark",
            check="missing",
            found=f"{len(missing)} recordings of subjects that are here are not: "
            f"{', '.join(spans([absent.id for absent in missing]))}",
        )
    elsewhere = [subject for subject in inventory.subjects if subject not in here]
    if elsewhere:
        yield Finding(
            severity="remark",
            check="subjects",
            found=f"{len(elsewhere)} of {len(inventory.subjects)} published subjects are not here: "
            f"{', '.join(spans(elsewhere))}",
            remedy="" if partial else "get them, or say --partial if this copy is meant to be without them",
        )
    for path in inventory.extra[:_EXTRA_SHOWN]:
        yield Finding(severity="remark", check="extra", found="belongs to no published recording", path=path)
    if len(inventory.extra) > _EXTRA_SHOWN:
        more = len(inventory.extra) - _EXTRA_SHOWN
        yield Finding(
            severity="remark", check="extra", found=f"{more} more files that belong to no published recording"
        )


def subjects_here(inventory: Inventory, recordings: Sequence[Recording], root: Path | None) -> set[str]:
    """Subjects with a whole recording, with a file that is there but wrong, or with a folder of their own."""
    here = {recording.subject for recording in recordings}
    owners: dict[Path, set[str]] = defaultdict(set)
    for absent in inventory.absent:
        owners[absent.path.parent].add(absent.subject)
    for recording in recordings:
        for path in (recording.path, *recording.source_files, *recording.truth_files):
            if path is not None:
                owners[path.parent].add(recording.subject)
    for absent in inventory.absent:
        home = absent.path.parent
        if absent.path.exists() or (home != root and len(owners[home]) == 1 and home.is_dir()):
            here.add(absent.subject)
    return here


def spans(subjects: Sequence[str]) -> list[str]:
    """Names in their order, runs of whole numbers with the same prefix as ``a1 to a5``."""
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
