"""Means over each subject's windows, and the entries that a figure compares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rppgbench.results.board import Board
from rppgbench.results.results import Row


def compared_entries(board: Board, at_most: int | None = None) -> list[str]:
    """Entries without controls in the board's order, at most ``at_most``; the controls if there is no other entry."""
    rivals = [entry for entry in board.entries if entry not in board.results.controls]
    return (rivals or list(board.entries))[:at_most]


def by_cell(board: Board) -> dict[tuple[str, str], list[Row]]:
    """Rows by condition and entry."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in board.results.rows:
        cells.setdefault((row["condition"], row["entry"]), []).append(row)
    return cells


def known(row: Row, column: str) -> float:
    """The row's number, NaN for None."""
    value = row.get(column)
    return math.nan if value is None else float(value)


def subject_means(rows: Sequence[Row], column: str, *, absolute: bool = False) -> dict[str, float]:
    """Mean of a column over each subject's windows with a value, by subject; subjects without values are left out."""
    values: dict[str, list[float]] = {}
    for row in rows:
        value = known(row, column)
        if math.isfinite(value):
            values.setdefault(str(row["subject"]), []).append(abs(value) if absolute else value)
    return {subject: float(np.mean(own)) for subject, own in sorted(values.items())}


def left_out(shown: int, of: int) -> str:
    """``; the best 4 of 14 entries``, or nothing where all are shown."""
    return f"; the best {shown} of {of} entries" if shown < of else ""
