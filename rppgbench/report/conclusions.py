"""What results let one conclude and what not, in sentences made from their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rppgbench.report.agreement import agreement, variability
from rppgbench.report.controls import against_controls
from rppgbench.report.material import limits, material
from rppgbench.report.section import Section

if TYPE_CHECKING:
    from rppgbench.leaderboard.board import Board
    from rppgbench.report.contrasts import Contrasts
    from rppgbench.report.trends import Trends


def conclude(board: Board, contrasts: Contrasts, trends: Trends) -> Sequence[Section]:
    """Sections in the order of reading, those with nothing to say left out."""
    sections = [
        material(board),
        against_controls(board),
        contrasts.section(),
        trends.section(),
        agreement(board),
        variability(board),
        limits(board),
    ]
    return [section for section in sections if section.sentences]
