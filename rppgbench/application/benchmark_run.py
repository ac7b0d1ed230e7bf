"""A run from its plan to its published board."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rppgbench.application.run_results import FailedTask, PrintedBoard, RunRecord, RunResults
from rppgbench.errors import RppgbenchError, RunStopped
from rppgbench.execution.disk_admission import DiskAdmission
from rppgbench.execution.driver import execute
from rppgbench.pipeline.disk_budget import decide_disk_budget
from rppgbench.pipeline.result_rows import encoding_rows, joined_rows, missing_data, result_rows
from rppgbench.results.publish import publish
from rppgbench.results.results import Results
from rppgbench.runs.event_log import EventLog
from rppgbench.runs.interim_leader import InterimLeader
from rppgbench.runs.progress import ObserverGroup
from rppgbench.runs.store_contents import live_runs

if TYPE_CHECKING:
    from rppgbench.application.console_display import RunDisplay
    from rppgbench.application.run_plan import RunPlan
    from rppgbench.execution.execution_settings import ExecutionSettings
    from rppgbench.pipeline.task_result import RunOutcome


def run_benchmark(
    planned: RunPlan,
    settings: ExecutionSettings,
    display: RunDisplay,
    *,
    out: Path | None,
    inputs: Mapping[str, Any] | None = None,
) -> RunResults:
    """Results of a run of all tasks to do, published below ``out`` if the plan is complete.

    ``inputs`` are arguments of the plan, for the run's record. Failed tasks are in the results' failures.

    Raises:
        RunStopped: the display asked for it; finished tasks are kept.
        StoreError: the store cannot be written, or too little of the disk is free.
        IncomparableResults: the folder of this board holds one of another question.
        RppgbenchError: workers cannot be reached, or ``out`` cannot be written.
    """
    planned.check_learning(settings.device)
    display.planned(planned)
    outcome, log = _execute(planned, settings, display, inputs or {})
    planned.store.sweep()
    if outcome.stopped:
        raise RunStopped()
    content = _collected(planned, outcome)
    results = RunResults(content, planned.protocol, run=_record(outcome, log))
    display.ranked(results.board())
    if out is None or not planned.plan.complete:
        return results
    return RunResults(content, planned.protocol, _published(results.board(), out), results.run)


def _execute(
    planned: RunPlan, settings: ExecutionSettings, display: RunDisplay, inputs: Mapping[str, Any]
) -> tuple[RunOutcome, EventLog]:
    plan, store, to_do = planned.plan, planned.store, planned.to_do
    n_workers = settings.n_workers(plan, to_do)
    budget = decide_disk_budget(plan, to_do, store, settings.disk_bytes, workers=n_workers)
    shared = bool(to_do) and bool(live_runs(store))
    display.prepared(budget, shared=shared)
    with ExitStack() as leaving:
        log = EventLog(store, plan.protocol, {"store": str(store.root), **settings.described(), **inputs})
        leaving.callback(log.close, "crashed")  # without effect if it is closed already
        executor = leaving.enter_context(closing(settings.executor(to_do, store, planned.opened.registry, n_workers)))
        log.planned(
            plan.tasks.values(),
            planned.expected_s,
            workers=executor.workers(),
            dashboard=executor.dashboard,
            disk_bytes=budget.peak.least_bytes if budget.evicts else budget.peak.whole_bytes,
        )
        try:
            with display.watch(log.view, store) as shown:
                outcome = execute(
                    to_do,
                    store,
                    executor,
                    ObserverGroup(log, InterimLeader(plan.trials, to_do, store, log.best), shown),
                    known=plan.tasks,
                    disk_admission=DiskAdmission(to_do, budget) if budget.evicts else None,
                    stop=display.stop_asked,
                    shuffle_seed=log.folder.name if shared else "",
                )
        except (KeyboardInterrupt, RunStopped):
            log.close("stopped")
            raise
        log.close("stopped" if outcome.stopped else "failed" if outcome.failures else "finished")
    return outcome, log


def _collected(planned: RunPlan, outcome: RunOutcome) -> Results:
    plan, store, failures = planned.plan, planned.store, outcome.failures
    return Results.of(
        plan.protocol,
        result_rows(plan, store, failures),
        encoding_rows(plan, store),
        missing_data(plan),
        joined_rows(plan, store, failures),
    )


def _record(outcome: RunOutcome, log: EventLog) -> RunRecord:
    failed = tuple(
        FailedTask(
            stage=failure.task.stage,
            task=failure.task.label,
            message=failure.message,
            hint=failure.hint,
            report=log.failure_file(failure),
            frame=log.failure_frame(failure),
        )
        for failure in outcome.failed
    )
    return RunRecord(log.folder, len(outcome.done), len(outcome.blocked), failed, log.view.snapshot())


def _published(board: PrintedBoard, out: Path) -> Path:
    try:
        return publish(board, out)
    except OSError as error:
        raise RppgbenchError(f"{out}: cannot be written: {error.strerror}", hint="choose another --out") from None
