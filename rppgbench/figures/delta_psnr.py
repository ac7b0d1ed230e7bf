"""PSNR that enhancers add, with changes of the pulse's SNR and of PSNR's spread over time.

An enhancer trained on squared error can raise PSNR by smoothing over time, which erases a pulse of less than one grey
level; so the change of the pulse's own signal-to-noise ratio and of PSNR's spread over time stand below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.evaluation.entry_summary import Estimate
from rppgbench.figures.bitrate_axis import by_codec, label_rates, learnt_first, offset
from rppgbench.figures.enhancer_pairs import (
    EnhancerPair,
    filling,
    find_enhancer_pairs,
    hollow_note,
    learning_note,
    styles,
)
from rppgbench.figures.paired_draws import UNKNOWN, PairedDraws, columns, paired_changes
from rppgbench.figures.style import NothingToDraw, grid_lines, heading, house_style, legend_below, save, set_title
from rppgbench.results.board import Board
from rppgbench.results.results import Row

NAME = "delta_psnr"
QUANTITIES = {
    "delta_psnr_db": "PSNR gained (dB)",
    "snr_change_db": "pulse SNR gained (dB)",
    "psnr_sd_change_db": "SD of PSNR over time,\nchange (dB)",
}
_CAPTION = (
    "What each enhancer adds to the face's PSNR, to the pulse SNR of the method alone, and to PSNR's spread over time"
)

# By condition and entry, then by the name of the quantity.
Changes = dict[tuple[str, str], dict[str, Estimate]]


def draw_delta_psnr(board: Board, target: Path) -> list[Path]:
    """Files written: three rows of panels, a column a codec, a line an entry with an enhancer.

    Raises:
        NothingToDraw: no entry has an enhancer, nothing is compressed, or no PSNR was measured.
    """
    pairs = find_enhancer_pairs(board.results)
    codecs = learnt_first(by_codec(board), (name for pair in pairs for name in pair.learnt))
    found = _changes(board, pairs, [c for conditions in codecs.values() for c in conditions])
    if all(math.isnan(cell["delta_psnr_db"].value) for cell in found.values()):
        raise NothingToDraw("the results hold no PSNR of enhanced faces")
    caption = _CAPTION + hollow_note(pairs, codecs.values())
    with house_style():
        figure = Figure(figsize=(3.4 * len(codecs) + 1.4, 8.2), layout="constrained")
        panels = figure.subplots(len(QUANTITIES), len(codecs), sharey="row", sharex="col", squeeze=False)
        for row, quantity in enumerate(QUANTITIES):
            for column, (codec, conditions) in enumerate(codecs.items()):
                panel = panels[row][column]
                _draw(panel, pairs, found, conditions, quantity)
                label_rates(panel, board, conditions, name_axis=row == len(QUANTITIES) - 1)
                if row == 0:
                    panel.set_title(f"{codec}{learning_note(pairs, conditions)}")
            panels[row][0].set_ylabel(QUANTITIES[quantity])
        # The pulse's row: the first leaves out lines that coincide.
        legend_below(figure, panels[1][0])
        set_title(figure, heading(board.results), caption)
        return save(figure, list(_rows(board, pairs, codecs, found)), target)


def _changes(board: Board, pairs: Sequence[EnhancerPair], conditions: Sequence[str]) -> Changes:
    draws = PairedDraws.of(board.results)
    cells: dict[tuple[str, str | None], list[Row]] = {}
    for row in board.results.rows:
        cells.setdefault((row["condition"], row["entry"]), []).append(row)
    found: Changes = {}
    for pair in pairs:
        for condition in conditions:
            rows, alone = (cells.get((condition, entry), []) for entry in (pair.entry, pair.alone))
            pixels = {
                metric: board.estimate(condition, pair.entry, metric) or UNKNOWN
                for metric in ("delta_psnr_db", "psnr_sd_change_db")
            }
            pulse = draws.mean(paired_changes(rows, alone, "snr_db"))
            found[condition, pair.entry] = {**pixels, "snr_change_db": pulse}
    return found


def _draw(panel: Axes, pairs: Sequence[EnhancerPair], found: Changes, conditions: Sequence[str], quantity: str) -> None:
    style_of = styles(pairs)
    drawn: set[tuple[str, tuple[float, ...]]] = set()
    for index, pair in enumerate(pairs):
        estimates = [found[condition, pair.entry][quantity] for condition in conditions]
        values = tuple(estimate.value for estimate in estimates)
        # One enhancer before several methods gives the same video.
        if quantity != "snr_change_db" and (pair.enhancer, values) in drawn:
            continue
        drawn.add((pair.enhancer, values))
        x = [place + offset(index, len(pairs)) for place in range(len(conditions))]
        below = [max(e.value - e.low, 0.0) for e in estimates]
        above = [max(e.high - e.value, 0.0) for e in estimates]
        panel.errorbar(x, values, [below, above], label=pair.entry, **style_of[pair.entry], **filling(pair, conditions))
    panel.axhline(0, color="0.2", linewidth=0.9, zorder=1)
    grid_lines(panel)


def _rows(
    board: Board, pairs: Sequence[EnhancerPair], codecs: dict[str, list[str]], found: Changes
) -> Iterator[dict[str, Any]]:
    for codec, conditions in codecs.items():
        for condition in conditions:
            for pair in pairs:
                rate = board.bitrates.get(condition)
                row: dict[str, Any] = {
                    "codec": codec,
                    "condition": condition,
                    "achieved_kbps": rate.median_bps / 1000 if rate else math.nan,
                    "entry": pair.entry,
                    "train": pair.train or "",
                    "learnt_from_codec": "" if not pair.learnt else "no" if pair.transfers(conditions) else "yes",
                    "method_alone": pair.alone or "",
                }
                for quantity in QUANTITIES:
                    row |= columns(quantity, found[condition, pair.entry][quantity])
                yield row
