"""``rppgbench status``."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from rppgbench.cli.shared_options import store_option
from rppgbench.runs.run_display import describe_notice
from rppgbench.text import format_clock

if TYPE_CHECKING:
    from rppgbench.runs.run_folders import Liveness, RunFolder, RunSummary, WatchedRun
    from rppgbench.runs.snapshot import Snapshot
    from rppgbench.store.store import Store

MOST_OTHERS = 8
LOOK_EVERY_S = 1.0
# Liveness is checked less often than new events are read: the check may write a file into the store.
LIVENESS_EVERY_S = 5.0


@click.command(context_settings={"max_content_width": 110})
@click.argument("run", required=False)
@store_option
@click.option("--follow", is_flag=True, help="Keep looking until the run ends; Ctrl-C leaves it running.")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON; with --follow one object a line.")
def status(run: str | None, store_path: Path | None, follow: bool, as_json: bool) -> None:
    """Show how RUN stands: done, running, failed, how fast, how long still, which entry is ahead.

    RUN is a protocol's name, or how the name of a folder in STORE/runs begins. Without it: the newest run that lives,
    else the newest. Any machine that sees the store may ask, and need not be able to write there. Of a run that has
    ended it says where time went.

    \b
    Examples:
      rppgbench status
      rppgbench status obf_compressed --follow
      rppgbench status smoke-20260105T0712 --json

    \b
    States: running; finished; failed (some tasks did); stopped (by its user); crashed (the error was shown where it
    ran); died (no sign of life for a minute and no word of an end); unknown (a version that showed no signs of life).
    """
    from rppgbench.runs.run_folders import WatchedRun, find_run, runs_in
    from rppgbench.store.store import Store, default_root

    store = Store.open(store_path or default_root(), writable=False)
    runs = runs_in(store)
    found = find_run(runs, store, run)
    watched = WatchedRun(found, store)
    watched.refresh()
    try:
        if as_json:
            _print_json(watched, store, runs, follow)
        else:
            _print(watched, store, runs, follow)
    except KeyboardInterrupt:
        click.echo("left; the run goes on", err=True)


def _print(watched: WatchedRun, store: Store, runs: Sequence[RunFolder], follow: bool) -> None:
    from rppgbench.cli.time_display import print_time
    from rppgbench.runs.run_display import render_run

    console = Console(highlight=False)
    liveness, snapshot = watched.look()
    if follow and liveness.state == "running":
        console.print(headline(watched.run, liveness, snapshot), soft_wrap=True)
        _follow(console, watched, store)
        liveness, snapshot = watched.look()
    console.print(headline(watched.run, liveness, snapshot), soft_wrap=True)
    console.print(render_run(snapshot, store))
    if liveness.state != "running":
        _print_failures(console, snapshot, watched.run)
        print_time(console, snapshot)
    _print_others(console, [run for run in runs if run != watched.run], store)


def _follow(console: Console, watched: WatchedRun, store: Store) -> None:
    """Show live progress until the run has ended or died."""
    from rppgbench.runs.progress import reporter

    liveness, _ = watched.look()
    offset_s = liveness.now_s - time.time()
    looked_s = time.monotonic()
    with reporter(console, watched.view, store, lambda: time.time() + offset_s) as progress:
        while liveness.state == "running":
            time.sleep(LOOK_EVERY_S)
            if watched.refresh():
                progress.refresh()
            if watched.view.snapshot().state != "running" or time.monotonic() - looked_s >= LIVENESS_EVERY_S:
                liveness, _ = watched.look()
                looked_s = time.monotonic()


def _print_json(watched: WatchedRun, store: Store, runs: Sequence[RunFolder], follow: bool) -> None:
    from rppgbench.runs.run_folders import summarise_run

    liveness, snapshot = watched.look()
    if not follow:
        others = [run for run in runs if run != watched.run][:MOST_OTHERS]
        summaries = [{"run": run.name, **_counts(summarise_run(run, store))} for run in others]
        click.echo(json.dumps({**_description(watched.run, liveness, snapshot), "others": summaries}, indent=1))
        return
    click.echo(json.dumps(_description(watched.run, liveness, snapshot)))
    while liveness.state == "running":
        time.sleep(LIVENESS_EVERY_S)
        fresh = watched.refresh()
        liveness, snapshot = watched.look()
        if fresh or liveness.state != "running":
            click.echo(json.dumps(_description(watched.run, liveness, snapshot)))


def _counts(summary: RunSummary) -> dict[str, str | int]:
    return {"state": summary.state, "done": summary.done, "failed": summary.failed}


def _description(run: RunFolder, liveness: Liveness, snapshot: Snapshot) -> dict[str, Any]:
    from rppgbench.runs.stage_times import time_spent

    spent = time_spent(snapshot) if liveness.state != "running" else None
    stages = [asdict(stage) | {"total": stage.total, "ended": stage.ended} for stage in snapshot.stages]
    return {
        "run": run.name,
        "folder": str(run.path),
        "protocol": run.protocol,
        **asdict(snapshot),
        "stages": stages,
        "state": liveness.state,
        "silent_s": liveness.silent_s,
        "where_time_went": asdict(spent) if spent else None,
    }


def headline(run: RunFolder, liveness: Liveness, snapshot: Snapshot) -> str:
    """The name, state, start and host of a run."""

    style = {"running": "green", "finished": "green", "failed": "red", "crashed": "red", "died": "red"}
    colour = style.get(liveness.state, "yellow")
    line = f"[bold]{run.name}[/bold]: [{colour}]{liveness.state}[/{colour}]"
    if liveness.state == "died" and liveness.silent_s is not None:
        line += f", no sign of life for {format_clock(liveness.silent_s)}" + (
            "" if liveness.sure else " by this machine's clock"
        )
        line += "; what is done is kept, the same command goes on from here"
    began = run.began
    since = f", begun {began.astimezone():%Y-%m-%d %H:%M}" if began else ""
    return line + since + (f" on {snapshot.host}" if snapshot.host else "")


def _print_failures(console: Console, snapshot: Snapshot, run: RunFolder) -> None:

    for failure in snapshot.failures[: MOST_OTHERS if len(snapshot.failures) > 1 else 0]:  # a single one is shown above
        console.print(f"  failed: {describe_notice(failure)}", markup=False, soft_wrap=True)
    if len(snapshot.failures) > MOST_OTHERS:
        console.print(f"  ... and {len(snapshot.failures) - MOST_OTHERS} other reasons")
    if snapshot.failures:
        console.print(f"  in full in {run.path / 'failures'}", markup=False, soft_wrap=True)


def _print_others(console: Console, others: Sequence[RunFolder], store: Store) -> None:
    from rppgbench.runs.run_folders import summarise_run

    if others:
        console.print("\nother runs", style="bold")
    for run in others[:MOST_OTHERS]:
        summary = summarise_run(run, store)
        failed = f", {summary.failed} failed" if summary.failed else ""
        began = f"{run.began.astimezone():%Y-%m-%d %H:%M}" if run.began else "?"
        console.print(
            f"  {summary.state:<8}  {began}  {run.name}  {summary.done} done{failed}", markup=False, soft_wrap=True
        )
    if len(others) > MOST_OTHERS:
        console.print(f"  ... and {len(others) - MOST_OTHERS} older")
