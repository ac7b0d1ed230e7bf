"""How much disk a run needs at its peak, how much it may have, and whether clips have to go for it."""

from __future__ import annotations

import heapq
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rppgbench.errors import StoreError
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.task import Task
from rppgbench.store.store import Store
from rppgbench.text import format_bytes

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Plan

MARGIN = 1.05  # estimates of sizes are meant to be above what comes; this is for what they miss
FREE_SHARE = 0.9  # others write to the disk too


@dataclass(frozen=True)
class DiskPeak:
    """Expected bytes of a run.

    ``kept_bytes`` stay; of what can be made again ``passing_bytes`` lie there at most when each goes after its last
    reader; with nothing removed it is ``all_bytes`` in the end. ``scratch_bytes`` are for what running fits set aside.
    """

    kept_bytes: float
    transient_bytes: float
    all_bytes: float
    scratch_bytes: float = 0.0

    @property
    def least_bytes(self) -> int:
        """The bound that is announced for a run that removes clips after their last reader."""
        return math.ceil(MARGIN * (self.kept_bytes + self.scratch_bytes + self.transient_bytes))

    @property
    def whole_bytes(self) -> int:
        """The bound for a run that removes nothing."""
        return math.ceil(MARGIN * (self.all_bytes + self.scratch_bytes))


@dataclass(frozen=True)
class DiskBudget:
    """What a run may have on disk; None where nobody can tell. With ``evicts``, clips go after their last reader.

    ``present`` are clips that lie there already and will be read, with their bytes: they count as the run's.
    """

    limit_bytes: float | None
    evicts: bool
    peak: DiskPeak
    present: Mapping[str, float] = field(default_factory=dict)


def disk_peak(to_do: Sequence[Task], present: Mapping[str, float] | None = None, *, workers: int = 1) -> DiskPeak:
    """The peak of doing ``to_do`` in that order, each after its inputs, with clips ``present`` that it reads."""
    sizes = dict(present or {}) | {task.key: task.bytes_out for task in to_do if is_transient(task)}
    last = {task.key: index for index, task in enumerate(to_do) if task.key in sizes}
    for index, task in enumerate(to_do):
        last.update(dict.fromkeys(transient_inputs(task, sizes), index))
    ends = [0.0] * len(to_do)
    for key, index in last.items():
        ends[index] += sizes[key]
    lying = highest = sum(size for key, size in (present or {}).items() if key in last)
    for task, freed in zip(to_do, ends, strict=True):
        lying += sizes.get(task.key, 0.0)
        highest = max(highest, lying)
        lying -= freed
    kept = sum(task.bytes_out for task in to_do if not is_transient(task))
    scratch = sum(heapq.nlargest(workers, (task.cost.scratch_bytes for task in to_do)))
    return DiskPeak(kept, highest, kept + sum(sizes.values()), scratch)


def is_transient(task: Task) -> bool:
    """Whether the task's artefact may be removed after its last reader."""
    return stages()[task.stage].transient


def transient_inputs(task: Task, passing: Mapping[str, object]) -> Iterator[str]:
    """Keys of the task's inputs that are among the ``passing``."""
    return (key for key in task.inputs.values() if key in passing)


def decide_disk_budget(
    plan: Plan, to_do: Sequence[Task], store: Store, limit_bytes: float | None = None, *, workers: int = 1
) -> DiskBudget:
    """What the run of ``to_do`` may have: ``limit_bytes`` beyond what is in the store, or most of what is free.

    Raises:
        StoreError: it needs more than that even when clips go after their last reader.
    """
    making = {task.key for task in to_do}
    present = {
        key: plan.tasks[key].bytes_out
        for task in to_do
        for key in transient_inputs(task, plan.tasks)
        if is_transient(plan.tasks[key]) and key not in making
    }
    peak = disk_peak(to_do, present, workers=workers)
    free = free_bytes(store.root)
    room = None if free is None else free + sum(present.values())
    asked = room and FREE_SHARE * room if limit_bytes is None else limit_bytes
    if asked is None:
        return DiskBudget(None, False, peak, present)
    if peak.least_bytes > asked:
        raise StoreError(_too_little(peak, store, free, limit_bytes), hint=_remedy(limit_bytes, peak))
    evicts = peak.whole_bytes > (asked if room is None else min(asked, room))
    return DiskBudget(asked, evicts, peak, present)


def free_bytes(folder: Path) -> int | None:
    """What is free on the disk of the ``folder``; None where its file system does not say."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free if usage.total else None


def taken_bytes(folder: Path) -> int:
    """What a folder of files takes of the disk, in whole blocks where the system counts them."""
    return sum(_taken(path) for path in (folder, *folder.iterdir()))


def _taken(path: Path) -> int:
    status = path.stat()
    return 512 * status.st_blocks if hasattr(status, "st_blocks") else status.st_size


def _too_little(peak: DiskPeak, store: Store, free: int | None, limit_bytes: float | None) -> str:
    limit = "" if limit_bytes is None else f", and --disk-limit leaves {format_bytes(limit_bytes)}"
    there = "" if free is None else f"; {format_bytes(free)} are free"
    return f"{store.root}: this run needs about {format_bytes(peak.least_bytes)} of disk at its peak{limit}{there}"


def _remedy(limit_bytes: float | None, peak: DiskPeak) -> str:
    more = (
        "free some space" if limit_bytes is None else f"raise --disk-limit to {format_bytes(1.01 * peak.least_bytes)}"
    )
    return f"{more}, choose another disk with --store, or run a part: --only fold=0 or --only condition=NAME"
