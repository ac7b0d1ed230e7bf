"""Options of the commands that draw finished results, and their figure sets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.shared_options import data_option, options, out_option, protocol_argument, store_option
from rppgbench.errors import RppgbenchError

if TYPE_CHECKING:
    from rppgbench.figures.figure_set import FigureOutcome, FigureSet
    from rppgbench.figures.selection import Selection
    from rppgbench.report.paper import Paper
    from rppgbench.results.board import Board

results_options = options(
    protocol_argument,
    store_option,
    data_option,
    out_option,
    click.option("--recording", metavar="ID",
                 help="Show this recording in faces and waves. [default: that of median error]"),
    click.option("--condition", metavar="ID",
                 help="Show this condition in faces, waves, bland_altman_compressed and further tables of a "
                      "report. [default: faces and waves the lowest rate learnt from; "
                      "bland_altman_compressed the middle rate of the first codec; tables none]"),
    click.option("--entry", metavar="ID", help="As this entry saw it. [default: the best with an enhancer]"),
)  # fmt: skip


def open_figure_set(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    out: Path,
    recording: str | None,
    condition: str | None,
    entry: str | None,
) -> tuple[FigureSet, Path, Paper | None]:
    """The figure set of results, their folder, and the paper of their protocol."""
    from rppgbench.api import open_results
    from rppgbench.figures.figure_set import FigureSet
    from rppgbench.figures.run_artefacts import RunArtefacts
    from rppgbench.registry import load_registry
    from rppgbench.report.paper import find_paper

    found = open_results(protocol, out=out)
    board, folder = found.board(), found.folder or out
    selection = _selection(board, entry, condition, recording)
    paper = find_paper(str(found.content.about["protocol"]), found.protocol.path if found.protocol else None)
    artefacts = RunArtefacts(found.protocol, load_registry(), store_path, data)
    return FigureSet(board, artefacts, selection, condition, paper.figures if paper else {}), folder, paper


def print_outcomes(outcomes: Iterable[FigureOutcome], folder: Path) -> tuple[int, int]:
    """Print each written file and each skipped part; their numbers.

    Raises:
        RppgbenchError: the folder cannot be written.
    """
    n_files = n_skipped = 0
    try:
        for outcome in outcomes:
            for path in outcome.files:
                click.echo(f"written  {path}")
            if not outcome.files:
                click.echo(f"skipped  {outcome.name}: {outcome.reason}")
            n_files, n_skipped = n_files + len(outcome.files), n_skipped + (not outcome.files)
    except OSError as error:
        raise RppgbenchError(
            f"{folder}: cannot be written: {error.strerror}", hint="copy the folder to where you may write"
        ) from None
    return n_files, n_skipped


def _selection(
    board: Board, entry: str | None, condition: str | None, recording: str | None
) -> Selection | RppgbenchError:
    """The window to show, printed if not all of it was given; an error if there is none."""
    from rppgbench.figures.selection import select_window
    from rppgbench.figures.style import NothingToDraw

    try:
        selection = select_window(board, entry=entry, condition=condition, recording=recording)
    except NothingToDraw as error:
        return error
    if selection.why:
        click.echo(f"showing  {selection.recording} under {selection.condition} by {selection.entry}: {selection.why}")
    return selection
