"""Finished results that a command is asked about, and what is drawn of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rppgbench.errors import RppgbenchError, nearest

if TYPE_CHECKING:
    from rppgbench.figures.figure_set import FigureOutcome, FigureSet
    from rppgbench.figures.selection import Selection
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.registry import Registry
    from rppgbench.report.paper import Paper
    from rppgbench.results.board import Board
    from rppgbench.results.results import Results

Command = TypeVar("Command", bound=Callable[..., Any])


def draws_results(command: Command) -> Command:
    """Arguments of commands that draw finished results; ``open_figure_set`` takes them."""
    for decorate in reversed(
        (
            click.argument("protocol"),
            click.option("--store", "store_path", type=click.Path(path_type=Path, file_okay=False),
                         help="The store of the run, for faces, waves and losses. "
                              "[default: $RPPGBENCH_STORE, else the user's cache folder]"),
            click.option("--data", multiple=True, metavar="NAME=PATH", help="Where a dataset's files lie."),
            click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("leaderboards"),
                         show_default=True,
                         help="Folder of leaderboards; all is written to OUT/<protocol>/v<version>/."),
            click.option("--recording", metavar="ID",
                         help="Show this recording in faces and waves. [default: that of median error]"),
            click.option("--condition", metavar="ID",
                         help="Show this condition in faces, waves, bland_altman_compressed and further tables of a "
                              "report. [default: faces and waves the lowest rate learnt from; "
                              "bland_altman_compressed the middle rate of the first codec; tables none]"),
            click.option("--entry", metavar="ID", help="As this entry saw it. [default: the best with an enhancer]"),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


def open_figure_set(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    out: Path,
    recording: str | None,
    condition: str | None,
    entry: str | None,
) -> tuple[FigureSet, Path, Paper | None]:
    """The figures of the named results, their folder, and the paper that their report follows."""
    from rppgbench.figures.figure_set import FigureSet
    from rppgbench.figures.run_artefacts import RunArtefacts
    from rppgbench.registry import load_registry
    from rppgbench.report.paper import find_paper
    from rppgbench.results.board import Board

    registry = load_registry()
    results, folder, loaded = find_results(protocol, out, registry)
    board = Board.of(results)
    chosen = _chosen_window(board, entry, condition, recording)
    paper = find_paper(str(results.about["protocol"]), loaded.path if loaded else None)
    prefixes = paper.figures if paper else {}
    run = RunArtefacts(loaded, registry, store_path, data)
    return FigureSet(board, run, chosen, condition, prefixes), folder, paper


def print_outcomes(outcomes: Iterable[FigureOutcome], folder: Path) -> tuple[int, int]:
    """Say what is written and what is skipped, as it is; how many files and parts these were.

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


def find_results(named: str, out: Path, registry: Registry) -> tuple[Results, Path, Protocol | None]:
    """The results that are meant, their folder, and the protocol that they answer, if it is at hand.

    Raises:
        RppgbenchError: there are none.
        IncomparableResults: those in the protocol's folder answer another question.
    """
    from rppgbench.protocol.protocol_library import find_protocol
    from rppgbench.protocol.resolve import load_protocol
    from rppgbench.results.results import RESULTS, Results, load_answering

    path = Path(named)
    if path.is_dir():
        if not (path / RESULTS).is_file():
            raise RppgbenchError(
                f"{path}: no results there (expected {RESULTS})",
                hint="name the folder of one board, such as leaderboards/synthetic_compressed/v2",
            )
        results = Results.load(path)
        return results, path, _protocol_of(results, registry)
    if path.parent.is_dir() and path.parent != Path() and not path.is_file():
        siblings = [sibling.name for sibling in path.parent.iterdir()]
        raise RppgbenchError(f"{path}: no such protocol or folder of results", hint=nearest(path.name, siblings))
    protocol = load_protocol(find_protocol(named), registry)
    folder = out / protocol.name / f"v{protocol.version}"
    if not (folder / RESULTS).is_file():
        raise RppgbenchError(
            f"{folder}: no results of {protocol.name} there",
            hint=f"'rppgbench run {named}' first, or say with --out where its leaderboards are",
        )
    hint = f"'rppgbench run {named}' again, or name the folder to see what it holds"
    return load_answering(protocol, folder, hint), folder, protocol


def _protocol_of(results: Results, registry: Registry) -> Protocol | None:
    """The protocol that comes with rppgbench and asks just what the results answer."""
    from rppgbench.protocol.protocol_library import builtin_protocols
    from rppgbench.protocol.resolve import load_protocol

    path = builtin_protocols().get(str(results.about["protocol"]))
    if path is None:
        return None
    protocol = load_protocol(path, registry, estimator=results.compatible)
    return protocol if protocol.digest == results.about["digest"] else None


def _chosen_window(
    board: Board, entry: str | None, condition: str | None, recording: str | None
) -> Selection | RppgbenchError:
    """The window to show, told when it was not asked for in full; or why there is none."""
    from rppgbench.figures.selection import select_window
    from rppgbench.figures.style import NothingToDraw

    try:
        chosen = select_window(board, entry=entry, condition=condition, recording=recording)
    except NothingToDraw as error:
        return error
    if chosen.why:
        click.echo(f"showing  {chosen.recording} under {chosen.condition} by {chosen.entry}: {chosen.why}")
    return chosen
