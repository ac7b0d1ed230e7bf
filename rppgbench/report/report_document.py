"""The report as Markdown: conclusions, then the tables and figures behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rppgbench.figures.figure_set import FigureOutcome
from rppgbench.report.section import Section
from rppgbench.report.table import Table
from rppgbench.results.board import Board

LONGEST = 40  # rows of a table in the text


def document(
    board: Board,
    sections: Sequence[Section],
    tables: Sequence[Table],
    figures: Sequence[FigureOutcome],
    captions: Mapping[str, str],
) -> str:
    """The text of ``report.md``, which lies beside ``tables/`` and ``figures/``; ``captions`` by file name."""
    about = board.results.about
    summary = [sentence for section in sections for sentence in section.summary]
    parts = [
        f"# Report: {board.results.title}",
        f"Protocol `{about['protocol']}` v{about['version']}, digest `{about['digest'][:12]}`"
        + (f", {about['cite']}" if about.get("cite") else "")
        + ". Written by `rppgbench report` from the rows in this folder; the board is in [board.md](board.md).",
        "## In short",
        _bullets(summary),
        "## What can and cannot be concluded",
    ]
    for section in sections:
        parts += [f"### {section.title}", _bullets(section.sentences)]
    parts += ["## Tables", *_tables(tables), "## Figures", *_figures(figures, captions)]
    return "\n\n".join(parts) + "\n"


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _tables(tables: Sequence[Table]) -> Iterator[str]:
    for table in tables:
        yield f"### {table.title}"
        yield table.markdown(LONGEST)
        yield f"Data: [{table.name}.csv](tables/{table.name}.csv)"


def _figures(figures: Sequence[FigureOutcome], captions: Mapping[str, str]) -> Iterator[str]:
    for outcome in figures:
        if outcome.files:
            yield f"### {outcome.name}"
            yield f"![{outcome.name}](figures/{outcome.name}.png)"
            data = f"[{outcome.name}.csv](figures/{outcome.name}.csv)"
            yield f"{captions.get(outcome.name, '')} Data: {data}; the same as .svg beside it.".strip()
    skipped = [f"{outcome.name}: {outcome.reason}" for outcome in figures if not outcome.files]
    if skipped:
        yield "### Not drawn"
        yield _bullets(skipped)
