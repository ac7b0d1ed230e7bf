"""Who does tasks: what execution asks of those who do, and the crew of this process alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from rppgbench.execution.schedule import Lane
from rppgbench.execution.task_runner import TaskFault, run_task
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import TaskDone
from rppgbench.registry import Registry
from rppgbench.store.store import Store


class Executor(Protocol):
    """Workers, wherever they are. Only tasks travel to them and words back; data lies in the store."""

    def lanes(self) -> Collection[Lane]:
        """Lanes of which one more task can be started now."""

    def start(self, task: Task) -> None:
        """Have it done; returns at once, or when it is done."""

    def ended(self, within_s: float) -> list[tuple[Task, TaskDone | TaskFault]]:
        """What has ended; waits for the first, but not longer than that.

        Raises:
            CrewLost: nobody is there any more who could tell.
        """

    def workers(self) -> dict[str, int]:
        """How many tasks can run at once: "cpu", and "gpu" for those that run a network where there is one."""

    def why_idle(self) -> str:
        """Why nobody works, when nobody does."""

    @property
    def dashboard(self) -> str:
        """Where the workers can be seen in a browser; empty where they cannot."""

    def close(self) -> None:
        """Stop what runs, and let everybody go."""


class InProcessExecutor:
    """The crew of one that runs everything here: for debugging, and for tests."""

    def __init__(self, store: Store, registry: Registry, device: str = "auto") -> None:
        self._store, self._registry, self._device = store, registry, device
        self._ended: list[tuple[Task, TaskDone | TaskFault]] = []

    def lanes(self) -> Collection[Lane]:
        return () if self._ended else ("cpu", "gpu", "passing")

    def start(self, task: Task) -> None:
        self._ended.append((task, run_task(task, self._store, self._registry, self._device)))

    def ended(self, within_s: float) -> list[tuple[Task, TaskDone | TaskFault]]:
        ended, self._ended = self._ended, []
        return ended

    def workers(self) -> dict[str, int]:
        return {"cpu": 1, "gpu": 0}

    def why_idle(self) -> str:
        return "nobody is missing"

    @property
    def dashboard(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing runs between two calls."""
