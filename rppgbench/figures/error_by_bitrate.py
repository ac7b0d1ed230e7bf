"""The board's figure with its numbers: the primary metric against bitrate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.figures.paired_draws import UNKNOWN, columns
from rppgbench.figures.style import NothingToDraw, house_style, save
from rppgbench.results.board import Board
from rppgbench.results.board_figure import codecs_with_rates, error_by_bitrate

NAME = "error_by_bitrate"


def draw_error_by_bitrate(board: Board, target: Path) -> list[Path]:
    """Files written: a panel a codec, a line an entry, a broken line for the label floor.

    Raises:
        NothingToDraw: no condition has a bitrate.
    """
    if not codecs_with_rates(board):
        raise NothingToDraw("no condition with results has a bitrate")
    with house_style():
        return save(error_by_bitrate(board), list(_rows(board)), target)


def _rows(board: Board) -> Iterator[dict[str, Any]]:
    floor = board.floor_of(board.primary)
    floor_bpm = math.nan if floor is None else floor
    reference = reference_of(board)
    for codec, conditions in ({c: [c] for c in reference} | codecs_with_rates(board)).items():
        for condition in conditions:
            rate = board.bitrates.get(condition)
            for entry in board.entries:
                yield {
                    "codec": codec,
                    "condition": condition,
                    "achieved_kbps": rate.median_bps / 1000 if rate else math.nan,
                    "entry": entry,
                    "control": "yes" if entry in board.results.controls else "no",
                    **columns(board.primary, board.estimate(condition, entry, board.primary) or UNKNOWN),
                    "label_floor_bpm": floor_bpm,
                }
