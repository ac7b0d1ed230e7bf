"""A report's files: tables, figures and the text that shows them, beside the board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rppgbench.figures.figure_set import FigureOutcome, FigureSet
from rppgbench.report.conclusions import conclude
from rppgbench.report.contrasts import Contrasts
from rppgbench.report.report_document import document
from rppgbench.report.section import Section
from rppgbench.report.table import Table
from rppgbench.report.tables import further_tables, paper_tables
from rppgbench.report.trends import Trends
from rppgbench.results.board import Board

REPORT = "report.md"


@dataclass(frozen=True)
class ReportWriter:
    """All of it, of the results that the gallery draws; ``condition`` is one that has tables of its own."""

    gallery: FigureSet
    folder: Path
    condition: str | None = None

    def write(self) -> Iterator[FigureOutcome]:
        """Tables, then figures, then the text, each as soon as it is there; what lacks its material says so."""
        for table in self._tables:
            yield FigureOutcome(table.name, table.save(self.folder / "tables"))
        for name, reason in (("comparisons", self._contrasts.reason), ("trends", self._trends.reason)):
            if reason:
                yield FigureOutcome(name, [], reason)
        outcomes = list[FigureOutcome]()
        for outcome in self.gallery.draw(self.folder / "figures"):
            outcomes.append(outcome)
            yield outcome
        text = document(self._board, self._sections, self._tables, outcomes)
        path = self.folder / REPORT
        path.write_text(text, encoding="utf-8", newline="")
        yield FigureOutcome("report", [path])

    @property
    def summary(self) -> list[str]:
        """What stands at its head."""
        return [sentence for section in self._sections for sentence in section.summary]

    @property
    def _board(self) -> Board:
        return self.gallery.board

    @cached_property
    def _contrasts(self) -> Contrasts:
        return Contrasts.of(self._board)

    @cached_property
    def _trends(self) -> Trends:
        return Trends.of(self._board)

    @cached_property
    def _sections(self) -> Sequence[Section]:
        return conclude(self._board, self._contrasts, self._trends)

    @cached_property
    def _tables(self) -> Sequence[Table]:
        further = further_tables(self._board, self.condition) if self.condition else []
        return [*paper_tables(self._board), *further, *self._contrasts.tables(), *self._trends.tables()]
