"""What became of tasks, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rppgbench.pipeline.task import Task


@dataclass(frozen=True)
class TaskDone:
    """A task that has its result: in how many ``seconds``, on which ``host``, in how much memory at most.

    ``found`` says that nothing was computed: another run had published the same meanwhile.
    """

    seconds: float
    host: str = ""
    memory_bytes: int = 0
    found: bool = False


@dataclass(frozen=True)
class TaskFailure:
    """Why a task has no result. ``cause`` is the task that failed, when it was another one."""

    task: Task
    message: str
    hint: str | None = None
    details: str | None = None
    frame_png: bytes | None = None
    cause: Task | None = None


@dataclass(frozen=True)
class RunNotice:
    """Something that happened on the way and is no end of a task.

    ``retried``: its worker died, it is tried once more. ``remade``: its result was there and is damaged or gone, it is
    made again. ``evicted``: its last reader is done, ``bytes`` are free again. ``waiting``: why nothing runs just now.
    """

    kind: Literal["retried", "remade", "evicted", "waiting"]
    message: str
    task: Task | None = None
    bytes: int = 0


@dataclass
class RunOutcome:
    """What became of the tasks: done ones and failures by key. ``stopped`` says that the user ended it early."""

    done: dict[str, TaskDone] = field(default_factory=dict)
    failures: dict[str, TaskFailure] = field(default_factory=dict)
    stopped: bool = False

    @property
    def failed(self) -> list[TaskFailure]:
        return [failure for failure in self.failures.values() if failure.cause is None]

    @property
    def blocked(self) -> list[TaskFailure]:
        return [failure for failure in self.failures.values() if failure.cause is not None]


class Observer(Protocol):
    """Hears of every task: when it starts, and once when it ends; and of what else happens.

    Of ``workers`` that come and go it hears how many tasks they take at once, "cpu" and "gpu".
    """

    def started(self, task: Task) -> None: ...

    def ended(self, task: Task, result: TaskDone | TaskFailure) -> None: ...

    def noted(self, note: RunNotice) -> None: ...

    def workers(self, workers: Mapping[str, int]) -> None: ...


class NullObserver:
    """The observer that listens to nothing."""

    def started(self, task: Task) -> None: ...

    def ended(self, task: Task, result: TaskDone | TaskFailure) -> None: ...

    def noted(self, note: RunNotice) -> None: ...

    def workers(self, workers: Mapping[str, int]) -> None: ...
