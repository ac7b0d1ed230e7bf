"""Measures of video quality against the error of heart rate and the pulse SNR, window by window.

PSNR weighs all pixels equally, pulse fidelity is of the skin's mean colour at the pulse's rates; the better a measure
predicts, the higher its rank correlation with minus the absolute error and with the SNR.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.figures.style import NothingToDraw, grid_lines, heading, house_style, legend_below, save, set_title
from rppgbench.figures.subject_means import compared_entries, known
from rppgbench.results.board import Board
from rppgbench.results.board_figure import COLOURS, FLOOR, MARKERS, draw_floor
from rppgbench.results.results import Row

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

NAME = "error_by_quality"
AT_MOST = 3  # entries
# Each is measured before (``_in_``) and behind (``_out_``) the enhancer; the latter is the method's input.
MEASURES = {
    "pulse_fidelity_{}_db": "pulse fidelity (dB)",
    "psnr_{}_db": "PSNR (dB)",
    "psnr_hvs_m_{}_db": "PSNR-HVS-M (dB)",
    "ssim_{}": "SSIM",
}
QUANTITIES = {"error_bpm": "|HR error| (bpm)", "snr_db": "pulse SNR (dB)"}
LEAST = 3  # points of a correlation


def draw_error_by_quality(board: Board, target: Path) -> list[Path]:
    """Files written: a column of panels a measure, a point a window of the best entries.

    Raises:
        NothingToDraw: no measure was taken.
    """
    points = [point for entry in compared_entries(board, AT_MOST) for point in _points(board, entry)]
    measures = [name for name in MEASURES if any(math.isfinite(point[_column(name)]) for point in points)]
    if not measures:
        raise NothingToDraw("the results hold no quality of face clips")
    entries = list(dict.fromkeys(point["entry"] for point in points))
    with house_style():
        size = (max(2.75 * len(measures) + 0.7, 7.0), 5.9)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(QUANTITIES), len(measures), sharex="col", sharey="row", squeeze=False)
        floor = False
        for row, (quantity, label) in enumerate(QUANTITIES.items()):
            for column, measure in enumerate(measures):
                panel = panels[row][column]
                _draw(panel, points, entries, _column(measure), quantity)
                if quantity == "error_bpm":
                    floor = draw_floor(panel, board, "hr_mae_bpm", named=False)
                if row == len(QUANTITIES) - 1:
                    panel.set_xlabel(MEASURES[measure])
            panels[row][0].set_ylabel(label)
        legend_below(figure, panels[0][0])
        caption = "Quality of each window's face clip, as the method saw it, against the error and the SNR there"
        explanation = (
            "above each panel: Spearman's rho with minus the error (top) and with the SNR (bottom), higher is better: "
            "over all windows, in brackets the mean of that within each subject"
        )
        set_title(figure, heading(board.results), caption, explanation, *([f"broken line: {FLOOR}"] if floor else []))
        return save(figure, points, target)


def _column(measure: str) -> str:
    return measure.replace("_{}", "")


def _points(board: Board, entry: str) -> Iterator[dict[str, Any]]:
    for row in board.results.rows:
        if row["entry"] == entry and row["status"] == "scored":
            yield {
                "entry": entry,
                **{name: row[name] for name in ("condition", "subject", "recording", "window")},
                **{_column(measure): _method_input(row, measure) for measure in MEASURES},
                "error_bpm": abs(known(row, "error_bpm")),
                "snr_db": known(row, "snr_db"),
            }


def _method_input(row: Row, measure: str) -> float:
    """Quality of the method's input clip; NaN where it was not measured, or the clip is the reference."""
    return known(row, measure.format("in" if row["enhancer"] is None else "out"))


def _draw(panel: Axes, points: Sequence[dict[str, Any]], entries: Sequence[str], measure: str, quantity: str) -> None:
    correlations = []
    for index, entry in enumerate(entries):
        own = [p for p in points if p["entry"] == entry and math.isfinite(p[measure]) and math.isfinite(p[quantity])]
        x, y = (np.array([point[name] for point in own], dtype=np.float64) for name in (measure, quantity))
        style: Any = {"color": COLOURS[index], "marker": MARKERS[index], "s": 9, "alpha": 0.55, "linewidths": 0}
        panel.scatter(x, y, label=entry, **style)
        subjects = [str(point["subject"]) for point in own]
        good = -y if quantity == "error_bpm" else y
        correlations.append(f"{spearman(x, good):+.2f} ({within_subjects(x, good, subjects):+.2f})")
    if quantity == "error_bpm":
        panel.set_yscale("symlog", linthresh=1.0, linscale=0.6)
        panel.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        panel.set_ylim(bottom=0)
    for place, text in enumerate(correlations):
        panel.annotate(text.replace("+nan", "-"), (place / AT_MOST, 1.02), xycoords="axes fraction", fontsize=7,
                       color=COLOURS[place])  # fmt: skip
    grid_lines(panel)


def spearman(x: FloatArray, y: FloatArray) -> float:
    """Rank correlation of ``(n,)`` pairs, ties sharing their mean rank; NaN for fewer than 3 or constant ones."""
    from scipy.stats import rankdata

    if len(x) < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def within_subjects(x: FloatArray, y: FloatArray, subjects: Sequence[str]) -> float:
    """Mean of the subjects' own rank correlations; NaN where no subject has one."""
    names = np.array(subjects)
    own = [spearman(x[names == subject], y[names == subject]) for subject in dict.fromkeys(subjects)]
    found = [rho for rho in own if math.isfinite(rho)]
    return float(np.mean(found)) if found else math.nan
