"""Results for Python: a board that prints itself, rows as a table, failed tasks."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rppgbench.errors import TasksFailed
from rppgbench.evaluation.metrics import METRICS
from rppgbench.evaluation.schema import rows_to_frame
from rppgbench.results.board import Board
from rppgbench.results.results import Results
from rppgbench.text import pluralise

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from rppgbench.protocol.resolve import Protocol
    from rppgbench.runs.snapshot import Snapshot


@dataclass(frozen=True)
class FailedTask:
    """A failed task of a run; tasks blocked by another one's failure are not among them.

    ``stage`` and ``task`` name it, ``hint`` is the remedy if one is known. ``report`` is the file with the whole
    failure, ``frame`` a picture of the frame that it occurred on, if there is one.
    """

    stage: str
    task: str
    message: str
    hint: str | None
    report: Path
    frame: Path | None = None

    def __str__(self) -> str:
        return f"{self.task}: {self.message}"


@dataclass(frozen=True)
class RunRecord:
    """Record of an ended run: its folder in the store, counts of its tasks, failures, and times by stage.

    ``n_blocked`` tasks were not started because an input failed.
    """

    folder: Path
    n_done: int
    n_blocked: int
    failed: tuple[FailedTask, ...]
    snapshot: Snapshot


class PrintedBoard(Board):
    """A board whose ``str()`` is the table that ``rppgbench run`` prints, as plain text of 132 columns."""

    def __str__(self) -> str:
        from rich.console import Console

        from rppgbench.results.board_table import print_board

        text = io.StringIO()
        print_board(Console(file=text, force_terminal=False, force_jupyter=False, color_system=None), self)
        return text.getvalue().strip("\n")

    __repr__ = __str__

    def to_frame(self) -> pd.DataFrame:
        """A row a condition and entry, as in ``board.csv``: each metric with its interval.

        ``attrs["meanings"]`` describes each metric, ``attrs["primary"]`` is the metric of the ranking.
        """
        import pandas as pd

        from rppgbench.results.publish import board_rows

        frame = pd.DataFrame(list(board_rows(self)))
        for name in frame.columns.difference(["condition", "entry"]):
            frame[name] = pd.to_numeric(frame[name])  # pandas makes a column of objects if all values are missing
        frame.attrs = {
            "primary": self.primary,
            "labels": {name: METRICS[name].label for name in self.metrics},
            "meanings": {name: METRICS[name].meaning for name in self.metrics},
        }
        return frame


@dataclass(frozen=True)
class RunResults:
    """Results of a run, or of a folder that a run published.

    ``folder`` is None for results that are not published, of a narrowed or rehearsed run. ``protocol`` is None for
    results from a folder whose protocol is not found. ``run`` is the record of the run; None for results from a
    folder. ``content`` holds rows and encodings in the form of their files.
    """

    content: Results
    protocol: Protocol | None
    folder: Path | None = None
    run: RunRecord | None = None

    @cached_property
    def _board(self) -> PrintedBoard:
        board = Board.of(self.content)
        return PrintedBoard(board.results, board.summaries, board.bitrates)

    def board(self) -> PrintedBoard:
        """The ranked entries under every condition, with intervals from a bootstrap over subjects."""
        return self._board

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row an evaluated window; some are failed or excluded: see ``status`` and ``reason``.

        ``attrs["units"]`` and ``attrs["meanings"]`` are those of the columns; ``attrs`` also names protocol, version
        and digest: only rows of one digest are comparable.
        """
        frame = rows_to_frame(self.content.rows)
        about = self.content.about
        frame.attrs |= {name: about[name] for name in ("protocol", "version", "digest")}
        return frame

    @property
    def failures(self) -> tuple[FailedTask, ...]:
        """Tasks of this run that failed; their windows are rows with status "failed"."""
        return self.run.failed if self.run else ()

    def raise_for_failures(self) -> RunResults:
        """These results themselves, if no task failed.

        Raises:
            TasksFailed: tasks failed; the message names them.
        """
        if self.run is None or not self.failures:
            return self
        shown = [str(failure) for failure in self.failures[:10]]
        more = [f"and {len(self.failures) - 10} more"] if len(self.failures) > 10 else []
        raise TasksFailed(
            f"{pluralise(len(self.failures), 'task')} failed and blocked {self.run.n_blocked} others\n  "
            + "\n  ".join([*shown, *more]),
            hint=f"each is described in full in {self.run.folder / 'failures'}",
        )

    def __str__(self) -> str:
        about = self.content.about
        windows = pluralise(len(self.content.rows), "window")
        failed = f"; {pluralise(len(self.failures), 'task')} FAILED, see .failures" if self.failures else ""
        where = f"; in {self.folder}" if self.folder else "; not published"
        return f"{about['protocol']} v{about['version']} ({about['digest'][:12]}): {windows}{failed}{where}"

    __repr__ = __str__
