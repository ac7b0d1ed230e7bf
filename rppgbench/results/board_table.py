"""A board on a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rppgbench.evaluation.metrics import METRICS
from rppgbench.results.board import Board, cell
from rppgbench.results.board_notes import notes

WIDTH_IN_A_PIPE = 132
# With more entries than this, entries are rows and not columns, for their names are long, without intervals.
MANY = 8


def print_board(console: Console, board: Board) -> None:
    """Print the primary metric with intervals, the other metrics and the notes below."""
    if not console.is_terminal:
        console.width = WIDTH_IN_A_PIPE
    about = board.results.about
    console.print(
        f"\n[bold]{board.results.title}[/bold]  {about['protocol']} v{about['version']} ({about['digest'][:12]})\n"
    )
    many = len(board.entries) > MANY
    for metric in board.metrics:
        _print_metric(console, board, metric, _entries_down if many else _entries_across)
    for note in notes(board):
        console.print(Text(note, style="dim"), soft_wrap=True)
    if many:
        console.print(Text("Each value's interval stands in board.md.", style="dim"))
    console.print()


def _print_metric(
    console: Console, board: Board, metric: str, lay_out: Callable[[Table, Board, str, bool], None]
) -> None:
    primary = metric == board.primary
    title = f"[bold]{METRICS[metric].label}[/bold]{', the ranked metric' if primary else ''}"
    console.print(f"{title}  [dim]{METRICS[metric].meaning}[/dim]", highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    lay_out(table, board, metric, primary)
    console.print(table)
    console.print()


def _entries_down(table: Table, board: Board, metric: str, primary: bool) -> None:
    """A row an entry, a column a condition."""
    table.add_column("entry", min_width=24)
    conditions = board.results.conditions
    for condition in conditions:
        table.add_column(condition.replace("-", "\n", 1), justify="right", no_wrap=True)
    if primary:
        rates, psnrs = zip(*(_rate(board, condition) for condition in conditions), strict=True)
        table.add_row("kb/s", *rates, style="dim")
        table.add_row("PSNR dB", *psnrs, style="dim")
    for entry in board.entries:
        is_control = entry in board.results.controls
        cells = []
        for condition in conditions:
            value = cell(board.estimate(condition, entry, metric), metric, interval=False)
            mark = board.marks(condition, entry) if primary else ""
            coverage = board.coverage(condition, entry) if primary else ""
            cells.append(f"{value}{mark}" + (f"\n[red]{coverage}[/red]" if coverage else ""))
        # Text, not markup: names hold brackets.
        name = Text(f"{entry} (control)" if is_control else entry)
        table.add_row(name, *cells, style="dim" if is_control else None)


def _entries_across(table: Table, board: Board, metric: str, primary: bool) -> None:
    """A row a condition, a column an entry, intervals below the values."""
    table.add_column("condition", no_wrap=True)
    if primary:
        table.add_column("kb/s", justify="right", no_wrap=True)
        table.add_column("PSNR dB", justify="right", no_wrap=True)
    for entry in board.entries:
        is_control = entry in board.results.controls
        name = Text(f"{entry}\n(control)" if is_control else entry)
        table.add_column(name, justify="right", style="dim" if is_control else None)
    for condition in board.results.conditions:
        cells = [_cell(board, condition, entry, metric, primary) for entry in board.entries]
        table.add_row(condition, *(_rate(board, condition) if primary else ()), *cells)


def _cell(board: Board, condition: str, entry: str, metric: str, primary: bool) -> str:
    estimate = board.estimate(condition, entry, metric)
    value = cell(estimate, metric, interval=False)
    coverage = board.coverage(condition, entry) if primary else ""
    if not primary:
        return value
    mark = board.marks(condition, entry)
    if estimate is None:
        return f"{value}{mark} {coverage}".rstrip()
    if math.isnan(estimate.low):
        return f"{value}{mark}"
    low, high = (f"{bound:.{METRICS[metric].digits}f}" for bound in (estimate.low, estimate.high))
    return f"{value}{mark}\n[dim]{low}–{high}[/dim]" + (f"\n[red]{coverage}[/red]" if coverage else "")


def _rate(board: Board, condition: str) -> tuple[str, str]:
    achieved = board.bitrates.get(condition)
    if achieved is None:
        return "", ""
    return f"{achieved.median_bps / 1000:.0f}{'!' if achieved.n_missed else ''}", f"{achieved.psnr_y_db:.1f}"
