"""How a run looks: the same whether it goes on here or is looked at from another shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rppgbench.runs.snapshot import GroupedNotice, RunningTask, Snapshot, StageTally
from rppgbench.text import format_bytes, format_clock

if TYPE_CHECKING:
    from rppgbench.pipeline.task import Task
    from rppgbench.store.store import Store

MOST_RUNNING = 8


def render_run(snapshot: Snapshot, store: Store, height: int = 40) -> Group:
    """A bar a stage, how the run stands, and the tasks that run, as many as ``height`` lines leave room for."""
    lines = [Text(line, style=style) for line, style in _standing(snapshot)]
    worked = [stage for stage in snapshot.stages if stage.total > stage.cached]
    room = max(min(MOST_RUNNING, height - len(worked) - len(lines) - 3), 1)
    parts: list[RenderableType] = [_bars(worked)] if worked else []
    cached = [stage.stage for stage in snapshot.stages if stage.total == stage.cached > 0]
    if cached:
        parts.append(Text(f"all cached: {', '.join(cached)}", style="dim"))
    parts += lines
    if snapshot.running and snapshot.state != "running":
        parts.append(Text("in flight then:", style="dim"))
    parts += [
        Text(f"  {line}", style="dim", overflow="ellipsis", no_wrap=True)
        for line in describe_running(snapshot, store, room)
    ]
    return Group(*parts)


def _bars(stages: Iterable[StageTally]) -> Table:
    grid = Table.grid(padding=(0, 1))
    for justify in ("left", "left", "right", "left"):
        grid.add_column(justify=justify, no_wrap=True)
    for stage in stages:
        bar = ProgressBar(total=stage.total, completed=stage.ended, width=30)
        grid.add_row(f"{stage.stage:<8}", bar, f"{stage.ended}/{stage.total}", pace(stage))
    return grid


def pace(stage: StageTally) -> str:
    """``(80 cached)  2 failed  35/min  4:10 left``, as far as there is something to say."""
    parts = [f"({stage.cached} cached)"] if stage.cached else []
    parts += [
        f"{count} {what}"
        for count, what in ((stage.found, "found"), (stage.failed, "failed"), (stage.blocked, "blocked"))
        if count
    ]
    if stage.rate_per_min is not None and stage.left_s is not None and stage.running:
        parts += [
            f"{stage.rate_per_min:.{0 if stage.rate_per_min >= 10 else 1}f}/min",
            f"{format_clock(stage.left_s)} left",
        ]
    return "  ".join(parts)


def _standing(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Lines on the run as a whole, each with its style."""
    yield passed(snapshot), "bold"
    if snapshot.best is not None:
        yield describe_best(snapshot), ""
    if snapshot.failures:
        last = snapshot.failures[-1]
        blocked = f", {snapshot.count('blocked')} blocked" if snapshot.count("blocked") else ""
        yield f"{snapshot.count('failed')} failed{blocked}; last: {describe_notice(last)}", "red"
    if snapshot.waiting:
        yield f"waiting: {snapshot.waiting}", "yellow"
    facts = means(snapshot)
    if facts:
        yield facts, "dim"


def passed(snapshot: Snapshot) -> str:
    """``3:10 elapsed, about 7:00 left``."""
    left = "" if snapshot.left_s is None else f", about {format_clock(snapshot.left_s)} left"
    return f"{format_clock(snapshot.elapsed_s)} elapsed{left}"


def describe_best(snapshot: Snapshot) -> str:
    """Which entry is ahead; empty while that is not known."""
    if snapshot.best is None:
        return ""
    found = snapshot.best
    conditions = "1 condition" if found.conditions == 1 else f"{found.conditions} conditions"
    windows = "1 window" if found.n_windows == 1 else f"{found.n_windows} windows"
    over = f"{windows} of {conditions} that all entries have scored"
    return f"best so far: {found.entry}, HR MAE {found.hr_mae_bpm:.2f} bpm over {over}"


def means(snapshot: Snapshot) -> str:
    """What the run runs on: workers, memory, disk, dashboard."""
    parts = [f"{count} {kind}" for kind, count in snapshot.workers.items() if count]
    told = [f"{' + '.join(parts)} workers"] if parts else []
    if snapshot.memory_bytes:
        told.append(f"up to {format_bytes(snapshot.memory_bytes)} of memory a task")
    if snapshot.evicted_bytes:
        told.append(f"{format_bytes(snapshot.evicted_bytes)} of disk freed")
    if snapshot.dashboard:
        told.append(f"dashboard {snapshot.dashboard}")
    return "; ".join(told)


def describe_running(snapshot: Snapshot, store: Store, most: int = MOST_RUNNING) -> Iterator[str]:
    """The tasks that run, those that run longest first."""
    tasks = sorted(snapshot.running, key=lambda task: -task.for_s)
    for task in tasks[:most]:
        yield describe(task, store)
    if len(tasks) > most:
        yield f"... and {len(tasks) - most} more"


def describe(task: RunningTask, store: Store) -> str:
    """The task's name and for how long it runs; of a fit also how far it is, its loss and the time it still takes."""
    told = f"{task.task}  {format_clock(task.for_s)}"
    if task.stage != "fit":
        return told
    from rppgbench.pipeline.stages.fit import fit_progress

    progress = fit_progress(cast("Task", task), store)  # it asks a task for its key alone
    if progress is None:
        return told
    return (
        f"{told}, step {progress.step}/{progress.steps}, loss {progress.loss:.3g}, {format_clock(progress.left_s)} left"
    )


def describe_notice(what: GroupedNotice) -> str:
    """The reason with the first task it was told of, and how many others it was told of too."""
    others = f" (and {what.count - 1} more {what.stage} tasks)" if what.count > 1 else ""
    return f"{what.task}: {what.message}{others}" if what.task else what.message
