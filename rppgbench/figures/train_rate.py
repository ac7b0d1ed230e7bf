"""Matrix of conditions that a method was trained under and tested under.

Training at the rate of the test recovers much of what compression takes (Nowara et al., BOE 12(1), 2021), so a method
that learnt from the reference alone is one row of this matrix and not the whole answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rppgbench.evaluation.metrics import METRICS
from rppgbench.figures.enhancer_pairs import TESTED_CONDITION, components, entry_facts, split_names
from rppgbench.figures.paired_draws import UNKNOWN, columns
from rppgbench.figures.style import NothingToDraw, heading, house_style, save, set_title
from rppgbench.results.board import Board, as_loss
from rppgbench.results.board_figure import FLOOR_MEANS

NAME = "train_rate_by_test_rate"
_CAPTION = "rows: what the method learnt from; columns: what it was tested under; framed: learnt from that too"

# Entries of one method by the conditions that each learnt from.
EntryByTraining = Mapping[str, str]


def draw_train_rate_by_test_rate(board: Board, target: Path) -> list[Path]:
    """Files written: the primary metric, a matrix for each method with entries that learnt from different conditions.

    Raises:
        NothingToDraw: there is no such method.
    """
    methods = _methods(board)
    if not methods:
        raise NothingToDraw("no method has entries that learnt from single conditions (methods_learn_from)")
    conditions = board.results.conditions
    metric = METRICS[board.primary]
    grids = {
        m: np.array([[_value(board, c, e) for c in conditions] for e in own.values()]) for m, own in methods.items()
    }
    known = np.concatenate([grid[np.isfinite(grid)] for grid in grids.values()])
    scale = Normalize(known.min(initial=0), known.max(initial=0))
    with house_style():
        heights = [len(own) for own in methods.values()]
        figure = Figure(figsize=(0.78 * len(conditions) + 3.2, 0.42 * sum(heights) + 1.5 * len(heights) + 0.6),
                        layout="constrained")  # fmt: skip
        panels = figure.subplots(len(methods), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
        for panel, (method, own) in zip(panels, methods.items(), strict=True):
            _draw(panel, grids[method], list(own), conditions, scale, metric.digits)
            panel.set_title(method)
        panels[-1].set_xlabel("tested under")
        floor_bpm = board.floor_of(board.primary)
        floor = [] if floor_bpm is None else [f"label floor {floor_bpm:.2g} bpm: {FLOOR_MEANS}"]
        set_title(figure, heading(board.results), f"{metric.label}; {_CAPTION}", *floor)
        return save(figure, list(_rows(board, methods)), target)


def _methods(board: Board) -> dict[str, EntryByTraining]:
    """Entries by training conditions, by method, for methods with a single-condition entry and at least one other."""
    methods: dict[str, dict[str, str]] = {}
    for entry, row in entry_facts(board.results).items():
        if row["enhancer"] is None and row["methods_learn_from"]:
            methods.setdefault(components(entry)[1], {})[row["methods_learn_from"]] = entry
    order = [c["id"] for c in board.results.about["resolved"]["conditions"]]

    def place(learnt: str) -> tuple[int, int]:
        """Sort key: single conditions in the protocol's order, then larger sets, the tested condition last."""
        return (
            (len(order) + 1, 0)
            if learnt == TESTED_CONDITION
            else (len(split_names(learnt)), order.index(split_names(learnt)[0]))
        )

    return {
        method: {learnt: own[learnt] for learnt in sorted(own, key=place)}
        for method, own in methods.items()
        if len(own) > 1 and any(learnt in order for learnt in own)
    }


def _value(board: Board, condition: str, entry: str) -> float:
    estimate = board.estimate(condition, entry, board.primary)
    return math.nan if estimate is None else estimate.value


def _draw(
    panel: Axes, grid: Any, learnt: Sequence[str], conditions: Sequence[str], scale: Normalize, digits: int
) -> None:
    panel.imshow(grid, cmap="cividis", norm=scale, aspect="auto")
    for (row, column), value in np.ndenumerate(grid):
        if math.isfinite(value):
            ink = "white" if scale(value) < 0.55 else "black"
            panel.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color=ink, fontsize=8)
        if conditions[column] in split_names(learnt[row]) or learnt[row] == TESTED_CONDITION:
            frame = Rectangle((column - 0.46, row - 0.44), 0.92, 0.88, fill=False, edgecolor="#D55E00", linewidth=1.6)
            panel.add_patch(frame)
    panel.set_xticks(range(len(conditions)), conditions, rotation=35, ha="right")
    panel.set_yticks(range(len(learnt)), [_short(name, len(conditions)) for name in learnt])
    panel.set_ylabel("learnt from")
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _short(learnt: str, n_conditions: int) -> str:
    """Label of training conditions; a long list becomes a count."""
    if learnt == TESTED_CONDITION:
        return "each tested one"
    names = split_names(learnt)
    if len(names) < 3:
        return " + ".join(names)
    return "all" if len(names) == n_conditions else f"{names[0]} and {len(names) - 1} more"


def _rows(board: Board, methods: Mapping[str, EntryByTraining]) -> Iterator[dict[str, Any]]:
    metric = board.primary
    for method, own in methods.items():
        for learnt, entry in own.items():
            for condition in board.results.conditions:
                estimate = board.estimate(condition, entry, metric) or UNKNOWN
                yield {
                    "method": method,
                    "entry": entry,
                    "learnt_from": learnt,
                    "tested_under": condition,
                    **columns(metric, estimate),
                    "worse_than_matched": _worse(board, own, condition, estimate.value),
                }


def _worse(board: Board, own: EntryByTraining, condition: str, value: float) -> float:
    """Loss over the entry that learnt from the tested condition alone; NaN without such an entry."""
    metric = METRICS[board.primary]
    matched = own.get(condition, own.get(TESTED_CONDITION))
    return math.nan if matched is None else as_loss(metric, value) - as_loss(metric, _value(board, condition, matched))
