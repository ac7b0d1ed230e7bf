"""Progress of a run while it goes on: bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live

from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import Observer, RunNotice, TaskDone, TaskFailure
from rppgbench.runs.run_display import describe, describe_best, describe_notice, passed, render_run
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import Snapshot
from rppgbench.store.store import Store

Clock = Callable[[], float]


class Reporter(Observer, Protocol):
    """Shows a view while a ``with`` block lasts; ``tell`` says that there may be something new in it."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def tell(self) -> None: ...


def reporter(console: Console, view: RunState, store: Store, now_s: Clock = time.time) -> Reporter:
    """Bars if ``console`` is a terminal, else plain lines. ``now_s`` is the clock of the view's events."""
    shape = LiveReporter if console.is_terminal else PlainReporter
    return shape(console, view, store, now_s)


class _Shown:
    """What both shapes share: as an observer each only asks for another look, for the view has been told before."""

    def __init__(self, console: Console, view: RunState, store: Store, now_s: Clock) -> None:
        self._console, self._view, self._store, self._now_s = console, view, store, now_s
        self._lock = threading.RLock()
        self._told = 0

    def tell(self) -> None:
        raise NotImplementedError

    def started(self, task: Task) -> None:
        """A start alone is nothing to stop at."""

    def ended(self, task: Task, result: TaskDone | TaskFailure) -> None:
        self.tell()

    def noted(self, note: RunNotice) -> None:
        if note.kind != "evicted":
            self.tell()

    def workers(self, workers: Mapping[str, int]) -> None:
        self.tell()

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def _tell_notes(self, snapshot: Snapshot) -> None:
        """Each kind of thing once: a broken disk has every task made again."""
        for note in snapshot.notes[self._told :]:
            self._print(f"{note.kind}: {describe_notice(note)}")
        self._told = len(snapshot.notes)


class LiveReporter(_Shown):
    """The run as it stands, drawn anew four times a second; notes stay above it."""

    def __init__(self, console: Console, view: RunState, store: Store, now_s: Clock = time.time) -> None:
        super().__init__(console, view, store, now_s)
        self._live = Live(Group(), console=console, refresh_per_second=4, transient=True, get_renderable=self._sight)

    def __enter__(self) -> LiveReporter:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def tell(self) -> None:
        with self._lock:
            self._tell_notes(self._view.snapshot())

    def _sight(self) -> Group:
        return render_run(self._view.snapshot(self._now_s()), self._store, self._console.height)


class PlainReporter(_Shown):
    """A line now and then, and one for each kind of failure at once."""

    every_s = 10.0
    fits_every_s = 30.0

    def __init__(self, console: Console, view: RunState, store: Store, now_s: Clock = time.time) -> None:
        super().__init__(console, view, store, now_s)
        self._failures = 0
        self._next_s = self._next_fits_s = float("-inf")
        self._over = threading.Event()

    def __enter__(self) -> PlainReporter:
        self._next_fits_s = time.monotonic() + self.fits_every_s
        threading.Thread(target=self._keep_telling, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._next_s = float("-inf")
        self.tell()

    def tell(self) -> None:
        with self._lock:
            snapshot = self._view.snapshot(self._now_s())
            self._tell_notes(snapshot)
            for failure in snapshot.failures[self._failures :]:
                self._print(f"failed: {failure.task}: {failure.message}")
            self._failures = len(snapshot.failures)
            now_s = time.monotonic()
            if now_s >= self._next_s and snapshot.count("total") > snapshot.count("cached"):
                self._next_s = now_s + self.every_s
                self._print(counts(snapshot))
            if now_s >= self._next_fits_s:
                self._next_fits_s = now_s + self.fits_every_s
                for task in snapshot.running:
                    if task.stage == "fit":
                        self._print(f"  {describe(task, self._store)}")

    def _keep_telling(self) -> None:
        """A long task ends seldom, and there is something to say meanwhile."""
        while not self._over.wait(self.every_s):
            self.tell()


def counts(snapshot: Snapshot) -> str:
    """``encode 120/400  traces 3/40  (3:10 elapsed, about 7:00 left)``, of stages that have something to do."""
    stages = "  ".join(
        f"{stage.stage} {stage.ended}/{stage.total}" for stage in snapshot.stages if stage.total > stage.cached
    )
    ahead = describe_best(snapshot)
    return f"{stages}  ({passed(snapshot)})" + (f"  {ahead}" if ahead else "")


class ObserverGroup:
    """Several observers as one; they are told in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def started(self, task: Task) -> None:
        for observer in self._observers:
            observer.started(task)

    def ended(self, task: Task, result: TaskDone | TaskFailure) -> None:
        for observer in self._observers:
            observer.ended(task, result)

    def noted(self, note: RunNotice) -> None:
        for observer in self._observers:
            observer.noted(note)

    def workers(self, workers: Mapping[str, int]) -> None:
        for observer in self._observers:
            observer.workers(workers)
