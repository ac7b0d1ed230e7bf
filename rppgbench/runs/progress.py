"""Live progress of a run: bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live

from rppgbench.pipeline.task_result import Observer, RunEvent, RunNotice, TaskStarted
from rppgbench.runs.run_display import describe, describe_best, describe_notice, describe_times, render_run
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import Snapshot
from rppgbench.store.store import Store

Clock = Callable[[], float]


class Reporter(Observer, Protocol):
    """Shows a run state during a ``with`` block; ``refresh`` shows changes at once."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def refresh(self) -> None: ...


def reporter(console: Console, view: RunState, store: Store, now_s: Clock = time.time) -> Reporter:
    """A reporter of bars if ``console`` is a terminal, else of lines; ``now_s`` is the clock of the run's events."""
    kind = LiveReporter if console.is_terminal else PlainReporter
    return kind(console, view, store, now_s)


class _StateReporter:
    """A reporter as observer: an event only causes a refresh, because the event log has updated the state before."""

    def __init__(self, console: Console, view: RunState, store: Store, now_s: Clock) -> None:
        self._console, self._view, self._store, self._now_s = console, view, store, now_s
        self._lock = threading.RLock()
        self._n_printed = 0

    def refresh(self) -> None:
        raise NotImplementedError

    def event(self, event: RunEvent) -> None:
        is_eviction = isinstance(event, RunNotice) and event.kind == "evicted"
        if not (is_eviction or isinstance(event, TaskStarted)):
            self.refresh()

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def _print_notes(self, snapshot: Snapshot) -> None:
        """Print new notices, each kind once: a broken disk has every task made again."""
        for note in snapshot.notes[self._n_printed :]:
            self._print(f"{note.kind}: {describe_notice(note)}")
        self._n_printed = len(snapshot.notes)


class LiveReporter(_StateReporter):
    """The state of the run, drawn four times a second, below all notices so far."""

    def __init__(self, console: Console, view: RunState, store: Store, now_s: Clock = time.time) -> None:
        super().__init__(console, view, store, now_s)
        self._live = Live(Group(), console=console, refresh_per_second=4, transient=True, get_renderable=self._render)

    def __enter__(self) -> LiveReporter:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def refresh(self) -> None:
        with self._lock:
            self._print_notes(self._view.snapshot())

    def _render(self) -> Group:
        return render_run(self._view.snapshot(self._now_s()), self._store, self._console.height)


class PlainReporter(_StateReporter):
    """A line of counts every ``every_s`` seconds, and one for each kind of notice or failure at once."""

    every_s = 10.0
    fits_every_s = 30.0

    def __init__(self, console: Console, view: RunState, store: Store, now_s: Clock = time.time) -> None:
        super().__init__(console, view, store, now_s)
        self._n_failures = 0
        self._next_s = self._next_fits_s = float("-inf")
        self._closed = threading.Event()

    def __enter__(self) -> PlainReporter:
        self._next_fits_s = time.monotonic() + self.fits_every_s
        threading.Thread(target=self._refresh_periodically, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._next_s = float("-inf")
        self.refresh()

    def refresh(self) -> None:
        with self._lock:
            snapshot = self._view.snapshot(self._now_s())
            self._print_notes(snapshot)
            for failure in snapshot.failures[self._n_failures :]:
                self._print(f"failed: {failure.task}: {failure.message}")
            self._n_failures = len(snapshot.failures)
            now_s = time.monotonic()
            if now_s >= self._next_s and snapshot.count("total") > snapshot.count("cached"):
                self._next_s = now_s + self.every_s
                self._print(counts(snapshot))
            if now_s >= self._next_fits_s:
                self._next_fits_s = now_s + self.fits_every_s
                for task in snapshot.running:
                    if task.stage == "fit":
                        self._print(f"  {describe(task, self._store)}")

    def _refresh_periodically(self) -> None:
        """Refresh between events, which are rare while long tasks run."""
        while not self._closed.wait(self.every_s):
            self.refresh()


def counts(snapshot: Snapshot) -> str:
    """``encode 120/400  traces 3/40  (3:10 elapsed, about 7:00 left)``, of stages with tasks to do."""
    stages = "  ".join(
        f"{stage.stage} {stage.ended}/{stage.total}" for stage in snapshot.stages if stage.total > stage.cached
    )
    best = describe_best(snapshot)
    return f"{stages}  ({describe_times(snapshot)})" + (f"  {best}" if best else "")


class ObserverGroup:
    """Several observers as one, each of which receives every event, in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def event(self, event: RunEvent) -> None:
        for observer in self._observers:
            observer.event(event)
