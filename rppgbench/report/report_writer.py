"""Files of a report beside the board: tables, figures and their text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rppgbench.figures.figure_set import FigureOutcome, FigureSet
from rppgbench.report.captions import CAPTIONS
from rppgbench.report.conclusions import conclude
from rppgbench.report.contrasts import Contrasts
from rppgbench.report.paper import Paper
from rppgbench.report.report_document import document
from rppgbench.report.section import Section
from rppgbench.report.table import Table
from rppgbench.report.tables import further_tables, paper_tables
from rppgbench.report.trends import Trends
from rppgbench.results.board import Board

REPORT = "report.md"


@dataclass(frozen=True)
class ReportWriter:
    """A report on the results of ``figures`` in the shape of ``paper``; ``condition`` has further tables of its own.

    Without a paper there are no tables of results.
    """

    figures: FigureSet
    folder: Path
    paper: Paper | None
    condition: str | None = None

    def write(self) -> Iterator[FigureOutcome]:
        """Outcomes of tables, then figures, then the text, each once it is written or skipped with a reason."""
        for table in self._tables:
            yield FigureOutcome(table.name, table.save(self.folder / "tables"))
        for name, reason in (("comparisons", self._contrasts.reason), ("trends", self._trends.reason)):
            if reason:
                yield FigureOutcome(name, [], reason)
        outcomes = list[FigureOutcome]()
        for outcome in self.figures.draw(self.folder / "figures"):
            outcomes.append(outcome)
            yield outcome
        captions = {self.figures.file_name(figure): caption for figure, caption in CAPTIONS.items()}
        text = document(self._board, self._sections, self._tables, outcomes, captions)
        path = self.folder / REPORT
        path.write_text(text, encoding="utf-8", newline="")
        yield FigureOutcome("report", [path])

    @property
    def summary(self) -> list[str]:
        """Sentences at the head of the report."""
        return [sentence for section in self._sections for sentence in section.summary]

    @property
    def _board(self) -> Board:
        return self.figures.board

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
        tables = list[Table]()
        if self.paper is not None:
            tables += paper_tables(self._board, self.paper)
            tables += further_tables(self._board, self.paper, self.condition) if self.condition else []
        return [*tables, *self._contrasts.tables(), *self._trends.tables()]
