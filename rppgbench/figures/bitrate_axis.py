"""Conditions along the axis of a panel: a codec's, from the highest rate to the lowest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes

from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board

SPREAD = 0.4  # of a step between ticks, at most, from the first to the last point beside one


def reference_of(board: Board) -> list[str]:
    """The reference condition in a list, empty without rows."""
    conditions = board.results.about["resolved"]["conditions"]
    return [c["id"] for c in conditions if c["reference"] and c["id"] in board.results.conditions]


def by_codec(board: Board) -> dict[str, list[str]]:
    """Compressed conditions that have rows, by codec, the highest rate first.

    Raises:
        NothingToDraw: nothing here is compressed.
    """
    found: dict[str, list[str]] = {}
    for condition in board.results.about["resolved"]["conditions"]:
        if not condition["reference"] and condition["id"] in board.results.conditions:
            found.setdefault(condition["use"], []).append(condition["id"])
    if not found:
        raise NothingToDraw("no compressed condition has results")
    return {codec: sorted(conditions, key=lambda c: -_bps(board, c)) for codec, conditions in found.items()}


def middle_rate(board: Board) -> str:
    """The condition of the middle rate of the first codec, where methods neither all succeed nor all fail.

    Raises:
        NothingToDraw: nothing here is compressed.
    """
    conditions = next(iter(by_codec(board).values()))
    return conditions[len(conditions) // 2]


def learnt_first(codecs: Mapping[str, list[str]], learnt: Iterable[str]) -> dict[str, list[str]]:
    """``codecs`` in another order: those with a condition among ``learnt`` first."""
    known = frozenset(learnt)
    return dict(sorted(codecs.items(), key=lambda item: known.isdisjoint(item[1])))


def label_rates(panel: Axes, board: Board, conditions: Sequence[str], *, name_axis: bool) -> None:
    """Ticks at 0, 1, ... with each condition's achieved rate, or its name where no rate is known."""
    reference = reference_of(board)
    labels = [f"{_bps(board, c) / 1000:.0f}" if c in board.bitrates and c not in reference else c for c in conditions]
    panel.set_xticks(range(len(conditions)), labels)
    panel.set_xlim(-0.5, len(conditions) - 0.5)
    if name_axis:
        panel.set_xlabel("achieved kb/s")


def offset(index: int, n: int) -> float:
    """Distance of the ``index``-th of ``n`` points from a tick, within +-0.2, so that intervals overlap less."""
    return (index - (n - 1) / 2) * min(0.09, SPREAD / max(n - 1, 1))


def _bps(board: Board, condition: str) -> float:
    return board.bitrates[condition].median_bps if condition in board.bitrates else 0.0
