"""The display of a run state, the same for ``run`` and for ``status`` from another shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rppgbench.runs.snapshot import GroupedNotice, RunningTask, Snapshot, StageTally
from rppgbench.text import format_bytes, format_clock

if TYPE_CHECKING:
    from rppgbench.store.store import Store

MOST_RUNNING = 8


def render_run(snapshot: Snapshot, store: Store, height: int = 40) -> Group:
    """A bar a stage, lines on the run as a whole, and as many running tasks as fit into ``height`` lines."""
    lines = [Text(line, style=style) for line, style in _status_lines(snapshot)]
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
        grid.add_row(f"{stage.stage:<8}", bar, f"{stage.ended}/{stage.total}", describe_pace(stage))
    return grid


def describe_pace(stage: StageTally) -> str:
    """``(80 cached)  2 failed  35/min  4:10 left``, without counts that are 0 and times that are unknown."""
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


def _status_lines(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Lines on the run as a whole, each with its style."""
    yield describe_times(snapshot), "bold"
    if snapshot.best is not None:
        yield describe_best(snapshot), ""
    if snapshot.failures:
        last = snapshot.failures[-1]
        blocked = f", {snapshot.count('blocked')} blocked" if snapshot.count("blocked") else ""
        yield f"{snapshot.count('failed')} failed{blocked}; last: {describe_notice(last)}", "red"
    if snapshot.waiting:
        yield f"waiting: {snapshot.waiting}", "yellow"
    facts = describe_resources(snapshot)
    if facts:
        yield facts, "dim"


def describe_times(snapshot: Snapshot) -> str:
    """``3:10 elapsed, about 7:00 left``."""
    left = "" if snapshot.left_s is None else f", about {format_clock(snapshot.left_s)} left"
    return f"{format_clock(snapshot.elapsed_s)} elapsed{left}"


def describe_best(snapshot: Snapshot) -> str:
    """The interim leader and its error; empty while it is unknown."""
    if snapshot.best is None:
        return ""
    best = snapshot.best
    conditions = "1 condition" if best.conditions == 1 else f"{best.conditions} conditions"
    windows = "1 window" if best.n_windows == 1 else f"{best.n_windows} windows"
    over = f"{windows} of {conditions} that all entries have scored"
    return f"best so far: {best.entry}, HR MAE {best.hr_mae_bpm:.2f} bpm over {over}"


def describe_resources(snapshot: Snapshot) -> str:
    """Workers, memory, freed disk and dashboard of a run, as far as they are known."""
    parts = [f"{count} {kind}" for kind, count in snapshot.workers.items() if count]
    facts = [f"{' + '.join(parts)} workers"] if parts else []
    if snapshot.memory_bytes:
        facts.append(f"up to {format_bytes(snapshot.memory_bytes)} of memory a task")
    if snapshot.evicted_bytes:
        facts.append(f"{format_bytes(snapshot.evicted_bytes)} of disk freed")
    if snapshot.dashboard:
        facts.append(f"dashboard {snapshot.dashboard}")
    return "; ".join(facts)


def describe_running(snapshot: Snapshot, store: Store, most: int = MOST_RUNNING) -> Iterator[str]:
    """Lines on running tasks, the longest running first."""
    tasks = sorted(snapshot.running, key=lambda task: -task.for_s)
    for task in tasks[:most]:
        yield describe(task, store)
    if len(tasks) > most:
        yield f"... and {len(tasks) - most} more"


def describe(task: RunningTask, store: Store) -> str:
    """The label of a running task and its time; of a fit also its step, loss and time left."""
    line = f"{task.task}  {format_clock(task.for_s)}"
    from rppgbench.pipeline.stage_progress import read_progress

    progress = read_progress(task.key, store)
    if progress is None:
        return line
    return (
        f"{line}, step {progress.step}/{progress.steps}, loss {progress.loss:.3g}, {format_clock(progress.left_s)} left"
    )


def describe_notice(notice: GroupedNotice) -> str:
    """The message of a notice with its first task, and the number of other tasks with the same message."""
    others = f" (and {notice.count - 1} more {notice.stage} tasks)" if notice.count > 1 else ""
    return f"{notice.task}: {notice.message}{others}" if notice.task else notice.message
