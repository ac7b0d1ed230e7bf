"""Heart rate's error behind each enhancer and training mode, under codecs it learnt from and others.

The method alone is the line to beat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.evaluation.entry_summary import Estimate
from rppgbench.evaluation.metrics import METRICS
from rppgbench.figures.bitrate_axis import by_codec, label_rates, learnt_first, offset, reference_of
from rppgbench.figures.enhancer_pairs import (
    EnhancerPair,
    Styles,
    filling,
    find_enhancer_pairs,
    hollow_note,
    learning_note,
    styles,
)
from rppgbench.figures.paired_draws import UNKNOWN, columns
from rppgbench.figures.style import grid_lines, house_style, legend_below, named, save, set_title
from rppgbench.results.board import Board
from rppgbench.results.board_figure import FLOOR, draw_floor

NAME = "error_by_enhancer"
QUANTITIES = ("hr_rmse_bpm", "hr_mae_bpm")
_CAPTION = "Error of each method behind each enhancer; in black the method alone, the line to beat"


def draw_error_by_enhancer(board: Board, target: Path) -> list[Path]:
    """Two rows of panels a method (RMSE and MAE), a column a codec, codecs learnt from at the left.

    Raises:
        NothingToDraw: no entry has an enhancer, or nothing is compressed.
    """
    arms = find_enhancer_pairs(board.results)
    codecs = learnt_first(by_codec(board), (name for arm in arms for name in arm.learnt))
    methods = _by_method(arms)
    caption = _CAPTION + hollow_note(arms, codecs.values())
    look_of = styles(arms)
    with house_style():
        figure = Figure(figsize=(3.4 * len(codecs) + 1.4, 1.6 + 4.6 * len(methods)), layout="constrained")
        parts = figure.subfigures(len(methods), 1, squeeze=False)[:, 0]
        for part, own in zip(parts, methods.values(), strict=True):
            _draw_method(part, board, own, codecs, look_of)
        set_title(figure, named(board.results), caption, *([FLOOR] if any(map(board.floor_of, QUANTITIES)) else []))
        return save(figure, list(_rows(board, methods, codecs)), target)


def _by_method(arms: Sequence[EnhancerPair]) -> dict[tuple[str, str | None], list[EnhancerPair]]:
    methods: dict[tuple[str, str | None], list[EnhancerPair]] = {}
    for arm in arms:
        methods.setdefault((arm.method, arm.alone), []).append(arm)
    return methods


def _draw_method(
    part: Any, board: Board, arms: Sequence[EnhancerPair], codecs: Mapping[str, list[str]], look_of: Styles
) -> None:
    panels = part.subplots(len(QUANTITIES), len(codecs), sharey="row", sharex="col", squeeze=False)
    for row, metric in enumerate(QUANTITIES):
        for column, (codec, conditions) in enumerate(codecs.items()):
            panel = panels[row][column]
            _draw_alone(panel, board, arms[0].alone, conditions, metric)
            _draw_arms(panel, board, arms, conditions, metric, look_of)
            draw_floor(panel, board, metric)
            grid_lines(panel)
            label_rates(panel, board, [*reference_of(board), *conditions], name_axis=row == len(QUANTITIES) - 1)
            if row == 0:
                panel.set_title(f"{codec}{learning_note(arms, conditions)}")
        panels[row][0].set_ylabel(METRICS[metric].label)
        panels[row][0].set_ylim(bottom=0)
    part.suptitle(arms[0].method, fontsize=10, fontweight="bold")
    legend_below(part, panels[0][0])


def _draw_alone(panel: Axes, board: Board, alone: str | None, conditions: Sequence[str], metric: str) -> None:
    if alone is None:
        return
    x, y, below, above = _line(board, alone, [*reference_of(board), *conditions], metric, 0.0)
    low, high = ([a - b for a, b in zip(y, below, strict=True)], [a + b for a, b in zip(y, above, strict=True)])
    panel.fill_between(x, low, high, color="black", alpha=0.08, linewidth=0)
    panel.plot(x, y, color="black", linewidth=2, label=f"{alone}, alone")


def _draw_arms(
    panel: Axes, board: Board, arms: Sequence[EnhancerPair], conditions: Sequence[str], metric: str, look_of: Styles
) -> None:
    shown = [*reference_of(board), *conditions]
    for index, arm in enumerate(arms):
        x, y, below, above = _line(board, arm.entry, shown, metric, offset(index, len(arms)))
        panel.errorbar(x, y, [below, above], label=arm.label, **look_of[arm.entry], **filling(arm, conditions))


def _line(
    board: Board, entry: str, conditions: Sequence[str], metric: str, shift: float
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Places, values, and how far the interval reaches below and above, where the metric is defined."""
    found = [(place + shift, board.estimate(condition, entry, metric)) for place, condition in enumerate(conditions)]
    known = [(x, estimate if not math.isnan(estimate.low) else _bare(estimate)) for x, estimate in found if estimate]
    return (
        [x for x, _ in known],
        [e.value for _, e in known],
        [max(e.value - e.low, 0.0) for _, e in known],
        [max(e.high - e.value, 0.0) for _, e in known],
    )


def _bare(estimate: Estimate) -> Estimate:
    return replace(estimate, low=estimate.value, high=estimate.value)


def _rows(
    board: Board, methods: Mapping[tuple[str, str | None], list[EnhancerPair]], codecs: Mapping[str, list[str]]
) -> Iterator[dict[str, Any]]:
    reference = {c: [c] for c in reference_of(board)}
    for (method, alone), arms in methods.items():
        for codec, conditions in (reference | dict(codecs)).items():
            for condition in conditions:
                if alone:
                    yield {"method": method, "codec": codec, **_row(board, condition, alone, None, "")}
                for arm in arms:
                    lesson = "" if codec in reference or not arm.learnt else _yes(not arm.transfers(conditions))
                    yield {"method": method, "codec": codec, **_row(board, condition, arm.entry, arm, lesson)}


def _row(board: Board, condition: str, entry: str, arm: EnhancerPair | None, learnt: str) -> dict[str, Any]:
    rate = board.bitrates.get(condition)
    row: dict[str, Any] = {
        "condition": condition,
        "achieved_kbps": rate.median_bps / 1000 if rate else math.nan,
        "entry": entry,
        "enhancer": arm.enhancer if arm else "",
        "train": (arm.train if arm else None) or "",
        "learnt_from_codec": learnt,
    }
    for metric in QUANTITIES:
        row |= columns(metric, board.estimate(condition, entry, metric) or UNKNOWN)
    return row


def _yes(true: bool) -> str:
    return "yes" if true else "no"
