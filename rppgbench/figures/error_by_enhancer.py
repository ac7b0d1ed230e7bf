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
from rppgbench.figures.style import grid_lines, heading, house_style, legend_below, save, set_title
from rppgbench.results.board import Board
from rppgbench.results.board_figure import FLOOR, draw_floor

NAME = "error_by_enhancer"
QUANTITIES = ("hr_rmse_bpm", "hr_mae_bpm")
_CAPTION = "Error of each method behind each enhancer; in black the method alone, the line to beat"


def draw_error_by_enhancer(board: Board, target: Path) -> list[Path]:
    """Files written: two rows of panels a method (RMSE and MAE), a column a codec, codecs learnt from at the left.

    Raises:
        NothingToDraw: no entry has an enhancer, or nothing is compressed.
    """
    pairs = find_enhancer_pairs(board.results)
    codecs = learnt_first(by_codec(board), (name for pair in pairs for name in pair.learnt))
    methods = _by_method(pairs)
    caption = _CAPTION + hollow_note(pairs, codecs.values())
    style_of = styles(pairs)
    with house_style():
        figure = Figure(figsize=(3.4 * len(codecs) + 1.4, 1.6 + 4.6 * len(methods)), layout="constrained")
        parts = figure.subfigures(len(methods), 1, squeeze=False)[:, 0]
        for part, own in zip(parts, methods.values(), strict=True):
            _draw_method(part, board, own, codecs, style_of)
        set_title(figure, heading(board.results), caption, *([FLOOR] if any(map(board.floor_of, QUANTITIES)) else []))
        return save(figure, list(_rows(board, methods, codecs)), target)


def _by_method(pairs: Sequence[EnhancerPair]) -> dict[tuple[str, str | None], list[EnhancerPair]]:
    methods: dict[tuple[str, str | None], list[EnhancerPair]] = {}
    for pair in pairs:
        methods.setdefault((pair.method, pair.alone), []).append(pair)
    return methods


def _draw_method(
    part: Any, board: Board, pairs: Sequence[EnhancerPair], codecs: Mapping[str, list[str]], style_of: Styles
) -> None:
    panels = part.subplots(len(QUANTITIES), len(codecs), sharey="row", sharex="col", squeeze=False)
    for row, metric in enumerate(QUANTITIES):
        for column, (codec, conditions) in enumerate(codecs.items()):
            panel = panels[row][column]
            _draw_alone(panel, board, pairs[0].alone, conditions, metric)
            _draw_pairs(panel, board, pairs, conditions, metric, style_of)
            draw_floor(panel, board, metric)
            grid_lines(panel)
            label_rates(panel, board, [*reference_of(board), *conditions], name_axis=row == len(QUANTITIES) - 1)
            if row == 0:
                panel.set_title(f"{codec}{learning_note(pairs, conditions)}")
        panels[row][0].set_ylabel(METRICS[metric].label)
        panels[row][0].set_ylim(bottom=0)
    part.suptitle(pairs[0].method, fontsize=10, fontweight="bold")
    legend_below(part, panels[0][0])


def _draw_alone(panel: Axes, board: Board, alone: str | None, conditions: Sequence[str], metric: str) -> None:
    if alone is None:
        return
    x, y, below, above = _line(board, alone, [*reference_of(board), *conditions], metric, 0.0)
    low, high = ([a - b for a, b in zip(y, below, strict=True)], [a + b for a, b in zip(y, above, strict=True)])
    panel.fill_between(x, low, high, color="black", alpha=0.08, linewidth=0)
    panel.plot(x, y, color="black", linewidth=2, label=f"{alone}, alone")


def _draw_pairs(
    panel: Axes, board: Board, pairs: Sequence[EnhancerPair], conditions: Sequence[str], metric: str, style_of: Styles
) -> None:
    shown = [*reference_of(board), *conditions]
    for index, pair in enumerate(pairs):
        x, y, below, above = _line(board, pair.entry, shown, metric, offset(index, len(pairs)))
        panel.errorbar(x, y, [below, above], label=pair.label, **style_of[pair.entry], **filling(pair, conditions))


def _line(
    board: Board, entry: str, conditions: Sequence[str], metric: str, shift: float
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Places, values, and lengths of the interval below and above, where the metric is defined."""
    found = [(place + shift, board.estimate(condition, entry, metric)) for place, condition in enumerate(conditions)]
    known = [(x, e if not math.isnan(e.low) else _without_interval(e)) for x, e in found if e]
    return (
        [x for x, _ in known],
        [e.value for _, e in known],
        [max(e.value - e.low, 0.0) for _, e in known],
        [max(e.high - e.value, 0.0) for _, e in known],
    )


def _without_interval(estimate: Estimate) -> Estimate:
    return replace(estimate, low=estimate.value, high=estimate.value)


def _rows(
    board: Board, methods: Mapping[tuple[str, str | None], list[EnhancerPair]], codecs: Mapping[str, list[str]]
) -> Iterator[dict[str, Any]]:
    reference = {c: [c] for c in reference_of(board)}
    for (method, alone), pairs in methods.items():
        for codec, conditions in (reference | dict(codecs)).items():
            for condition in conditions:
                if alone:
                    yield {"method": method, "codec": codec, **_row(board, condition, alone, None, "")}
                for pair in pairs:
                    learnt = "" if codec in reference or not pair.learnt else _yes_or_no(not pair.transfers(conditions))
                    yield {"method": method, "codec": codec, **_row(board, condition, pair.entry, pair, learnt)}


def _row(board: Board, condition: str, entry: str, pair: EnhancerPair | None, learnt: str) -> dict[str, Any]:
    rate = board.bitrates.get(condition)
    row: dict[str, Any] = {
        "condition": condition,
        "achieved_kbps": rate.median_bps / 1000 if rate else math.nan,
        "entry": entry,
        "enhancer": pair.enhancer if pair else "",
        "train": (pair.train if pair else None) or "",
        "learnt_from_codec": learnt,
    }
    for metric in QUANTITIES:
        row |= columns(metric, board.estimate(condition, entry, metric) or UNKNOWN)
    return row


def _yes_or_no(true: bool) -> str:
    return "yes" if true else "no"
