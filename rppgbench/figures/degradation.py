"""Errors or pulse SNR of each subject along the bitrates: thin lines subjects, thick their mean.

Means and intervals over few subjects hide whether compression costs all subjects a little or a few of them everything.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.figures.bitrate_axis import by_codec, label_rates, reference_of
from rppgbench.figures.paired_draws import UNKNOWN, columns
from rppgbench.figures.style import NothingToDraw, grid_lines, heading, house_style, save, set_title
from rppgbench.figures.subject_means import by_cell, compared_entries, left_out, subject_means
from rppgbench.results.board import Board
from rppgbench.results.board_figure import COLOURS, FLOOR, draw_floor

AT_MOST = 4  # entries


@dataclass(frozen=True)
class Quantity:
    """A drawn column of the rows, and the metric that is its mean over subjects."""

    name: str
    column: str
    metric: str
    label: str
    absolute: bool


ERROR = Quantity("degradation_error", "error_bpm", "hr_mae_bpm", "|HR error| (bpm)", True)
SNR = Quantity("degradation_snr", "snr_db", "snr_db", "pulse SNR (dB)", False)

# By condition and entry, then by subject.
Means = Mapping[tuple[str, str], Mapping[str, float]]


def draw_degradation(board: Board, quantity: Quantity, target: Path) -> list[Path]:
    """Files written: a row of panels for each of the best entries, a column a codec.

    Errors stand on a scale that is linear up to 1 bpm and logarithmic above.

    Raises:
        NothingToDraw: nothing is compressed, or no window has the quantity.
    """
    codecs = by_codec(board)
    entries, reference = compared_entries(board, AT_MOST), reference_of(board)
    cells = by_cell(board)
    means = {
        key: subject_means(cells.get(key, []), quantity.column, absolute=quantity.absolute)
        for key in itertools.product(board.results.conditions, entries)
    }
    if not any(means.values()):
        raise NothingToDraw(f"no window has {quantity.column}")
    with house_style():
        size = (3.0 * len(codecs) + 0.8, 2.0 * len(entries) + 1.1)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(entries), len(codecs), sharex="col", sharey=True, squeeze=False)
        floor = False
        for row, entry in enumerate(entries):
            for column, (codec, conditions) in enumerate(codecs.items()):
                panel = panels[row][column]
                _draw(panel, board, quantity, entry, [*reference, *conditions], means)
                floor = draw_floor(panel, board, quantity.metric, named=False)
                label_rates(panel, board, [*reference, *conditions], name_axis=row == len(entries) - 1)
                if row == 0:
                    panel.set_title(f"{codec}\n")  # the second line is for the entry's name
            panels[row][0].set_ylabel(quantity.label)
            panels[row][0].set_title(entry, loc="left", fontsize=8, fontweight="bold")
        caption = "thin: a subject; thick: the mean over subjects and its interval"
        shown = left_out(len(entries), len(compared_entries(board)))
        set_title(figure, heading(board.results), caption + shown, *([f"broken line: {FLOOR}"] if floor else []))
        return save(figure, list(_rows(board, quantity, entries, codecs, means)), target)


def _draw(panel: Axes, board: Board, quantity: Quantity, entry: str, conditions: Sequence[str], means: Means) -> None:
    colour = COLOURS[0]
    subjects = sorted({subject for condition in conditions for subject in means[condition, entry]})
    for subject in subjects:
        line = [means[condition, entry].get(subject, math.nan) for condition in conditions]
        panel.plot(range(len(line)), line, color="0.35", linewidth=0.6, alpha=0.55)
    estimates = [board.estimate(condition, entry, quantity.metric) or UNKNOWN for condition in conditions]
    values = [estimate.value for estimate in estimates]
    reach = [
        [max(e.value - e.low, 0.0) if math.isfinite(e.low) else 0.0 for e in estimates],
        [max(e.high - e.value, 0.0) if math.isfinite(e.high) else 0.0 for e in estimates],
    ]
    panel.errorbar(range(len(values)), values, reach, color=colour, linewidth=2.2, marker="o", markersize=4, capsize=2)
    if quantity.absolute:
        panel.set_yscale("symlog", linthresh=1.0, linscale=0.6)
        panel.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        panel.set_ylim(bottom=0)
    grid_lines(panel)


def _rows(
    board: Board, quantity: Quantity, entries: Sequence[str], codecs: Mapping[str, list[str]], means: Means
) -> Iterator[dict[str, Any]]:
    """A row a subject; rows without a subject hold the mean of all and its interval."""
    for entry in entries:
        for codec, conditions in ({c: [c] for c in reference_of(board)} | dict(codecs)).items():
            for condition in conditions:
                rate = board.bitrates.get(condition)
                cell = {
                    "entry": entry,
                    "codec": codec,
                    "condition": condition,
                    "achieved_kbps": rate.median_bps / 1000 if rate else math.nan,
                }
                nothing = {f"{quantity.metric}_low": math.nan, f"{quantity.metric}_high": math.nan}
                for subject, value in means[condition, entry].items():
                    yield {**cell, "subject": subject, quantity.metric: value, **nothing}
                estimate = board.estimate(condition, entry, quantity.metric) or UNKNOWN
                yield {**cell, "subject": "", **columns(quantity.metric, estimate)}
