"""The end of a run: its board, where that is written, what failed, and where time went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from rppgbench.errors import RppgbenchError

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Plan
    from rppgbench.pipeline.task_result import RunOutcome, TaskFailure
    from rppgbench.runs.event_log import EventLog
    from rppgbench.store.store import Store

FAILED = 3


def finish(console: Console, plan: Plan, store: Store, outcome: RunOutcome, journal: EventLog, out: Path) -> None:
    """Collect the rows, print the board, write it when the run was whole, and name what failed; leaves with exit code 3
    when something did."""
    from rppgbench.cli.time_display import print_time
    from rppgbench.pipeline.result_rows import encoding_rows, joined_rows, missing_data, result_rows
    from rppgbench.results.board import Board
    from rppgbench.results.board_table import print_board
    from rppgbench.results.publish import publish
    from rppgbench.results.results import Results

    failures = outcome.failures
    results = Results.of(
        plan.protocol,
        result_rows(plan, store, failures),
        encoding_rows(plan, store),
        missing_data(plan),
        joined_rows(plan, store, failures),
    )
    board = Board.of(results)
    print_board(Console(), board)
    if plan.complete:
        try:
            folder = publish(board, out)
        except OSError as error:
            raise RppgbenchError(f"{out}: cannot be written: {error.strerror}", hint="choose another --out") from None
        console.print(f"written to {folder}", soft_wrap=True, highlight=False, style="dim")
    else:
        why = "a rehearsal" if plan.protocol.rehearsal else "narrowed by --only"
        console.print(f"{why}: nothing is written to the leaderboards", style="dim")
    print_time(console, journal.view.snapshot())
    _name_failures(console, outcome, journal)
    if outcome.failures:
        raise SystemExit(FAILED)


def _name_failures(console: Console, outcome: RunOutcome, journal: EventLog) -> None:
    """What failed, once a reason: a broken method fails on every recording."""
    if not outcome.failures:
        return
    console.print(
        f"[red]{len(outcome.failed)} tasks failed[/red] and blocked {len(outcome.blocked)} others; "
        f"{len(outcome.done)} tasks were done in this run, what was done before is kept"
    )
    alike: dict[tuple[str, str], list[TaskFailure]] = {}
    for failure in outcome.failed:
        alike.setdefault((failure.task.stage, failure.message), []).append(failure)
    for (stage, message), failures in list(alike.items())[:10]:
        first = failures[0]
        what = first.task.label if len(failures) == 1 else f"{stage}, {len(failures)} tasks such as {first.task.label}"
        console.print(f"  {what}: {message}", markup=False, highlight=False, soft_wrap=True)
        if first.hint:
            console.print(f"    -> {first.hint}", markup=False, highlight=False, soft_wrap=True)
        look = journal.failure_frame(first) or journal.failure_file(first)
        console.print(f"    see {look}", markup=False, highlight=False, soft_wrap=True)
    if len(alike) > 10:
        console.print(f"  ... and {len(alike) - 10} more in {journal.folder / 'failures'}", soft_wrap=True)
