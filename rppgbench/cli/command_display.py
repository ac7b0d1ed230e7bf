"""The display of ``rppgbench run``: progress on standard error, Ctrl-C handled, the board on standard output."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from rppgbench.application.console_display import ConsoleDisplay
from rppgbench.errors import RunStopped
from rppgbench.pipeline.task_result import Observer
from rppgbench.results.board import Board
from rppgbench.results.board_table import print_board
from rppgbench.runs.run_state import RunState
from rppgbench.store.store import Store


class CommandDisplay(ConsoleDisplay):
    """Display of progress on ``console``; while tasks run, Ctrl-C once asks to stop, twice stops at once."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._asked: Callable[[], bool] = lambda: False

    @contextmanager
    def watch(self, state: RunState, store: Store) -> Iterator[Observer]:
        try:
            with super().watch(state, store) as observer, stop_on_interrupt(self.console) as self._asked:
                yield observer
        except KeyboardInterrupt:
            raise RunStopped() from None

    def stop_asked(self) -> bool:
        return self._asked()

    def ranked(self, board: Board) -> None:
        print_board(Console(), board)


@contextmanager
def stop_on_interrupt(console: Console) -> Iterator[Callable[[], bool]]:
    """Context with a function that returns whether Ctrl-C was pressed in it; the second Ctrl-C stops at once.

    SIGTERM, which batch queues send before they kill, stops at once: published artefacts are kept.
    """
    asked = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked or number != signal.SIGINT:
            raise KeyboardInterrupt
        asked = True
        console.print("finishing the tasks that run; Ctrl-C once more stops them too", style="yellow")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
