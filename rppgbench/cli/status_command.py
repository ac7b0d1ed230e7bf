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
    from rppgbench.runs.run_folders import Liveness, RunFolder, WatchedRun
    from rppgbench.runs.snapshot import Snapshot
    from rppgbench.store.store import Store

MOST_OTHERS = 8
LOOK_EVERY_S = 1.0
# Whether the run lives is asked less often than what is new: it may touch a file of the store.
LIFE_EVERY_S = 5.0


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
    States: running; finished; failed (some tasks did); stopped (by its user); crashed (the error was told where it
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
    life, snapshot = watched.look()
    if follow and life.state == "running":
        console.print(headline(watched.run, life, snapshot), soft_wrap=True)
        _follow(console, watched, store)
        life, snapshot = watched.look()
    console.print(headline(watched.run, life, snapshot), soft_wrap=True)
    console.print(render_run(snapshot, store))
    if life.state != "running":
        _print_failures(console, snapshot, watched.run)
        print_time(console, snapshot)
    _print_others(console, [run for run in runs if run != watched.run], store)


def _follow(console: Console, watched: WatchedRun, store: Store) -> None:
    """Show the run until it has ended or died."""
    from rppgbench.runs.progress import reporter

    life, _ = watched.look()
    ahead_s = life.now_s - time.time()
    looked_s = time.monotonic()
    with reporter(console, watched.view, store, lambda: time.time() + ahead_s) as shown:
        while life.state == "running":
            time.sleep(LOOK_EVERY_S)
            if watched.refresh():
                shown.tell()
            if watched.view.snapshot().state != "running" or time.monotonic() - looked_s >= LIFE_EVERY_S:
                life, _ = watched.look()
                looked_s = time.monotonic()


def _print_json(watched: WatchedRun, store: Store, runs: Sequence[RunFolder], follow: bool) -> None:
    from rppgbench.runs.run_folders import summarise_run

    life, snapshot = watched.look()
    if not follow:
        others = [run for run in runs if run != watched.run][:MOST_OTHERS]
        told = [{"run": run.name, **_plain(summarise_run(run, store))} for run in others]
        click.echo(json.dumps({**_described(watched.run, life, snapshot), "others": told}, indent=1))
        return
    click.echo(json.dumps(_described(watched.run, life, snapshot)))
    while life.state == "running":
        time.sleep(LIFE_EVERY_S)
        fresh = watched.refresh()
        life, snapshot = watched.look()
        if fresh or life.state != "running":
            click.echo(json.dumps(_described(watched.run, life, snapshot)))


def _plain(brief: Any) -> dict[str, Any]:
    return {"state": brief.state, "done": brief.done, "failed": brief.failed}


def _described(run: RunFolder, life: Liveness, snapshot: Snapshot) -> dict[str, Any]:
    from rppgbench.runs.stage_times import time_spent

    spent = time_spent(snapshot) if life.state != "running" else None
    stages = [asdict(stage) | {"total": stage.total, "ended": stage.ended} for stage in snapshot.stages]
    return {
        "run": run.name,
        "folder": str(run.path),
        "protocol": run.protocol,
        **asdict(snapshot),
        "stages": stages,
        "state": life.state,
        "silent_s": life.silent_s,
        "where_time_went": asdict(spent) if spent else None,
    }


def headline(run: RunFolder, life: Liveness, snapshot: Snapshot) -> str:
    """Which run, how it is, since when and where."""

    style = {"running": "green", "finished": "green", "failed": "red", "crashed": "red", "died": "red"}
    colour = style.get(life.state, "yellow")
    told = f"[bold]{run.name}[/bold]: [{colour}]{life.state}[/{colour}]"
    if life.state == "died" and life.silent_s is not None:
        told += f", no sign of life for {format_clock(life.silent_s)}" + (
            "" if life.sure else " by this machine's clock"
        )
        told += "; what is done is kept, the same command goes on from here"
    began = run.began
    since = f", begun {began.astimezone():%Y-%m-%d %H:%M}" if began else ""
    return told + since + (f" on {snapshot.host}" if snapshot.host else "")


def _print_failures(console: Console, snapshot: Snapshot, run: RunFolder) -> None:

    for failure in snapshot.failures[: MOST_OTHERS if len(snapshot.failures) > 1 else 0]:  # one was told above
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
        told = summarise_run(run, store)
        failed = f", {told.failed} failed" if told.failed else ""
        began = f"{run.began.astimezone():%Y-%m-%d %H:%M}" if run.began else "?"
        console.print(f"  {told.state:<8}  {began}  {run.name}  {told.done} done{failed}", markup=False, soft_wrap=True)
    if len(others) > MOST_OTHERS:
        console.print(f"  ... and {len(others) - MOST_OTHERS} older")
