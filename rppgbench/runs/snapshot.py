"""The state of a run at one moment: tallies of stages, running tasks, notices, times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class StageTally:
    """Counts of a stage's tasks by status, and times in seconds.

    ``expected_s`` are the core-seconds still expected, ``core_s`` those of tasks done, ``lost_s`` those of failed
    attempts. ``held_s`` is the stage's share of the run's wall time, by its share of the tasks running at each moment.
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
        """Number of tasks that are cached or have ended."""
        return self.cached + self.done + self.found + self.failed + self.blocked

    @property
    def total(self) -> int:
        """Number of planned tasks; without a plan in the log, of the tasks that it mentions."""
        return max(self.planned, self.ended + self.running)

    @property
    def mean_expected_s(self) -> float:
        return self.expected_s / max(self.total - self.ended, 1)


@dataclass(frozen=True)
class RunningTask:
    """A running task; ``for_s`` are the seconds since its start."""

    stage: str
    task: str
    key: str
    for_s: float
    expected_s: float = 0.0


@dataclass(frozen=True)
class GroupedNotice:
    """Notices of one kind, stage and message: the task of the first of them, and their number."""

    kind: str
    stage: str
    message: str
    task: str
    count: int = 1


@dataclass(frozen=True)
class InterimBest:
    """The leading entry and its mean absolute error over windows that all entries have scored so far."""

    entry: str
    hr_mae_bpm: float
    n_windows: int
    conditions: int


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment. ``state`` is "running" until the log has a final state.

    ``slot_s`` are the seconds of all slots of the workers together, ``idle_s`` those in which a slot had no task.
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

    def count(self, status: str) -> int:
        """Number of tasks of all stages; ``status``: cached, done, found, failed, blocked or total."""
        return sum(getattr(stage, status) for stage in self.stages)
