"""Progress of a run: bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from rppgbench.engine.execute import Failure, Observer
from rppgbench.engine.fit import progress_of
from rppgbench.engine.store import Store
from rppgbench.engine.task import STAGES, Task


class Reporter(Observer, Protocol):
    """An observer that is shown while a ``with`` block lasts."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Remaining:
    """Time left, from the work still expected and the pace of the work done."""

    def __init__(self, tasks: Sequence[Task], expected_s: Mapping[str, float], workers: int) -> None:
        self._expected = {task.key: expected_s[task.key] for task in tasks}
        self._total = sum(self._expected.values()) or 1.0
        self._done = 0.0
        self._lanes = max(workers, 1)
        self._started = time.monotonic()

    def ended(self, task: Task) -> None:
        self._done += self._expected.get(task.key, 0.0)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def seconds(self) -> float:
        """The plan's own estimate at first, the measured pace more and more."""
        share = min(self._done / self._total, 1.0)
        planned = (self._total - self._done) / self._lanes
        paced = self.elapsed_s * (1 - share) / share if share else planned
        weight = math.sqrt(share)
        return weight * paced + (1 - weight) * planned


def reporter(console: Console, tasks: Sequence[Task], remaining: Remaining, store: Store) -> Reporter:
    """Bars if ``console`` is a terminal, else plain lines."""
    shape = Bars if console.is_terminal else Lines
    return shape(console, tasks, remaining, store)


def describe(task: Task, store: Store) -> str:
    """The task's name; of a fit also how far it is, its loss and the time it still takes."""
    progress = progress_of(task, store) if task.stage == "fit" else None
    if progress is None:
        return task.label
    return (
        f"{task.label}: step {progress.step}/{progress.steps}, loss {progress.loss:.3g}, {clock(progress.left_s)} left"
    )


class Bars:
    """One bar a stage, and the time left."""

    def __init__(self, console: Console, tasks: Sequence[Task], remaining: Remaining, store: Store) -> None:
        self._remaining, self._store = remaining, store
        self._progress = Progress(TextColumn("{task.description:<8}"), BarColumn(40), MofNCompleteColumn())
        counts = Counter(task.stage for task in tasks)
        self._bars: dict[str, TaskID] = {
            stage: self._progress.add_task(stage, total=counts[stage]) for stage in STAGES if counts[stage]
        }
        self._failed = 0
        self._running: dict[str, Task] = {}
        self._live = Live(
            self._view(), console=console, refresh_per_second=4, transient=True, get_renderable=self._view
        )

    def __enter__(self) -> Bars:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def started(self, task: Task) -> None:
        self._running[task.key] = task

    def ended(self, task: Task, result: float | Failure) -> None:
        self._running.pop(task.key, None)
        self._remaining.ended(task)
        self._failed += isinstance(result, Failure)
        self._progress.advance(self._bars[task.stage])

    def _view(self) -> Group:
        words = f"{clock(self._remaining.elapsed_s)} elapsed, about {clock(self._remaining.seconds)} left"
        if self._failed:
            words += f", {self._failed} failed or blocked"
        running = [
            Text(describe(task, self._store), style="dim", overflow="ellipsis", no_wrap=True)
            for task in list(self._running.values())
        ]
        return Group(self._progress, *running, Text(words))


class Lines:
    """A line now and then, and one for each failure at once."""

    every_s = 10.0
    fits_every_s = 30.0

    def __init__(self, console: Console, tasks: Sequence[Task], remaining: Remaining, store: Store) -> None:
        self._console, self._remaining, self._store = console, remaining, store
        self._total = Counter(task.stage for task in tasks)
        self._done: Counter[str] = Counter()
        self._told: set[tuple[str, str]] = set()
        self._next_s = 0.0
        self._fits: dict[str, Task] = {}
        self._over = threading.Event()

    def __enter__(self) -> Lines:
        threading.Thread(target=self._tell_of_fits, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._total:
            self._say()

    def started(self, task: Task) -> None:
        """Lines tell of ends alone, but for fits, which take long."""
        if task.stage == "fit":
            self._fits[task.key] = task

    def ended(self, task: Task, result: float | Failure) -> None:
        self._remaining.ended(task)
        self._fits.pop(task.key, None)
        self._done[task.stage] += 1
        if isinstance(result, Failure) and result.cause is None and (task.stage, result.message) not in self._told:
            self._told.add((task.stage, result.message))  # once: a broken method fails on every recording
            self._console.print(f"failed: {task.label}: {result.message}", soft_wrap=True, markup=False)
        if self._remaining.elapsed_s >= self._next_s:
            self._say()
            self._next_s = self._remaining.elapsed_s + self.every_s

    def _tell_of_fits(self) -> None:
        while not self._over.wait(self.fits_every_s):
            for task in list(self._fits.values()):
                if progress_of(task, self._store) is not None:
                    self._console.print(
                        f"  {describe(task, self._store)}", soft_wrap=True, markup=False, highlight=False
                    )

    def _say(self) -> None:
        counts = "  ".join(
            f"{stage} {self._done[stage]}/{self._total[stage]}" for stage in STAGES if self._total[stage]
        )
        left = f"{clock(self._remaining.elapsed_s)} elapsed, about {clock(self._remaining.seconds)} left"
        self._console.print(f"{counts}  ({left})", soft_wrap=True, highlight=False)


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Together:
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def started(self, task: Task) -> None:
        for observer in self._observers:
            observer.started(task)

    def ended(self, task: Task, result: float | Failure) -> None:
        for observer in self._observers:
            observer.ended(task, result)
