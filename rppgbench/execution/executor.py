"""The interface of executors, which run tasks for the driver, and the executor of this process alone."""

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
    """Workers on any machine. Tasks are sent to them and results come back; data lies in the store."""

    def lanes(self) -> Collection[Lane]:
        """Lanes of which one more task can be started now."""

    def start(self, task: Task) -> None:
        """Start a task; returns at once, or when the task has ended."""

    def ended(self, within_s: float) -> list[tuple[Task, TaskDone | TaskFault]]:
        """The tasks that have ended, with their results; waits up to ``within_s`` seconds for the first.

        Raises:
            ExecutorLost: the workers cannot be reached any more.
        """

    def workers(self) -> dict[str, int]:
        """Number of tasks that can run at once: on "cpu", and on "gpu" for those that run a network."""

    def why_idle(self) -> str:
        """The reason why no task can be started although none runs."""

    @property
    def dashboard(self) -> str:
        """Address of the dashboard of the workers; empty if there is none."""

    def close(self) -> None:
        """End running tasks and release the workers."""


class InProcessExecutor:
    """An executor that runs each task in this process, in ``start``: for debugging, and for tests."""

    def __init__(self, store: Store, registry: Registry, device: str = "auto") -> None:
        self._store, self._registry, self._device = store, registry, device
        self._ended: list[tuple[Task, TaskDone | TaskFault]] = []

    def lanes(self) -> Collection[Lane]:
        return () if self._ended else ("cpu", "gpu", "transient")

    def start(self, task: Task) -> None:
        self._ended.append((task, run_task(task, self._store, self._registry, self._device)))

    def ended(self, within_s: float) -> list[tuple[Task, TaskDone | TaskFault]]:
        ended, self._ended = self._ended, []
        return ended

    def workers(self) -> dict[str, int]:
        return {"cpu": 1, "gpu": 0}

    def why_idle(self) -> str:
        return "no worker is missing"

    @property
    def dashboard(self) -> str:
        return ""

    def close(self) -> None:
        """No task runs between two calls."""
