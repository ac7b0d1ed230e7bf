"""Disk space of a run: its expected peak, its limit, and whether transient artefacts are evicted."""

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

MARGIN = 1.05  # estimates of sizes are rounded up; this is for their errors
FREE_SHARE = 0.9  # others write to the disk too


@dataclass(frozen=True)
class DiskPeak:
    """Expected bytes of a run.

    ``kept_bytes`` stay; ``transient_bytes`` is the most of transient artefacts at once if each is evicted after its
    last reader; without eviction the run ends with ``all_bytes``. ``scratch_bytes`` are for checkpoints of training.
    """

    kept_bytes: float
    transient_bytes: float
    all_bytes: float
    scratch_bytes: float = 0.0

    @property
    def least_bytes(self) -> int:
        """Bound for a run with eviction."""
        return math.ceil(MARGIN * (self.kept_bytes + self.scratch_bytes + self.transient_bytes))

    @property
    def whole_bytes(self) -> int:
        """Bound for a run without eviction."""
        return math.ceil(MARGIN * (self.all_bytes + self.scratch_bytes))


@dataclass(frozen=True)
class DiskBudget:
    """Limit of a run's disk space; None if it is unknown. With ``evicts``, clips are evicted after their last reader.

    ``present`` are bytes by key of clips in the store that the run reads: they count as the run's.
    """

    limit_bytes: float | None
    evicts: bool
    peak: DiskPeak
    present: Mapping[str, float] = field(default_factory=dict)


def disk_peak(to_do: Sequence[Task], present: Mapping[str, float] | None = None, *, workers: int = 1) -> DiskPeak:
    """Peak of running ``to_do`` in that order, each after its inputs, with clips ``present`` in the store."""
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


def transient_inputs(task: Task, transient: Mapping[str, object]) -> Iterator[str]:
    """Keys of the task's inputs among those of ``transient`` artefacts."""
    return (key for key in task.inputs.values() if key in transient)


def decide_disk_budget(
    plan: Plan, to_do: Sequence[Task], store: Store, limit_bytes: float | None = None, *, workers: int = 1
) -> DiskBudget:
    """Budget of a run of ``to_do``: ``limit_bytes`` beyond the store's present size, or 90 % of the free space.

    Raises:
        StoreError: the run needs more than that even with eviction.
    """
    planned = {task.key for task in to_do}
    present = {
        key: plan.tasks[key].bytes_out
        for task in to_do
        for key in transient_inputs(task, plan.tasks)
        if is_transient(plan.tasks[key]) and key not in planned
    }
    peak = disk_peak(to_do, present, workers=workers)
    free = free_bytes(store.root)
    room = None if free is None else free + sum(present.values())
    limit = room and FREE_SHARE * room if limit_bytes is None else limit_bytes
    if limit is None:
        return DiskBudget(None, False, peak, present)
    if peak.least_bytes > limit:
        raise StoreError(_too_little(peak, store, free, limit_bytes), hint=_remedy(limit_bytes, peak))
    evicts = peak.whole_bytes > (limit if room is None else min(limit, room))
    return DiskBudget(limit, evicts, peak, present)


def free_bytes(folder: Path) -> int | None:
    """Free bytes on the disk of the ``folder``; None if its file system does not report them."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free if usage.total else None


def taken_bytes(folder: Path) -> int:
    """Bytes of a folder and its files on disk, in whole blocks if the system counts them."""
    return sum(_disk_bytes(path) for path in (folder, *folder.iterdir()))


def _disk_bytes(path: Path) -> int:
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
