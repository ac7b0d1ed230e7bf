"""A run at one moment: what became of its tasks, what runs, how long it will still take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class StageTally:
    """What became of a stage's tasks by now; times in seconds, of cores where they say so.

    ``expected_s`` are the core-seconds still expected, ``core_s`` those of tasks done, ``lost_s`` those of tries that
    failed. ``held_s`` is the stage's share of the run's wall time: of each moment as much as of the running tasks.
    """

    stage: str
    planned: int = 0
    cached: int = 0
    done: int = 0
    found: int = 0
    running: int = 0
    failed: int = 0
    blocked: int = 0
    expected_s: float = 0.0
    planned_s: float = 0.0
    rate_per_min: float | None = None
    left_s: float | None = None
    core_s: float = 0.0
    lost_s: float = 0.0
    held_s: float = 0.0
    longest_s: float = 0.0
    longest_task: str = ""
    memory_bytes: int = 0

    @property
    def ended(self) -> int:
        """Tasks of which nothing more will come, those done before included."""
        return self.cached + self.done + self.found + self.failed + self.blocked

    @property
    def total(self) -> int:
        """As planned, or as many as were heard of where no plan was told."""
        return max(self.planned, self.ended + self.running)

    @property
    def mean_expected_s(self) -> float:
        return self.expected_s / max(self.total - self.ended, 1)


@dataclass(frozen=True)
class RunningTask:
    """A task that runs, for ``for_s`` already."""

    stage: str
    task: str
    key: str
    for_s: float
    expected_s: float = 0.0


@dataclass(frozen=True)
class GroupedNotice:
    """Things of one kind that happened to a stage's tasks with the same words: the first of them, and how many."""

    kind: str
    stage: str
    message: str
    task: str
    count: int = 1


@dataclass(frozen=True)
class InterimBest:
    """The entry that is ahead: its mean absolute error over windows that all entries have scored by now."""

    entry: str
    hr_mae_bpm: float
    n_windows: int
    conditions: int


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment. ``state`` is "running" until the run said how it ended.

    ``slot_s`` are the seconds that all slots of the workers add up to, ``idle_s`` those in which they had no task.
    """

    state: str = "running"
    stages: tuple[StageTally, ...] = ()
    running: tuple[RunningTask, ...] = ()
    failures: tuple[GroupedNotice, ...] = ()
    notes: tuple[GroupedNotice, ...] = ()
    waiting: str | None = None
    best: InterimBest | None = None
    elapsed_s: float = 0.0
    left_s: float | None = None
    workers: Mapping[str, int] = field(default_factory=dict)
    host: str = ""
    dashboard: str | None = None
    disk_bytes: float | None = None
    evicted_bytes: float = 0.0
    memory_bytes: int = 0
    slot_s: float = 0.0
    idle_s: float = 0.0

    def count(self, what: str) -> int:
        """Tasks of all stages that are ``cached``, ``done``, ``found``, ``failed``, ``blocked`` or in ``total``."""
        return sum(getattr(stage, what) for stage in self.stages)
