"""Features of heart-rate variability, predicted against true, under one condition."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.figures.style import NothingToDraw, heading, house_style, save, set_title, wrap_label
from rppgbench.figures.subject_means import by_cell, compared_entries, known, left_out
from rppgbench.results.board import Board
from rppgbench.results.board_figure import COLOURS

NAME = "hrv_scatter"
PANEL_IN = 2.5
AT_MOST = 4  # entries
# Label, metric of the correlation, and columns of a feature.
FEATURES = {
    "lf_nu": ("LF (n.u.)", "lf_nu_r", ("lf_nu_pred", "lf_nu_true")),
    "rf": ("RF (Hz)", "rf_r", ("rf_pred_hz", "rf_true_hz")),
}


def draw_hrv_scatter(board: Board, target: Path) -> list[Path]:
    """Files written: a row of panels a feature, a column an entry, a point a window, the diagonal of agreement.

    Raises:
        NothingToDraw: no window has a feature on both sides.
    """
    condition = next(iter([*reference_of(board), *board.results.conditions]))
    entries = compared_entries(board, AT_MOST)
    points = list(_points(board, condition, entries))
    if not any(math.isfinite(point["pred"] + point["true"]) for point in points):
        raise NothingToDraw("no window has enough beats on both sides for heart-rate variability")
    with house_style():
        figure = Figure(figsize=(PANEL_IN * len(entries) + 0.6, 5.7), layout="constrained")
        panels = figure.subplots(len(FEATURES), len(entries), sharex="row", sharey="row", squeeze=False)
        for row, (feature, (label, metric, _)) in enumerate(FEATURES.items()):
            for column, entry in enumerate(entries):
                panel = panels[row][column]
                own = [p for p in points if (p["entry"], p["feature"]) == (entry, feature)]
                estimate = board.estimate(condition, entry, metric)
                r = "R undefined" if estimate is None else f"R {estimate.value:.2f}"
                title = f"{r}, {_draw(panel, own, COLOURS[row])} of {len(own)} windows"
                panel.set_title(f"{wrap_label(entry, PANEL_IN)}\n{title}" if row == 0 else title, fontsize=8)
                panel.set_xlabel(f"{label}, contact sensor")
            panels[row][0].set_ylabel(f"{label}, predicted")
            _square(panels[row][0], [p for p in points if p["feature"] == feature])
        caption = f"Heart-rate variability under {condition}, a point a window"
        set_title(figure, heading(board.results), caption + left_out(len(entries), len(compared_entries(board))))
        return save(figure, points, target)


def _square(panel: Axes, points: Sequence[dict[str, Any]]) -> None:
    """Set the same limits on both axes."""
    found = [value for p in points for value in (p["pred"], p["true"]) if math.isfinite(value)]
    if found:
        margin = 0.05 * (max(found) - min(found)) or 0.05
        panel.set(xlim=(min(found) - margin, max(found) + margin), ylim=(min(found) - margin, max(found) + margin))


def _draw(panel: Axes, points: Sequence[dict[str, Any]], colour: str) -> int:
    """Draw the points; returns the number of windows with both values."""
    both = np.array([(p["true"], p["pred"]) for p in points if math.isfinite(p["pred"] + p["true"])]).reshape(-1, 2)
    panel.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=1)
    panel.scatter(both[:, 0], both[:, 1], s=12, color=colour, alpha=0.7, linewidths=0)
    panel.set_box_aspect(1)
    return len(both)


def _points(board: Board, condition: str, entries: Sequence[str]) -> Iterator[dict[str, Any]]:
    cells = by_cell(board)
    for entry in entries:
        for row in cells.get((condition, entry), []):
            for feature, (_, _, columns) in FEATURES.items():
                pred, true = (known(row, column) for column in columns)
                place = {name: row[name] for name in ("condition", "entry", "subject", "recording", "window")}
                yield {**place, "feature": feature, "pred": pred, "true": true}
