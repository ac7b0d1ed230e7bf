"""How a plan is told on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from rppgbench.cli.progress import clock
from rppgbench.engine.estimate import estimate
from rppgbench.protocol.contestant import named

if TYPE_CHECKING:
    from rppgbench.engine.plan import Plan
    from rppgbench.engine.store import Store
    from rppgbench.protocol.model import Folds
    from rppgbench.protocol.resolve import Protocol


def print_declaration(console: Console, protocol: Protocol) -> None:
    """What the protocol declares; needs no data."""
    rehearsal = " (a rehearsal: its numbers mean nothing)" if protocol.rehearsal else ""
    console.print(f"[bold]{protocol.name} v{protocol.version}[/bold]  {protocol.title}{rehearsal}", highlight=False)
    console.print(f"digest      {protocol.digest[:12]}", highlight=False)
    console.print(f"dataset     {named(protocol.dataset)}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"conditions  {', '.join(c.id for c in protocol.conditions)}", highlight=False, soft_wrap=True)
    console.print(f"folds       {_folds(protocol.folds)}", highlight=False)
    console.print(
        f"entries     {', '.join(e.id for e in protocol.entries)}", highlight=False, markup=False, soft_wrap=True
    )
    clips = protocol.clips
    console.print(f"windows     {clips.length_s:g} s at {clips.fps_hz:g} fps\n", highlight=False)


def _folds(folds: Folds) -> str:
    if folds.lists is not None:
        return f"{len(folds.lists)}, by lists of subjects"
    return f"{folds.k}, by subject, seed {folds.seed}" if folds.k else "one a subject"


def print_plan(console: Console, plan: Plan, store: Store, workers: int) -> None:
    """Folds, cells, and a row a stage: cached, to run, how long, how much disk."""
    recordings = {cell.recording.id for cell in plan.cells}
    subjects = {cell.recording.subject for cell in plan.cells}
    folds = {cell.fold.index for cell in plan.cells}
    conditions = {cell.condition.id for cell in plan.cells}
    entries = {cell.entry.id for cell in plan.cells}
    windows = sum(cell.n_windows for cell in plan.cells)
    console.print(
        f"{len(recordings)} recordings of {len(subjects)} subjects in {len(folds)} folds "
        f"x {len(conditions)} conditions x {len(entries)} entries: {windows} windows to score",
        highlight=False,
    )
    for fold in plan.folds:
        if fold.index not in folds:
            continue
        console.print(f"  fold {fold.index}: tests {', '.join(fold.test)}", highlight=False, style="dim")
    to_do = plan.wanted(store)
    stages = estimate(plan, store, to_do)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("stage", "left"),
        ("tasks", "right"),
        ("to run", "right"),
        ("core time", "right"),
        ("disk", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for stage in stages:
        table.add_row(stage.stage, str(stage.total), str(stage.to_do), _time(stage.seconds), _size(stage.bytes_out))
    console.print(table)
    seconds = sum(stage.seconds for stage in stages)
    if to_do:
        console.print(
            f"roughly {_time(seconds / workers)} with {workers} workers, "
            f"{_size(sum(s.bytes_out for s in stages))} of disk in {store.root}",
            highlight=False,
            soft_wrap=True,
        )
        fits = [task for task in plan.tasks.values() if "recipe" in task.settings]
        if fits and not any(store.has(task.key) for task in fits):
            console.print(
                "no fit was measured here yet: fits are guessed as of networks of size small, and those of the "
                "paper's size take hundreds of times as long on a CPU",
                highlight=False,
                soft_wrap=True,
                style="yellow",
            )
    else:
        console.print("all cached: nothing to run", highlight=False)


def _time(seconds: float) -> str:
    return clock(seconds) if seconds >= 1 else ("-" if not seconds else "<0:01")


def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit in ("B", "kB") else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"
