"""Runs a plan's tasks: each when its inputs are there, in this process or in a pool of workers."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from typing import Protocol

from rppgbench.engine.store import Store
from rppgbench.engine.task import Task
from rppgbench.engine.work import perform
from rppgbench.errors import NoFaceFound, RppgbenchError, StoreError
from rppgbench.registry import Registry, load_registry


@dataclass(frozen=True)
class Failure:
    """Why a task has no result. ``cause`` is the task that failed, when it was another one."""

    task: Task
    message: str
    hint: str | None = None
    details: str | None = None
    frame_png: bytes | None = None
    cause: Task | None = None


@dataclass
class Outcome:
    """What became of the tasks: done ones by key with their seconds, and failures by key."""

    done: dict[str, float] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)

    @property
    def failed(self) -> list[Failure]:
        return [failure for failure in self.failures.values() if failure.cause is None]

    @property
    def blocked(self) -> list[Failure]:
        return [failure for failure in self.failures.values() if failure.cause is not None]


class Observer(Protocol):
    """Hears of every task: when it starts, and once when it ends, with its seconds or its failure."""

    def started(self, task: Task) -> None: ...

    def ended(self, task: Task, result: float | Failure) -> None: ...


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def execute(
    tasks: Sequence[Task], store: Store, registry: Registry, *, workers: int, observer: Observer, device: str = "auto"
) -> Outcome:
    """Run ``tasks``, which come after their inputs, with ``workers`` processes (0: in this one).

    A task that fails blocks only what needs it. A worker that dies is replaced and its task retried once.
    ``observer`` hears of every task. ``device`` is where networks run, "auto" for a GPU if there is one.

    Raises:
        StoreError: the store cannot be written any more; there is no point in going on.
    """
    schedule = _Schedule(tasks, observer)
    lanes: list[_Lane] = (
        [_Worker(store, device) for _ in range(workers)] if workers else [_Here(store, registry, device)]
    )
    try:
        _drive(schedule, lanes)
    finally:
        for lane in lanes:
            lane.close()
    return schedule.outcome


def _drive(schedule: _Schedule, lanes: Sequence[_Lane]) -> None:
    running: dict[Future[float], tuple[_Lane, Task]] = {}
    idle = list(lanes)
    retried: set[str] = set()
    while True:
        for lane in list(idle):
            task = schedule.next(lane.recording, {other.recording for other, _ in running.values()})
            if task is None:
                break
            idle.remove(lane)
            running[lane.start(task)] = (lane, task)
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            lane, task = running.pop(future)
            idle.append(lane)
            error = future.exception()
            if error is None:
                schedule.finished(task, future.result())
            elif isinstance(error, StoreError):
                raise error
            elif isinstance(error, BrokenProcessPool) and task.key not in retried:
                retried.add(task.key)
                schedule.retry(task)
            else:
                schedule.failed(_explain(task, error))


class _Schedule:
    """Which task may start next."""

    def __init__(self, tasks: Sequence[Task], observer: Observer) -> None:
        self.outcome = Outcome()
        self._observer = observer
        self._tasks = {task.key: task for task in tasks}
        self._order = {task.key: index for index, task in enumerate(tasks)}
        self._waits = {task.key: {key for key in task.inputs.values() if key in self._tasks} for task in tasks}
        self._readers: dict[str, list[str]] = {}
        for key, inputs in self._waits.items():
            for source in inputs:
                self._readers.setdefault(source, []).append(key)
        self._ready = sorted((key for key, inputs in self._waits.items() if not inputs), key=self._order.__getitem__)

    def next(self, last_recording: str, taken: Iterable[str]) -> Task | None:
        """The first ready task, preferably of the recording the lane worked on last: its frames are still in memory;
        else of one that no other lane is at."""
        if not self._ready:
            return None
        taken = set(taken)
        same = (key for key in self._ready if self._tasks[key].recording == last_recording)
        fresh = (key for key in self._ready if self._tasks[key].recording not in taken)
        key = next(same, None) or next(fresh, None) or self._ready[0]
        self._ready.remove(key)
        self._observer.started(self._tasks[key])
        return self._tasks[key]

    def retry(self, task: Task) -> None:
        self._ready.insert(0, task.key)

    def finished(self, task: Task, seconds: float) -> None:
        self.outcome.done[task.key] = seconds
        for reader in self._readers.get(task.key, ()):
            self._waits[reader].discard(task.key)
            if not self._waits[reader] and reader not in self.outcome.failures:
                self._ready.append(reader)
        self._ready.sort(key=self._order.__getitem__)
        self._observer.ended(task, seconds)

    def failed(self, failure: Failure) -> None:
        self.outcome.failures[failure.task.key] = failure
        self._observer.ended(failure.task, failure)
        for key in self._downstream(failure.task.key):
            if key not in self.outcome.failures:
                blocked = Failure(self._tasks[key], failure.message, failure.hint, cause=failure.task)
                self.outcome.failures[key] = blocked
                self._observer.ended(blocked.task, blocked)

    def _downstream(self, key: str) -> Iterator[str]:
        pending = list(self._readers.get(key, ()))
        seen: set[str] = set()
        while pending:
            reader = pending.pop()
            if reader not in seen:
                seen.add(reader)
                yield reader
                pending.extend(self._readers.get(reader, ()))


class _Lane:
    """Something that runs one task at a time."""

    recording = ""

    def start(self, task: Task) -> Future[float]:
        raise NotImplementedError

    def close(self) -> None:
        """Stop what runs."""


class _Here(_Lane):
    """This process: for debugging, and for tests."""

    def __init__(self, store: Store, registry: Registry, device: str) -> None:
        self._store, self._registry, self._device = store, registry, device

    def start(self, task: Task) -> Future[float]:
        future: Future[float] = Future()
        started = time.perf_counter()
        try:
            perform(task, self._store, self._registry, self._device)
            future.set_result(time.perf_counter() - started)
        except Exception as error:  # a task's failure is an outcome, not the end
            future.set_exception(error)
        self.recording = task.recording
        return future


class _Worker(_Lane):
    """A process of its own, so that its death costs one task and nobody else's."""

    def __init__(self, store: Store, device: str) -> None:
        self._store, self._device = store, device
        self._pool: ProcessPoolExecutor | None = None

    def start(self, task: Task) -> Future[float]:
        self.recording = task.recording
        try:
            return self._running_pool().submit(_perform_in_worker, task, self._store, self._device)
        except BrokenProcessPool:
            self._pool = None
            return self._running_pool().submit(_perform_in_worker, task, self._store, self._device)

    def _running_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # One worker a core already. NumPy's library looks when it is loaded, which is before the initializer.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
            # Spawned, not forked: the media libraries run threads, which do not survive a fork.
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin_worker)
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _begin_worker() -> None:
    import cv2

    cv2.setNumThreads(1)  # one worker a core already
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A driver killed outright cannot tell its workers; an orphan would wait for tasks for ever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _perform_in_worker(task: Task, store: Store, device: str) -> float:
    started = time.perf_counter()
    perform(task, store, load_registry(), device)
    return time.perf_counter() - started


def _explain(task: Task, error: BaseException) -> Failure:
    if isinstance(error, BrokenProcessPool):
        return Failure(
            task,
            "the worker died twice on this task",
            "most often too little memory: try fewer --workers; --workers 0 runs it in this process to see why",
        )
    if isinstance(error, RppgbenchError):
        frame = error.frame_png if isinstance(error, NoFaceFound) else None
        return Failure(task, error.message, error.hint, frame_png=frame)
    if type(error).__name__ == "OutOfMemoryError":
        return Failure(task, str(error).splitlines()[0], "fewer --workers share the GPU, or lower the recipe's batch")
    details = "".join(traceback.format_exception(error))
    return Failure(task, f"{type(error).__name__}: {error}", details=details)
