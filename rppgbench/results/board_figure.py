"""Error against bitrate, a panel a codec, a line an entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.evaluation.metrics import METRICS
from rppgbench.results.board import Board
from rppgbench.results.board_table import MANY

# Okabe & Ito's palette, for all kinds of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
MARKERS = "osD^vP*"
LINES = ("-", "--", "-.", (0, (1, 1)))
CONTROL = " (control)"
SPREAD = 0.3  # of a step between rates, from the first entry to the last: more would be ambiguous


STYLE: Any = {"svg.hashsalt": "rppgbench", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
FLOOR_MEANS = "how far the two estimators of heart rate disagree on the contact sensor itself"
FLOOR = f"label floor: {FLOOR_MEANS}"


def draw_error_by_bitrate(board: Board, target: Path) -> None:
    """Write ``target`` as .png and .svg, the same bytes for the same board; nothing if no condition has a rate."""
    if not codecs_with_rates(board):
        return
    with mpl.rc_context(STYLE):
        figure = error_by_bitrate(board)
        figure.savefig(target.with_suffix(".png"), dpi=150, metadata={"Software": None})
        figure.savefig(target.with_suffix(".svg"), metadata={"Date": None, "Creator": None})


def error_by_bitrate(board: Board) -> Figure:
    """The figure of a board that has rates; to be made and saved under one style."""
    codecs = codecs_with_rates(board)
    figure = Figure(figsize=(3.4 * len(codecs) + 1.8, 3.6), layout="constrained")
    panels = figure.subplots(1, len(codecs), sharey=True, squeeze=False)[0]
    for panel, (codec, conditions) in zip(panels, codecs.items(), strict=True):
        _draw_codec(panel, board, codec, conditions)
    _fit_to_entries(panels[0], board)
    floors = [draw_floor(panel, board, board.primary) for panel in panels]
    panels[0].set_ylabel(METRICS[board.primary].label)
    handles, labels = panels[0].get_legend_handles_labels()
    if any(floors):  # last: it is no entry
        handles, labels = [*handles[1:], handles[0]], [*labels[1:], labels[0]]
    _add_legend(figure, handles, labels)
    about = board.results.about
    title = f"{board.results.title} ({about['protocol']} v{about['version']})"
    figure.suptitle("\n".join([title, *([FLOOR] if any(floors) else [])]), fontsize=10)
    return figure


def draw_floor(panel: Axes, board: Board, metric: str, *, named: bool = True) -> bool:
    """Draw a broken line at the metric's label floor; returns False without a floor."""
    floor_bpm = board.floor_of(metric)
    if floor_bpm is None:
        return False
    label = f"label floor {floor_bpm:.2g} bpm" if named else "_"
    panel.axhline(floor_bpm, color="0.25", linestyle=(0, (6, 3)), linewidth=0.8, zorder=1.5, label=label)
    return True


def _add_legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Put the legend beside the panels, many names below them; the figure grows by it."""
    if len(labels) <= MANY:
        figure.legend(handles, labels, loc="outside right center", frameon=False)
        return
    width_in, height_in = figure.get_size_inches()
    fitting = (n_columns for n_columns in (4, 3, 2) if _legend_width_in(labels, n_columns) <= width_in)
    n_columns = next(fitting, 1)
    n_rows = -(-len(labels) // n_columns)
    figure.set_size_inches(max(width_in, _legend_width_in(labels, n_columns)), height_in + 0.18 * n_rows)
    figure.legend(
        handles, labels, loc="outside lower center", ncols=n_columns, frameon=False, fontsize=8, handlelength=4
    )


def _legend_width_in(labels: Sequence[str], n_columns: int) -> float:
    """Approximate width in inches at 8 points, each column as wide as its longest label."""
    return sum(0.85 + 0.07 * max(len(label) for label in column) for column in np.array_split(labels, n_columns))


def codecs_with_rates(board: Board) -> dict[str, list[str]]:
    """Conditions with a rate by codec, the highest rate first."""
    by_codec: dict[str, list[str]] = {}
    for condition in board.results.about["resolved"]["conditions"]:
        if condition["id"] in board.bitrates and condition["params"].get("bitrate_kbps"):
            by_codec.setdefault(condition["use"], []).append(condition["id"])
    return {
        codec: sorted(conditions, key=lambda c: -board.bitrates[c].median_bps) for codec, conditions in by_codec.items()
    }


def _draw_codec(panel: Axes, board: Board, codec: str, conditions: Sequence[str]) -> None:
    reference = [c["id"] for c in board.results.about["resolved"]["conditions"] if c["reference"]]
    shown = [c for c in reference if c in board.results.conditions] + list(conditions)
    n = len(board.entries)
    # Entries stand side by side, so that their intervals do not overlap, at a distance from the next rate.
    step = min(0.07, SPREAD / max(n - 1, 1))
    for index, entry in enumerate(board.entries):
        is_control = entry in board.results.controls
        x, y, below, above = [], [], [], []
        for place, condition in enumerate(shown):
            estimate = board.estimate(condition, entry, board.primary)
            if estimate is not None:
                x.append(place + step * (index - (n - 1) / 2))
                y.append(estimate.value)
                below.append(max(estimate.value - estimate.low, 0.0))
                above.append(max(estimate.high - estimate.value, 0.0))
        panel.errorbar(x, y, [below, above], label=entry + CONTROL * is_control, **_style(index, is_control, n))
    labels = [c if c in reference else f"{board.bitrates[c].median_bps / 1000:.0f}" for c in shown]
    panel.set_xticks(range(len(shown)), labels)
    panel.set_xlabel("achieved kb/s")
    panel.set_title(codec, fontsize=10)
    panel.set_ylim(bottom=0 if METRICS[board.primary].better == "lower" else None)
    panel.grid(axis="y", color="0.92")
    panel.set_axisbelow(True)


def _fit_to_entries(panel: Axes, board: Board) -> None:
    """Scale the panel for entries and the best control; labels name controls above it."""
    if METRICS[board.primary].better != "lower":
        return
    values = {entry: _values(board, entry) for entry in board.entries}
    rivals = [entry for entry in board.entries if entry not in board.results.controls]
    highs = [high for entry in rivals for _, high in values[entry]]
    best_control = min(
        (max(v for v, _ in values[entry]) for entry in board.results.controls if values[entry]), default=0
    )
    top = 1.1 * max([*highs, best_control])
    panel.set_ylim(0, top or None)
    for line in panel.containers:
        entry = str(line.get_label()).removesuffix(CONTROL)
        lowest = min((value for value, _ in values[entry]), default=0.0)
        if lowest > top:
            line.set_label(f"{line.get_label()}: above, from {lowest:.0f}")


def _values(board: Board, entry: str) -> list[tuple[float, float]]:
    """The entry's primary metric under each condition, and its interval's upper end, itself without an interval."""
    estimates = [board.estimate(condition, entry, board.primary) for condition in board.results.conditions]
    return [(e.value, e.value if math.isnan(e.high) else e.high) for e in estimates if e is not None]


def _style(index: int, is_control: bool, n: int) -> dict[str, Any]:
    style: dict[str, Any] = {"marker": MARKERS[index % len(MARKERS)], "markersize": 4, "capsize": 2, "elinewidth": 0.8}
    if n > MANY:
        # Each further round of colours has other markers and lines, so that no two entries have one style.
        turn = index // len(COLOURS)
        style |= {"marker": MARKERS[(index + turn) % len(MARKERS)], "capsize": 0, "elinewidth": 0.5}
        style |= {"linestyle": LINES[turn % len(LINES)]}
    if is_control:
        return {**style, "color": ("0.45", "0.6", "0.75")[index % 3], "linestyle": ":", "linewidth": 1}
    return {**style, "color": COLOURS[index % len(COLOURS)], "linewidth": 1.5}
