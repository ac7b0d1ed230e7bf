"""Displays of a run in progress: none, a user's own observer, or a console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from rppgbench.pipeline.task_result import NullObserver, Observer
from rppgbench.text import format_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from rppgbench.application.run_plan import RunPlan
    from rppgbench.pipeline.disk_budget import DiskBudget
    from rppgbench.results.board import Board
    from rppgbench.runs.run_state import RunState
    from rppgbench.store.store import Store


class RunDisplay(Protocol):
    """Shows a run to its user, and may ask it to stop."""

    def planned(self, planned: RunPlan) -> None:
        """Called before the run is prepared."""

    def prepared(self, budget: DiskBudget, *, shared: bool) -> None:
        """Called before the run starts; ``shared`` is True if another run works on the store."""

    def watch(self, state: RunState, store: Store) -> AbstractContextManager[Observer]:
        """Context with an observer while tasks run; ``state`` is up to date at each event."""

    def stop_asked(self) -> bool:
        """Whether no further task is to be started."""

    def ranked(self, board: Board) -> None:
        """Called with the board before it is published."""


class ObserverDisplay:
    """Display that forwards events to ``observer`` and shows nothing; the base of displays."""

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer: Observer = observer or NullObserver()

    def planned(self, planned: RunPlan) -> None: ...

    def prepared(self, budget: DiskBudget, *, shared: bool) -> None: ...

    @contextmanager
    def watch(self, state: RunState, store: Store) -> Iterator[Observer]:
        yield self._observer

    def stop_asked(self) -> bool:
        return False

    def ranked(self, board: Board) -> None: ...


class ConsoleDisplay(ObserverDisplay):
    """Display of progress on a console: bars on a terminal, else plain lines."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def planned(self, planned: RunPlan) -> None:
        protocol = planned.protocol
        rehearsal = ", a rehearsal: its numbers mean nothing" if protocol.rehearsal else ""
        estimator = protocol.evaluation.heart_rate.compatible
        other = f", as {estimator} derives heart rates: to explain older numbers, not to be ranked" if estimator else ""
        self.console.print(
            f"[bold]{protocol.name} v{protocol.version}[/bold] ({protocol.digest[:12]}){other}{rehearsal}: "
            f"{planned.state}",
            highlight=False,
            soft_wrap=True,
        )

    def prepared(self, budget: DiskBudget, *, shared: bool) -> None:
        if budget.evicts:
            bound = format_bytes(budget.peak.least_bytes)
            self.console.print(
                f"face clips go when their last reader is done: at most {bound} more on the disk", style="dim"
            )
        if shared:
            self.console.print(
                "another run works on this store: what it has done is found, not done again", style="dim"
            )

    @contextmanager
    def watch(self, state: RunState, store: Store) -> Iterator[Observer]:
        from rppgbench.runs.progress import reporter

        with reporter(self.console, state, store) as progress:
            yield progress
