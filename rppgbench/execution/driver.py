"""Runs a plan's tasks: each when its inputs are there, by a crew of workers; what goes wrong stays where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rppgbench.errors import StoreError
from rppgbench.execution.executor import Executor
from rppgbench.execution.schedule import LANES, Lane, Schedule, runs_on_gpu
from rppgbench.execution.task_runner import TaskFault
from rppgbench.pipeline.disk_budget import is_transient, taken_bytes
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import NullObserver, Observer, RunNotice, RunOutcome, TaskDone, TaskFailure
from rppgbench.store.store import Store

if TYPE_CHECKING:
    from rppgbench.execution.disk_admission import DiskAdmission

_LOOK_EVERY_S = 1.0
NULL_OBSERVER = NullObserver()


def execute(
    to_do: Sequence[Task],
    store: Store,
    crew: Executor,
    observer: Observer = NULL_OBSERVER,
    *,
    known: Mapping[str, Task] | None = None,
    shelf: DiskAdmission | None = None,
    stop: Callable[[], bool] = lambda: False,
    apart: str = "",
) -> RunOutcome:
    """Have ``to_do`` done, which come after their inputs.

    A task that fails blocks only what needs it. One whose worker dies is tried once more. An input that turns out to be
    damaged or gone is made again, for which ``known`` has all tasks of the plan. ``shelf`` says when there is room for
    what is dropped after it has been read. When ``stop`` says so nothing more is started, and what runs is waited for.
    ``apart`` is the run's name where others work on the same store: see `Schedule`.

    Raises:
        StoreError: the store cannot be written any more; there is no point in going on.
        CrewLost: the workers cannot be reached any more.
    """
    return _Driver(to_do, store, crew, observer, known or {}, shelf, apart).drive(stop)


class _Driver:
    """The one that decides who does what and when; it computes nothing itself."""

    def __init__(
        self,
        to_do: Sequence[Task],
        store: Store,
        crew: Executor,
        observer: Observer,
        known: Mapping[str, Task],
        shelf: DiskAdmission | None,
        apart: str,
    ) -> None:
        self._store, self._crew, self._observer, self._shelf = store, crew, observer, shelf
        self._tasks = {**known, **{task.key: task for task in to_do}}
        self._schedule = Schedule(to_do, known, observer, self._lane_of, apart)
        self._running: set[str] = set()
        self._died: set[str] = set()
        self._mended: set[str] = set()
        self._waiting = False
        self._workers = crew.workers()

    def drive(self, stop: Callable[[], bool]) -> RunOutcome:
        outcome = self._schedule.outcome
        while True:
            if not stop():
                self._start_what_can()
            if not self._running:
                ready = [task for lane in LANES if (task := self._schedule.first(lane)) is not None]
                outcome.stopped = stop() and self._schedule.left() > 0
                if outcome.stopped or not ready:
                    return outcome
                self._tell_why_nothing_runs()
            self._tell_of_workers()
            for task, ended in self._crew.ended(_LOOK_EVERY_S):
                self._running.discard(task.key)
                if isinstance(ended, TaskDone):
                    self._done(task, ended)
                else:
                    self._in_trouble(task, ended)

    def _start_what_can(self) -> None:
        while lanes := self._open_lanes():
            task = self._schedule.take(lanes)
            if task is None:
                return
            self._waiting = False
            self._running.add(task.key)
            if self._shelf is not None:
                self._shelf.started(task)
            self._crew.start(task)

    def _open_lanes(self) -> list[Lane]:
        """Lanes whose first task may start now."""
        lanes = list(self._crew.lanes())
        if self._shelf is not None and "passing" in lanes:
            first = self._schedule.first("passing")
            if first is not None and not self._shelf.may_start(first):
                lanes.remove("passing")
        return lanes

    def _lane_of(self, task: Task) -> Lane:
        if self._shelf is not None and is_transient(task):
            return "passing"
        return "gpu" if runs_on_gpu(task) else "cpu"

    def _tell_of_workers(self) -> None:
        if self._crew.workers() != self._workers:
            self._workers = self._crew.workers()
            self._observer.workers(self._workers)

    def _tell_why_nothing_runs(self) -> None:
        if self._shelf is not None and self._crew.lanes():
            raise self._shelf.too_small()
        if not self._waiting:
            self._observer.noted(RunNotice("waiting", self._crew.why_idle()))
            self._waiting = True

    def _done(self, task: Task, done: TaskDone) -> None:
        self._died.discard(task.key)
        self._schedule.done(task, done)
        if self._shelf is not None:
            folder = self._store.path(task.key)
            self._drop(self._shelf.finished(task, taken_bytes(folder) if folder.is_dir() else 0))

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            freed = self._store.discard(key)
            self._observer.noted(RunNotice("evicted", "its last reader is done", self._tasks[key], freed))

    def _in_trouble(self, task: Task, trouble: TaskFault) -> None:
        if trouble.kind == "store":
            raise StoreError(trouble.message, hint=trouble.hint)
        if trouble.kind == "died":
            if task.key not in self._died:
                self._died.add(task.key)
                self._observer.noted(RunNotice("retried", trouble.message, task))
                self._schedule.retry(task)
                return
            self._fail(task, trouble, f"twice: {trouble.message}")
        elif not (trouble.damaged and self._mend(task, trouble.damaged)):
            self._fail(task, trouble, trouble.message)

    def _mend(self, reader: Task, damaged: Mapping[str, str]) -> bool:
        """Have damaged inputs made again, once for each reader; whether that can be."""
        if reader.key in self._mended:
            return False
        self._mended.add(reader.key)
        again = self._schedule.make_again(reader, damaged, self._store.has)
        for task in again:
            if task.key in damaged:
                self._store.discard(task.key)
                self._observer.noted(RunNotice("remade", damaged[task.key], task))
        if self._shelf is not None:
            for task in again:
                readers = [other for other in (*again, reader) if task.key in other.inputs.values()]
                self._shelf.needed_again(task, readers)
        return bool(again)

    def _fail(self, task: Task, trouble: TaskFault, message: str) -> None:
        failure = TaskFailure(task, message, trouble.hint, trouble.details, trouble.frame_png)
        given_up = [task, *self._schedule.failed(failure)]
        if self._shelf is not None:
            for one in given_up:
                self._drop(self._shelf.given_up(one))
