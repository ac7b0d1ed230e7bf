"""``rppgbench run`` and ``rppgbench plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from rppgbench.cli.shared_options import execution_options, out_option, plan_options, resource_options
from rppgbench.errors import RunStopped


@click.command(context_settings={"max_content_width": 110})
@plan_options
@out_option
@resource_options
@execution_options
def run(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    only: tuple[str, ...],
    rehearse: bool,
    estimator: str | None,
    out: Path,
    **execution: Any,
) -> None:
    """Run PROTOCOL, a file or the name of one that comes with rppgbench, and print its leaderboard.

    What is in the store already is not computed again, so a run that was stopped goes on where it was. A task that
    fails blocks only what needs it; all else goes on, the summary names it, and the exit code is 3. Ctrl-C once
    finishes the tasks that run, twice stops them; 'rppgbench status --follow' shows the run from another shell.

    \b
    Examples:
      rppgbench run synthetic_compressed
      rppgbench run protocols/smoke.yaml --workers 2
      rppgbench run synthetic_compressed --only method=pos --only condition=x264-250k
      rppgbench run obf_compressed --data obf=/data/OBF --rehearse
      rppgbench run obf_compressed --workers 14 --gpus 0,1 --disk-limit 500GB
      rppgbench run obf_compressed --store /shared/store --cluster slurm.yaml
      rppgbench run synthetic_compressed --estimator toolbox-2023
    """
    from rppgbench.application.benchmark_run import run_benchmark
    from rppgbench.application.run_plan import RunPlan
    from rppgbench.cli.command_display import CommandDisplay
    from rppgbench.cli.run_summary import print_end
    from rppgbench.execution.execution_settings import ExecutionSettings
    from rppgbench.pipeline.open_plan import open_plan

    console = Console(stderr=True)
    settings = ExecutionSettings(**execution)
    opened = open_plan(
        protocol,
        store=store_path,
        data=data,
        only=only,
        rehearse=rehearse,
        estimator=estimator,
        device=settings.network_device,
    )
    inputs = {"only": list(only), "data": list(data), "estimator": estimator}
    try:
        results = run_benchmark(RunPlan.of(opened), settings, CommandDisplay(console), out=out, inputs=inputs)
    except RunStopped as stopped:
        console.print(stopped.message, style="yellow")
        raise SystemExit(stopped.exit_code) from None
    print_end(console, results)


@click.command(context_settings={"max_content_width": 110})
@plan_options
@resource_options
def plan(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    only: tuple[str, ...],
    rehearse: bool,
    estimator: str | None,
    workers: int | None,
    disk_limit: str | None,
    memory_limit: str | None,
) -> None:
    """Show what running PROTOCOL would do: conditions x folds x entries, what is cached, how long, how much disk and
    memory at its peak."""
    from rppgbench.cli.plan_display import print_declaration, print_plan
    from rppgbench.execution.execution_settings import available_cores
    from rppgbench.pipeline.open_plan import open_plan, open_protocol

    console = Console()
    loaded = open_protocol(protocol, rehearse=rehearse, estimator=estimator)
    print_declaration(console, loaded)
    opened = open_plan(loaded, store=store_path, data=data, only=only)
    workers = available_cores() if workers is None else max(workers, 1)
    print_plan(console, opened.plan, opened.store, workers, disk_limit, memory_limit)
