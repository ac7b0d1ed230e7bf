"""The printed end of a run: folder of the board, times of stages, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from rppgbench.cli.time_display import print_time
from rppgbench.errors import TasksFailed

if TYPE_CHECKING:
    from rppgbench.application.run_results import FailedTask, RunRecord, RunResults


def print_end(console: Console, results: RunResults) -> None:
    """Print the end of a run, after the board.

    Raises:
        SystemExit: tasks failed; the exit code is 3.
    """
    if results.folder is not None:
        console.print(f"written to {results.folder}", soft_wrap=True, highlight=False, style="dim")
    else:
        why = "a rehearsal" if results.protocol and results.protocol.rehearsal else "narrowed by --only"
        console.print(f"{why}: nothing is written to the leaderboards", style="dim")
    if results.run is None:
        return
    print_time(console, results.run.snapshot)
    if results.failures:
        _print_failures(console, results.run)
        raise SystemExit(TasksFailed.exit_code)


def _print_failures(console: Console, run: RunRecord) -> None:
    """Print each reason once, because a broken method fails on every recording."""
    console.print(
        f"[red]{len(run.failed)} tasks failed[/red] and blocked {run.n_blocked} others; "
        f"{run.n_done} tasks were done in this run, what was done before is kept"
    )
    by_reason: dict[tuple[str, str], list[FailedTask]] = {}
    for failure in run.failed:
        by_reason.setdefault((failure.stage, failure.message), []).append(failure)
    for (stage, message), failures in list(by_reason.items())[:10]:
        first = failures[0]
        what = first.task if len(failures) == 1 else f"{stage}, {len(failures)} tasks such as {first.task}"
        console.print(f"  {what}: {message}", markup=False, highlight=False, soft_wrap=True)
        if first.hint:
            console.print(f"    -> {first.hint}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"    see {first.frame or first.report}", markup=False, highlight=False, soft_wrap=True)
    if len(by_reason) > 10:
        console.print(f"  ... and {len(by_reason) - 10} more in {run.folder / 'failures'}", soft_wrap=True)
