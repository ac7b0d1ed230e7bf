"""Mean ranks over subjects, with bars over entries that Nemenyi's test does not distinguish.

After Demsar, J. Machine Learning Research 7:1, 2006, with subjects in the place of datasets; a panel a group of
conditions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.evaluation.ranks import Ranks, rank_entries
from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.figures.style import NothingToDraw, heading, house_style, save, set_title
from rppgbench.figures.subject_means import compared_entries
from rppgbench.results.board import Board
from rppgbench.results.board_figure import COLOURS

NAME = "critical_differences"
_CAPTION = (
    "Mean ranks over subjects by absolute error of heart rate, 1 the best; bars join entries that Nemenyi's test does "
    "not tell apart (5 %); of these subjects alone, and of order, not of how much"
)


def draw_critical_differences(board: Board, target: Path) -> list[Path]:
    """Files written: a panel for the reference and one for the mean over all compressed conditions.

    Raises:
        NothingToDraw: fewer than three entries, or fewer than two subjects.
    """
    found = {name: ranks for name, ranks in _ranked(board).items() if not ranks.reason}
    if not found:
        raise NothingToDraw(next((ranks.reason for ranks in _ranked(board).values()), "nothing to rank"))
    n_entries = max(len(ranks.mean_rank) for ranks in found.values())
    longest = max(len(entry) for ranks in found.values() for entry in ranks.mean_rank)
    with house_style():
        width = 3.4 + 0.065 * longest
        figure = Figure(figsize=(width * len(found), 0.24 * n_entries + 1.9), layout="constrained")
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        for panel, (name, ranks) in zip(panels, found.items(), strict=True):
            _draw(panel, ranks)
            panel.set_title(f"{name}\nn = {ranks.n} subjects; Friedman's p {_p(ranks.p_friedman)}")
        set_title(figure, heading(board.results), _CAPTION)
        return save(figure, list(_rows(found)), target)


def _ranked(board: Board) -> Mapping[str, Ranks]:
    reference = reference_of(board)
    compressed = [condition for condition in board.results.conditions if condition not in reference]
    groups = {name: [name] for name in reference}
    if compressed:
        several = f"mean of {len(compressed)} compressed conditions"
        groups[several if len(compressed) > 1 else compressed[0]] = compressed
    rows = board.results.rows
    return {
        name: rank_entries([row for row in rows if row["condition"] in own], entries=compared_entries(board))
        for name, own in groups.items()
    }


def _draw(panel: Axes, ranks: Ranks) -> None:
    ordered = sorted(ranks.mean_rank, key=lambda entry: ranks.mean_rank[entry])
    place = {entry: y for y, entry in enumerate(ordered)}
    x = np.array([ranks.mean_rank[entry] for entry in ordered])
    panel.plot(x, range(len(x)), "o", color=COLOURS[0], markersize=5)
    for y, mean_rank in enumerate(x):
        panel.annotate(f"{mean_rank:.2f}", (mean_rank, y), xytext=(6, 0), textcoords="offset points", va="center",
                       fontsize=7)  # fmt: skip
    best, distance = float(x.min()), ranks.critical_difference
    right = max(float(x.max()), best + distance)
    step = 0.045 * (right - best)
    for number, clique in enumerate(ranks.cliques):
        ends = [place[clique[0]] - 0.15, place[clique[-1]] + 0.15]
        at = right + 3.5 * step + number * step
        panel.plot([at, at], ends, color="0.2", linewidth=3, solid_capstyle="butt")
    panel.plot([best, best + distance], [-1, -1], color=COLOURS[1], linewidth=2, marker="|", markersize=8)
    panel.annotate(f"critical difference {distance:.2f}", (best + distance / 2, -1), xytext=(0, 4),
                   textcoords="offset points", ha="center", va="bottom", fontsize=7, color=COLOURS[1])  # fmt: skip
    panel.set_xlim(best - 2 * step, right + (4.5 + len(ranks.cliques)) * step)
    panel.set_ylim(len(ordered) - 0.5, -1.9)
    panel.set_yticks(range(len(ordered)), ordered)
    panel.set_xlabel("mean rank")
    panel.grid(axis="y", color="0.92")
    panel.set_axisbelow(True)
    panel.tick_params(axis="y", length=0)


def _p(p: float) -> str:
    return "undefined" if math.isnan(p) else f"{p:.2g}"


def _rows(found: Mapping[str, Ranks]) -> Iterator[dict[str, Any]]:
    for name, ranks in found.items():
        for entry in sorted(ranks.mean_rank, key=lambda entry: ranks.mean_rank[entry]):
            joined = [str(number) for number, clique in enumerate(ranks.cliques, 1) if entry in clique]
            yield {
                "conditions": name,
                "entry": entry,
                "mean_rank": ranks.mean_rank[entry],
                "n_subjects": ranks.n,
                "n_subjects_dropped": ranks.n_dropped,
                "critical_difference": ranks.critical_difference,
                "p_friedman": ranks.p_friedman,
                "bars": " ".join(joined),
            }
