"""Errors against the mean of predicted and true rate, with bias and limits of agreement, a panel an entry.

After Bland & Altman, Journal of Biopharmaceutical Statistics 17(4):571, 2007: several windows of each subject.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.evaluation.entry_summary import Estimate
from rppgbench.evaluation.limits_of_agreement import LimitsOfAgreement, limits_of_agreement
from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.figures.paired_draws import columns
from rppgbench.figures.style import NothingToDraw, grid_lines, heading, house_style, save, set_title, wrap_label
from rppgbench.figures.subject_means import by_cell, compared_entries, known, left_out
from rppgbench.results.board import Board
from rppgbench.results.board_figure import COLOURS, FLOOR_MEANS
from rppgbench.results.results import Row
from rppgbench.text import natural_order

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

NAME, COMPRESSED = "bland_altman", "bland_altman_compressed"
AT_MOST = 8  # entries
COLUMNS, PANEL_IN = 4, 3.0
SHARED_SCALE_RATIO = 4.0  # of the largest panel's range to the smallest's; above it, each has a scale of its own
_MARKERS = "osD^vP*X"
_ESTIMATES = (
    "bias_bpm", "low_bpm", "high_bpm", "sd_within_bpm", "sd_between_bpm", "slope_on_mean", "slope_on_truth",
)  # fmt: skip
_LINES = {"bias_bpm": "-", "low_bpm": "--", "high_bpm": "--"}
_CAPTION = (
    "colour and marker: subject; line: bias; broken: limits of agreement; shaded: intervals; dotted: slope on the mean"
)


def draw_bland_altman(board: Board, condition: str | None, target: Path) -> list[Path]:
    """Files written: a panel for each of the best entries under ``condition``, the reference where that is None.

    Raises:
        NothingToDraw: nothing was scored under the condition.
    """
    condition = condition or next(iter([*reference_of(board), *board.results.conditions]))
    cells = by_cell(board)
    rivals = compared_entries(board)
    scored = {entry: [r for r in cells.get((condition, entry), []) if r["status"] == "scored"] for entry in rivals}
    shown = [entry for entry in rivals if scored[entry]][:AT_MOST]
    if not shown:
        raise NothingToDraw(f"nothing was scored under {condition}")
    interval = board.results.evaluation["interval"]
    settings = {"draws": interval["bootstrap"], "level": interval["level"], "seed": interval["seed"]}
    found = {entry: limits_of_agreement(scored[entry], **settings) for entry in shown}
    styles = _subject_styles(scored[entry] for entry in shown)
    with house_style():
        n_columns = min(COLUMNS, len(shown))
        n_rows = math.ceil(len(shown) / n_columns)
        figure = Figure(figsize=(PANEL_IN * n_columns + 0.8, 2.9 * n_rows + 0.8), layout="constrained")
        heights_bpm = [_height_bpm(scored[entry], found[entry]) for entry in shown]
        shared = max(heights_bpm) <= SHARED_SCALE_RATIO * min(heights_bpm)
        panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=shared, squeeze=False)
        for panel in panels.flat[len(shown) :]:
            panel.set_axis_off()
        for place, (panel, entry) in enumerate(zip(panels.flat, shown, strict=False)):
            _draw(panel, scored[entry], found[entry], styles)
            panel.set_title(f"{wrap_label(entry, PANEL_IN)}\n{_numbers(found[entry])}", fontsize=8)
            panel.tick_params(labelbottom=place + n_columns >= len(shown))
        for panel in panels[:, 0]:
            panel.set_ylabel("predicted - true (bpm)")
        figure.supxlabel("mean of predicted and true rate (bpm)", fontsize=9)
        caption = f"Agreement under {condition}, {_windows(found)}{left_out(len(shown), len(rivals))}"
        scale = [] if shared else ["each panel has its own vertical scale"]
        floor = [f"label floor {board.floor.mae.value:.2g} bpm: {FLOOR_MEANS}"] if board.floor else []
        set_title(figure, heading(board.results), caption, _CAPTION, *scale, *floor)
        return save(figure, list(_rows(condition, scored, found)), target)


def _subject_styles(cells: Iterator[list[Row]]) -> Mapping[str, dict[str, Any]]:
    """Colour and marker by subject, in natural order; with many subjects, colours from one continuous scale."""
    subjects = sorted({str(row["subject"]) for rows in cells for row in rows}, key=natural_order)
    many = mpl.colormaps["turbo"](np.linspace(0.03, 0.97, len(subjects)))
    colours = list(COLOURS) if len(subjects) <= len(COLOURS) else list(many)
    return {s: {"color": [colours[i]], "marker": _MARKERS[i % len(_MARKERS)]} for i, s in enumerate(subjects)}


def _draw(panel: Axes, rows: Sequence[Row], found: LimitsOfAgreement, styles: Mapping[str, dict[str, Any]]) -> None:
    for subject, style in styles.items():
        own = _means_and_errors([row for row in rows if str(row["subject"]) == subject])
        panel.scatter(own[:, 0], own[:, 1], s=13, alpha=0.8, linewidths=0, zorder=3, **style)
    panel.axhline(0, color="0.75", linewidth=0.7, zorder=1)
    for name, line in _LINES.items():
        estimate: Estimate = getattr(found, name)
        if math.isfinite(estimate.value):
            panel.axhline(estimate.value, color="0.15", linewidth=1, linestyle=line, zorder=2)
        if math.isfinite(estimate.low):
            panel.axhspan(estimate.low, estimate.high, color=COLOURS[0], alpha=0.12, linewidth=0, zorder=0)
    if math.isfinite(found.slope_on_mean.value):
        points = _means_and_errors(rows)
        ends = np.array([points[:, 0].min(), points[:, 0].max()])
        fitted = found.bias_bpm.value + found.slope_on_mean.value * (ends - points[:, 0].mean())
        panel.plot(ends, fitted, color=COLOURS[1], linewidth=1.2, linestyle=":", zorder=4)
    grid_lines(panel)


def _height_bpm(rows: Sequence[Row], found: LimitsOfAgreement) -> float:
    """Vertical range of a panel in bpm, limits and their intervals included."""
    estimates = [getattr(found, name) for name in _LINES]
    drawn = [*_means_and_errors(rows)[:, 1], *(y for e in estimates for y in (e.value, e.low, e.high))]
    return float(np.nanmax(drawn) - np.nanmin(drawn))


def _windows(found: Mapping[str, LimitsOfAgreement]) -> str:
    """Description of windows per subject: with one each, limits of repeated measures are the plain ones."""
    repeated = any(own.n_windows > own.n_subjects for own in found.values())
    return "repeated measures" if repeated else "one window a subject"


def _means_and_errors(rows: Sequence[Row]) -> FloatArray:
    """``(N, 2)`` mean of both rates and error, in bpm."""
    points = [(known(row, "hr_true_bpm") + known(row, "error_bpm") / 2, known(row, "error_bpm")) for row in rows]
    return np.array(points).reshape(-1, 2)


def _numbers(found: LimitsOfAgreement) -> str:
    if math.isnan(found.low_bpm.value):
        return f"bias {found.bias_bpm.value:+.2f}, no limits: {found.low_bpm.reason}"
    low, high = found.low_bpm.value, found.high_bpm.value
    digits = 1 if max(abs(low), abs(high)) >= 10 else 2
    limits = f"limits {low:+.{digits}f} to {high:+.{digits}f}"
    slope = f"slope {found.slope_on_mean.value:+.2f}" if math.isfinite(found.slope_on_mean.value) else "no slope"
    return f"bias {found.bias_bpm.value:+.2f}, {limits}, {slope}"


def _rows(
    condition: str, scored: Mapping[str, list[Row]], found: Mapping[str, LimitsOfAgreement]
) -> Iterator[dict[str, Any]]:
    """A row a window, with bias, limits and slopes of its entry."""
    for entry, own in found.items():
        estimates = {key: value for name in _ESTIMATES for key, value in columns(name, getattr(own, name)).items()}
        for row in scored[entry]:
            place = {name: row[name] for name in ("subject", "recording", "window")}
            mean_bpm, error_bpm = _means_and_errors([row])[0]
            yield {
                "condition": condition,
                "entry": entry,
                **place,
                "mean_bpm": float(mean_bpm),
                "error_bpm": float(error_bpm),
                **estimates,
            }
