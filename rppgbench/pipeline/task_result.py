"""Results of tasks, events of a run, and the interface of observers that receive them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from rppgbench.pipeline.task import Task


@dataclass(frozen=True)
class TaskDone:
    """Result of a finished task: its seconds, its host, its peak memory.

    ``found`` is True if nothing was computed because another run had published the artefact.
    """

    seconds: float
    host: str = ""
    memory_bytes: int = 0
    found: bool = False


@dataclass(frozen=True)
class TaskFailure:
    """Failure of a task, or of the task ``cause`` that it depends on."""

    task: Task
    message: str
    hint: str | None = None
    details: str | None = None
    frame_png: bytes | None = None
    cause: Task | None = None


@dataclass(frozen=True)
class RunNotice:
    """An event of a run other than the start or end of a task.

    ``retried``: its worker died, it runs once more. ``remade``: its artefact is damaged or gone, it is made again.
    ``evicted``: its last reader is done, ``bytes`` are free again. ``waiting``: the reason why no task runs at present.
    """

    kind: Literal["retried", "remade", "evicted", "waiting"]
    message: str
    task: Task | None = None
    bytes: int = 0


@dataclass
class RunOutcome:
    """Results and failures of a run's tasks by key. ``stopped`` is True if the user ended the run early."""

    done: dict[str, TaskDone] = field(default_factory=dict)
    failures: dict[str, TaskFailure] = field(default_factory=dict)
    stopped: bool = False

    @property
    def failed(self) -> list[TaskFailure]:
        return [failure for failure in self.failures.values() if failure.cause is None]

    @property
    def blocked(self) -> list[TaskFailure]:
        return [failure for failure in self.failures.values() if failure.cause is not None]


@dataclass(frozen=True)
class TaskStarted:
    """The start of an attempt at a task; a task that is retried or made again starts more than once."""

    task: Task


@dataclass(frozen=True)
class TaskEnded:
    """The end of a task; one that is made again ends more than once."""

    task: Task
    result: TaskDone | TaskFailure


@dataclass(frozen=True)
class WorkersChanged:
    """The number of tasks that the workers take at once, by kind: "cpu" and "gpu"."""

    workers: Mapping[str, int]


RunEvent: TypeAlias = TaskStarted | TaskEnded | RunNotice | WorkersChanged


class Observer(Protocol):
    """Receiver of a run's events, in the order in which they happen, in the thread of the driver."""

    def event(self, event: RunEvent) -> None: ...


class NullObserver:
    """An observer that ignores all events."""

    def event(self, event: RunEvent) -> None: ...
