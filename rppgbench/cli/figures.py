"""``rppgbench figures``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.errors import RppgbenchError, nearest

if TYPE_CHECKING:
    from rppgbench.figures.choice import Chosen
    from rppgbench.leaderboard.board import Board
    from rppgbench.leaderboard.results import Results
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.registry import Registry


@click.command(context_settings={"max_content_width": 110})
@click.argument("protocol")
@click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path, file_okay=False),
    help="The store of the run, for faces, waves and losses. [default: $RPPGBENCH_STORE, else the user's cache folder]",
)
@click.option("--data", multiple=True, metavar="NAME=PATH", help="Where a dataset's files lie.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("leaderboards"),
    show_default=True,
    help="Folder of leaderboards; figures go to OUT/<protocol>/v<version>/figures/.",
)
@click.option("--recording", metavar="ID", help="Show this recording in fig8 and fig9. [default: that of median error]")
@click.option("--condition", metavar="ID", help="Under this condition. [default: the lowest rate learnt from]")
@click.option("--entry", metavar="ID", help="As this entry saw it. [default: the best with an enhancer]")
def figures(
    protocol: str, store_path: Path | None, data: tuple[str, ...], out: Path,
    recording: str | None, condition: str | None, entry: str | None,
) -> None:  # fmt: skip
    """Draw what a run of PROTOCOL found: a protocol's file or name, or a folder of results.

    \b
    fig6_delta_psnr          PSNR that enhancers add, and what it hides: pulse SNR, PSNR's spread over time
    fig7_error_by_enhancer   error behind each enhancer and training mode, under codecs learnt from and others
    fig8_faces               a face compressed, enhanced and as it was; where the method looked
    fig9_waves               its wave without and with the enhancer, above the PSNR of each frame
    losses                   training losses of every fit
    train_rate_by_test_rate  a method that learnt under one condition, tested under another

    Each is written as PNG, SVG and, with the numbers drawn, as CSV. A figure whose material is missing is skipped with
    the reason; fig8, fig9 and losses need the run's store.

    \b
    Examples:
      rppgbench figures synthetic_learned
      rppgbench figures leaderboards/synthetic_learned/v1
      rppgbench figures synthetic_learned --condition mpeg4-60k --entry "stven + rppgnet [joint]"
    """
    from rppgbench.figures.gallery import Gallery
    from rppgbench.figures.run import Run
    from rppgbench.leaderboard.board import Board
    from rppgbench.registry import load_registry

    registry = load_registry()
    results, folder, loaded = _results(protocol, out, registry)
    board = Board.of(results)
    chosen = _chosen(board, entry, condition, recording)
    gallery = Gallery(board, Run(loaded, registry, store_path, data), chosen)
    written = 0
    try:
        for outcome in gallery.draw(folder / "figures"):
            for path in outcome.files:
                click.echo(f"written  {path}")
            if not outcome.files:
                click.echo(f"skipped  {outcome.name}: {outcome.reason}")
            written += len(outcome.files)
    except OSError as error:
        raise RppgbenchError(f"{folder}: cannot be written: {error.strerror}", hint="choose another --out") from None
    if not written:
        raise RppgbenchError(
            f"{folder}: no figure has its material",
            hint="the protocol needs an entry with an enhancer or one that is trained; then 'rppgbench run' it again",
        )


def _results(named: str, out: Path, registry: Registry) -> tuple[Results, Path, Protocol | None]:
    """The results that are meant, their folder, and the protocol that they answer, if it is at hand.

    Raises:
        RppgbenchError: there are none.
        IncomparableResults: those in the protocol's folder answer another question.
    """
    from rppgbench.leaderboard.results import RESULTS, Results, load_answering
    from rppgbench.protocol.library import find
    from rppgbench.protocol.resolve import load

    path = Path(named)
    if path.is_dir():
        results = Results.load(path)
        return results, path, _protocol_of(results, registry)
    if path.parent.is_dir() and path.parent != Path() and not path.is_file():
        siblings = [sibling.name for sibling in path.parent.iterdir()]
        raise RppgbenchError(f"{path}: no such protocol or folder of results", hint=nearest(path.name, siblings))
    protocol = load(find(named), registry)
    folder = out / protocol.name / f"v{protocol.version}"
    if not (folder / RESULTS).is_file():
        raise RppgbenchError(
            f"{folder}: no results of {protocol.name} there",
            hint=f"'rppgbench run {named}' first, or say with --out where its leaderboards are",
        )
    hint = f"'rppgbench run {named}' again, or name the folder to draw what it holds"
    return load_answering(protocol, folder, hint), folder, protocol


def _protocol_of(results: Results, registry: Registry) -> Protocol | None:
    """The protocol that comes with rppgbench and asks just what the results answer."""
    from rppgbench.protocol.library import builtin
    from rppgbench.protocol.resolve import load

    path = builtin().get(str(results.about["protocol"]))
    if path is None:
        return None
    protocol = load(path, registry)
    return protocol if protocol.digest == results.about["digest"] else None


def _chosen(board: Board, entry: str | None, condition: str | None, recording: str | None) -> Chosen | RppgbenchError:
    """The window to show, told when it was not asked for in full; or why there is none."""
    from rppgbench.figures.choice import choose
    from rppgbench.figures.sheet import NothingToDraw

    try:
        chosen = choose(board, entry=entry, condition=condition, recording=recording)
    except NothingToDraw as error:
        return error
    if chosen.why:
        click.echo(f"showing  {chosen.recording} under {chosen.condition} by {chosen.entry}: {chosen.why}")
    return chosen
