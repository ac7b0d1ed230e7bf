"""The driver: runs the tasks of a plan on an executor, each after its inputs; a failure blocks only its readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rppgbench.errors import StoreError
from rppgbench.execution.executor import Executor
from rppgbench.execution.schedule import LANES, Lane, Schedule, runs_on_gpu
from rppgbench.execution.task_runner import TaskFault
from rppgbench.pipeline.disk_budget import is_transient, taken_bytes
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import (
    NullObserver,
    Observer,
    RunNotice,
    RunOutcome,
    TaskDone,
    TaskFailure,
    WorkersChanged,
)
from rppgbench.store.store import Store

if TYPE_CHECKING:
    from rppgbench.execution.disk_admission import DiskAdmission

_LOOK_EVERY_S = 1.0
NULL_OBSERVER = NullObserver()


def execute(
    to_do: Sequence[Task],
    store: Store,
    executor: Executor,
    observer: Observer = NULL_OBSERVER,
    *,
    known: Mapping[str, Task] | None = None,
    disk_admission: DiskAdmission | None = None,
    stop: Callable[[], bool] = lambda: False,
    shuffle_seed: str = "",
) -> RunOutcome:
    """The outcome of running ``to_do``, in which tasks come after their inputs.

    A task that fails blocks only its readers. One whose worker dies is tried once more. An input that turns out to be
    damaged or gone is made again, for which ``known`` has all tasks of the plan. ``disk_admission`` decides when there
    is room for transient artefacts. Once ``stop`` returns true nothing more is started, and running tasks are waited
    for. ``shuffle_seed`` is the run's name if other runs work on the same store: see `Schedule`.

    Raises:
        StoreError: the store cannot be written any more.
        ExecutorLost: the workers cannot be reached any more.
    """
    return _Driver(to_do, store, executor, observer, known or {}, disk_admission, shuffle_seed).drive(stop)


class _Driver:
    """The loop that starts tasks and handles their ends; it computes nothing itself."""

    def __init__(
        self,
        to_do: Sequence[Task],
        store: Store,
        executor: Executor,
        observer: Observer,
        known: Mapping[str, Task],
        disk_admission: DiskAdmission | None,
        shuffle_seed: str,
    ) -> None:
        self._store, self._executor, self._observer, self._disk = store, executor, observer, disk_admission
        self._tasks = {**known, **{task.key: task for task in to_do}}
        self._schedule = Schedule(to_do, known, observer, self._lane_of, shuffle_seed)
        self._running: set[str] = set()
        self._died: set[str] = set()
        self._repaired: set[str] = set()
        self._is_idle = False
        self._workers = executor.workers()

    def drive(self, stop: Callable[[], bool]) -> RunOutcome:
        outcome = self._schedule.outcome
        while True:
            if not stop():
                self._start_ready()
            if not self._running:
                ready = [task for lane in LANES if (task := self._schedule.next_ready(lane)) is not None]
                outcome.stopped = stop() and self._schedule.n_open() > 0
                if outcome.stopped or not ready:
                    return outcome
                self._report_idle()
            self._report_workers()
            for task, ended in self._executor.ended(_LOOK_EVERY_S):
                self._running.discard(task.key)
                if isinstance(ended, TaskDone):
                    self._done(task, ended)
                else:
                    self._handle_fault(task, ended)

    def _start_ready(self) -> None:
        while lanes := self._open_lanes():
            task = self._schedule.start_next(lanes)
            if task is None:
                return
            self._is_idle = False
            self._running.add(task.key)
            if self._disk is not None:
                self._disk.started(task)
            self._executor.start(task)

    def _open_lanes(self) -> list[Lane]:
        """Lanes of which one more task may start now, by the executor and the disk."""
        lanes = list(self._executor.lanes())
        if self._disk is not None and "transient" in lanes:
            first = self._schedule.next_ready("transient")
            if first is not None and not self._disk.may_start(first):
                lanes.remove("transient")
        return lanes

    def _lane_of(self, task: Task) -> Lane:
        if self._disk is not None and is_transient(task):
            return "transient"
        return "gpu" if runs_on_gpu(task) else "cpu"

    def _report_workers(self) -> None:
        if self._executor.workers() != self._workers:
            self._workers = self._executor.workers()
            self._observer.event(WorkersChanged(self._workers))

    def _report_idle(self) -> None:
        if self._disk is not None and self._executor.lanes():
            raise self._disk.too_small()
        if not self._is_idle:
            self._observer.event(RunNotice("waiting", self._executor.why_idle()))
            self._is_idle = True

    def _done(self, task: Task, done: TaskDone) -> None:
        self._died.discard(task.key)
        self._schedule.done(task, done)
        if self._disk is not None:
            folder = self._store.path(task.key)
            self._evict(self._disk.finished(task, taken_bytes(folder) if folder.is_dir() else 0))

    def _evict(self, keys: Iterable[str]) -> None:
        for key in keys:
            freed = self._store.discard(key)
            self._observer.event(RunNotice("evicted", "its last reader is done", self._tasks[key], freed))

    def _handle_fault(self, task: Task, fault: TaskFault) -> None:
        if fault.kind == "store":
            raise StoreError(fault.message, hint=fault.hint)
        if fault.kind == "died":
            if task.key not in self._died:
                self._died.add(task.key)
                self._observer.event(RunNotice("retried", fault.message, task))
                self._schedule.retry(task)
                return
            self._fail(task, fault, f"twice: {fault.message}")
        elif not (fault.damaged and self._repair(task, fault.damaged)):
            self._fail(task, fault, fault.message)

    def _repair(self, reader: Task, damaged: Mapping[str, str]) -> bool:
        """Schedule damaged inputs to be made again, once for each reader; false if that cannot be."""
        if reader.key in self._repaired:
            return False
        self._repaired.add(reader.key)
        remade = self._schedule.remake(reader, damaged, self._store.has)
        for task in remade:
            if task.key in damaged:
                self._store.discard(task.key)
                self._observer.event(RunNotice("remade", damaged[task.key], task))
        if self._disk is not None:
            for task in remade:
                readers = [other for other in (*remade, reader) if task.key in other.inputs.values()]
                self._disk.needed_again(task, readers)
        return bool(remade)

    def _fail(self, task: Task, fault: TaskFault, message: str) -> None:
        failure = TaskFailure(task, message, fault.hint, fault.details, fault.frame_png)
        given_up = [task, *self._schedule.failed(failure)]
        if self._disk is not None:
            for one in given_up:
                self._evict(self._disk.given_up(one))
