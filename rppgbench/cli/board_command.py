"""``rppgbench board``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(context_settings={"max_content_width": 110})
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the merged leaderboard there too.")
def board(results: tuple[Path, ...], out: Path | None) -> None:
    """Print the leaderboard of finished RESULTS: folders such as leaderboards/synthetic_compressed/v2.

    Several results are ranked together only if they answer the same question: if their protocols' digests differ, the
    command says where, line by line, and exits with 2.
    """
    from rich.console import Console

    from rppgbench.results.board import Board
    from rppgbench.results.board_table import print_board
    from rppgbench.results.publish import publish
    from rppgbench.results.results import Results, merge

    merged = Board.of(merge([Results.load(folder) for folder in results], [str(folder) for folder in results]))
    print_board(Console(), merged)
    if out is not None:
        click.echo(f"written to {publish(merged, out)}")
