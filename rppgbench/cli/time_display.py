"""The display of stage times and of the utilisation of workers."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rppgbench.runs.snapshot import Snapshot
from rppgbench.runs.stage_times import TimeSpent, time_spent
from rppgbench.text import format_bytes, format_duration, format_percent

_NUMBERS_WIDE = 72  # of the table, before the name of the longest task
_NAME_LEAST = 24


def print_time(console: Console, snapshot: Snapshot) -> None:
    """Print a row a stage, and a line on the utilisation of workers; nothing for a run that computed nothing."""
    spent = time_spent(snapshot)
    if spent is None:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("where time went", no_wrap=True)
    for name in ("tasks", "core time", "share", "mean", "longest", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", style="dim", no_wrap=True)
    room = console.width - _NUMBERS_WIDE
    for stage in spent.stages:
        table.add_row(
            stage.stage,
            str(stage.tasks),
            format_duration(stage.core_s),
            format_percent(stage.share),
            format_duration(stage.mean_s),
            format_duration(stage.longest_s),
            format_bytes(stage.memory_bytes) if stage.memory_bytes else "-",
            Text(stage.longest_task[:room] if room >= _NAME_LEAST else ""),
        )
    console.print(table, highlight=False, markup=False)
    console.print(describe_utilisation(spent), highlight=False, markup=False, soft_wrap=True)


def describe_utilisation(spent: TimeSpent) -> str:
    """Shares of the workers' time, and the stage with the largest share of wall time."""
    shares = (
        (spent.busy, "at work"),
        (spent.idle, "with no task ready"),
        (spent.overhead, "starting and handing over"),
        (spent.lost, "in tries that failed"),
    )
    described = ", ".join(f"{format_percent(share)} {what}" for share, what in shares if share >= 0.005)
    slots = f"{spent.slots:.0f}" if abs(spent.slots - round(spent.slots)) < 0.05 else f"{spent.slots:.1f}"
    workers = "1 worker" if slots == "1" else f"{slots} workers"
    text = f"{format_duration(spent.wall_s)} of wall time, {workers}: {described}"
    if spent.bound_s:
        text += f"; {spent.bound} bounds the run ({format_duration(spent.bound_s)} of it)"
    return text
