"""Conclusions from results and their limits, in sentences made from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rppgbench.report.agreement_tables import agreement_tables, variability_tables
from rppgbench.report.control_comparisons import against_controls
from rppgbench.report.evaluated_data import evaluated_data, limits
from rppgbench.report.section import Section

if TYPE_CHECKING:
    from rppgbench.report.contrasts import Contrasts
    from rppgbench.report.trends import Trends
    from rppgbench.results.board import Board


def conclude(board: Board, contrasts: Contrasts, trends: Trends) -> Sequence[Section]:
    """Sections in the order of reading, without empty ones."""
    sections = [
        evaluated_data(board),
        against_controls(board),
        contrasts.section(),
        trends.section(),
        agreement_tables(board),
        variability_tables(board),
        limits(board),
    ]
    return [section for section in sections if section.sentences]
