"""The display of a protocol and of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from rppgbench.errors import StoreError
from rppgbench.pipeline.cost_model import StageEstimate, estimate_costs, network_seconds_on_gpu, peak_memory
from rppgbench.pipeline.disk_budget import decide_disk_budget
from rppgbench.pipeline.stage_settings import GPU_FLOP_PER_S
from rppgbench.protocol.resolved_entry import component_label
from rppgbench.text import format_bytes, format_clock, parse_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.pipeline.plan import Plan
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.protocol_file import Folds
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.store.store import Store


def print_declaration(console: Console, protocol: Protocol) -> None:
    """Print a protocol; needs no data."""
    rehearsal = " (a rehearsal: its numbers mean nothing)" if protocol.rehearsal else ""
    console.print(f"[bold]{protocol.name} v{protocol.version}[/bold]  {protocol.title}{rehearsal}", highlight=False)
    console.print(f"digest      {protocol.digest[:12]}", highlight=False)
    console.print(f"dataset     {component_label(protocol.dataset)}", highlight=False, markup=False, soft_wrap=True)
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


def print_plan(
    console: Console,
    plan: Plan,
    store: Store,
    workers: int,
    disk_limit: str | None = None,
    memory_limit: str | None = None,
) -> None:
    """Print folds, trials and a row a stage (tasks, to run, core time, bytes), and the peaks of disk and memory."""
    recordings = {trial.recording.id for trial in plan.trials}
    subjects = {trial.recording.subject for trial in plan.trials}
    folds = {trial.fold.index for trial in plan.trials}
    conditions = {trial.condition.id for trial in plan.trials}
    entries = {trial.entry.id for trial in plan.trials}
    windows = sum(trial.n_windows for trial in plan.trials)
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
    stages = estimate_costs(plan, store, to_do)
    console.print(_table(stages))
    if not to_do:
        console.print("all cached: nothing to run", highlight=False)
        return
    seconds = sum(stage.seconds for stage in stages)
    console.print(
        f"roughly {_time(seconds / workers)} with {workers} workers; the store is {store.root}",
        highlight=False,
        soft_wrap=True,
    )
    _print_networks(console, plan, to_do, store, stages)
    _print_disk(console, plan, to_do, store, workers, disk_limit)
    _print_memory(console, peak_memory(to_do, workers), workers, memory_limit)


def _table(stages: Sequence[StageEstimate]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("stage", "left"),
        ("tasks", "right"),
        ("to run", "right"),
        ("core time", "right"),
        ("reads", "right"),
        ("writes", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for stage in stages:
        sizes = (format_bytes(n_bytes) if n_bytes else "-" for n_bytes in (stage.bytes_in, stage.bytes_out))
        table.add_row(stage.stage, str(stage.total), str(stage.to_do), _time(stage.seconds), *sizes)
    return table


def _print_networks(
    console: Console, plan: Plan, to_do: Sequence[Task], store: Store, stages: Sequence[StageEstimate]
) -> None:
    """Print the share of networks in the core time, and their estimated time on a GPU."""
    if not any(task.device is not None for task in to_do):
        return
    line = f"networks {_time(sum(stage.network_seconds for stage in stages))} of the core time, which GPUs take over"
    if on_gpu := network_seconds_on_gpu(plan, store, to_do):
        line += f"; at {GPU_FLOP_PER_S / 1e12:g} TFLOP/s about {_time(on_gpu)} of one GPU"
    console.print(line, highlight=False, soft_wrap=True)
    if not any(store.has(key) for key, task in plan.tasks.items() if task.stage == "train"):
        console.print(
            "no training was measured here yet: its time follows from the operations that each network states",
            highlight=False,
            soft_wrap=True,
            style="yellow",
        )


def _print_disk(
    console: Console, plan: Plan, to_do: Sequence[Task], store: Store, workers: int, disk_limit: str | None
) -> None:
    """Print the peaks and the limit of the disk; for a run that would be refused, the reason."""
    try:
        limit_bytes = parse_bytes(disk_limit) if disk_limit else None
        budget = decide_disk_budget(plan, to_do, store, limit_bytes, workers=workers)
    except StoreError as error:
        console.print(f"disk    {error.message}\n        {error.hint}", highlight=False, soft_wrap=True, style="yellow")
        return
    peak = budget.peak
    parts = [f"{format_bytes(peak.kept_bytes)} stay; at the peak {format_bytes(peak.whole_bytes)}"]
    if peak.whole_bytes > peak.least_bytes:
        parts[0] += f", or {format_bytes(peak.least_bytes)} where face clips go after their last reader"
    if budget.limit_bytes is not None:
        origin = "--disk-limit" if disk_limit else "of what is free"
        parts.append(
            f"limit {format_bytes(budget.limit_bytes)} ({origin}): {'clips go' if budget.evicts else 'all is kept'}"
        )
    console.print(f"disk    {'; '.join(parts)}", highlight=False, soft_wrap=True)


def _print_memory(console: Console, n_bytes: float, workers: int, memory_limit: str | None) -> None:
    console.print(
        f"memory  about {format_bytes(n_bytes)} at the peak of {workers} workers", highlight=False, soft_wrap=True
    )
    if memory_limit and parse_bytes(memory_limit) < n_bytes:
        console.print(
            f"        --memory-limit {memory_limit} may end some of the tasks: try fewer --workers",
            highlight=False,
            soft_wrap=True,
            style="yellow",
        )


def _time(seconds: float) -> str:
    return format_clock(seconds) if seconds >= 1 else ("-" if not seconds else "<0:01")
