"""``rppgbench run`` and ``rppgbench plan``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from rich.console import Console

from rppgbench.cli.execution_options import (
    ExecutionOptions,
    available_cores,
    execution_options,
    resource_options,
    stop_on_interrupt,
)
from rppgbench.errors import PluginError, ProtocolError, nearest

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Plan
    from rppgbench.pipeline.task import Task
    from rppgbench.pipeline.task_result import Observer
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.registry import Registry
    from rppgbench.runs.event_log import EventLog
    from rppgbench.store.store import Store

INTERRUPTED = 130

Command = TypeVar("Command", bound=Callable[..., Any])


def _common(command: Command) -> Command:
    """Arguments that ``run`` and ``plan`` share."""
    for decorate in reversed(
        (
            click.argument("protocol"),
            click.option("--store", "store_path", type=click.Path(path_type=Path, file_okay=False),
                         help="Folder of everything computed; any number of machines may share it. "
                              "[default: $RPPGBENCH_STORE, else the user's cache folder]"),
            click.option("--data", multiple=True, metavar="NAME=PATH", help="Where a dataset's files lie."),
            click.option("--only", multiple=True, metavar="WHAT=NAME",
                         help="Narrow to one method, entry, condition, codec, subject, recording or fold; "
                              "repeat it to narrow further: --only method=pos --only condition=x264-250k."),
            click.option("--rehearse", is_flag=True,
                         help="The same protocol at toy size, to see whether data, store and entries are ready for it: "
                              "clips of 32x32, quick encoders, learners at their smallest with 8 steps. Nothing "
                              "is published."),
            click.option("--estimator", metavar="NAME",
                         help="Derive heart rates and SNR as toolbox-2023, toolbox-2025 or pyvhr do, to explain older "
                              "numbers. Predictions in the store serve as they are; results lie apart and are never "
                              "ranked with the protocol's own."),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


@click.command(context_settings={"max_content_width": 110})
@_common
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("leaderboards"),
              show_default=True,
              help="Folder for leaderboards: OUT/<protocol>/v<version>/, and as_<estimator>/ in it.")  # fmt: skip
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
    disk_limit: str | None,
    **how: Any,
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
    from rppgbench.cli.run_summary import finish
    from rppgbench.execution.disk_admission import DiskAdmission
    from rppgbench.execution.driver import execute
    from rppgbench.pipeline.cost_model import task_seconds
    from rppgbench.pipeline.disk_budget import decide_disk_budget
    from rppgbench.runs.event_log import EventLog
    from rppgbench.runs.store_contents import live_runs
    from rppgbench.text import format_bytes, parse_bytes

    console = Console(stderr=True)
    execution = ExecutionOptions(**how)
    limit_bytes = parse_bytes(disk_limit) if disk_limit else None
    store, registry, plan = _planned(protocol, store_path, data, only, rehearse, estimator)
    _check_learning(plan, execution.device)
    to_do = plan.wanted(store)
    console.print(_headline(plan, len(to_do)), highlight=False, soft_wrap=True)
    n_workers = execution.n_workers(plan, to_do)
    budget = decide_disk_budget(plan, to_do, store, limit_bytes, workers=n_workers)
    if budget.evicts:
        bound = format_bytes(budget.peak.least_bytes)
        console.print(f"face clips go when their last reader is done: at most {bound} more on the disk", style="dim")
    apart = bool(to_do) and bool(live_runs(store))
    if apart:
        console.print("another run works on this store: what it has done is found, not done again", style="dim")
    settings = {"store": str(store.root), **execution.described(), "only": list(only), "data": list(data),
                "estimator": estimator, "disk_limit": disk_limit}  # fmt: skip
    with ExitStack() as leaving:
        journal = EventLog(store, plan.protocol, settings)
        leaving.callback(journal.close, "crashed")  # where nothing else was said before
        crew = leaving.enter_context(closing(execution.crew(to_do, store, registry, n_workers)))
        journal.planned(
            plan.tasks.values(),
            task_seconds(plan, store, to_do),
            workers=crew.workers(),
            dashboard=crew.dashboard,
            disk_bytes=budget.peak.least_bytes if budget.evicts else budget.peak.whole_bytes,
        )
        admission = DiskAdmission(to_do, budget) if budget.evicts else None
        with _seen(console, plan, to_do, store, journal) as observer, stop_on_interrupt(console) as stop:
            outcome = execute(
                to_do, store, crew, observer, known=plan.tasks, disk_admission=admission, stop=stop,
                shuffle_seed=journal.folder.name if apart else "",
            )  # fmt: skip
        journal.close("stopped" if outcome.stopped else "failed" if outcome.failures else "finished")
    store.sweep()
    if outcome.stopped:
        _leave(console)
    finish(console, plan, store, outcome, journal, out)


@contextmanager
def _seen(console: Console, plan: Plan, to_do: Sequence[Task], store: Store, journal: EventLog) -> Iterator[Observer]:
    """The observer that has the run written down and shown; a run that is stopped outright leaves here."""
    from rppgbench.cli.progress import ObserverGroup, reporter
    from rppgbench.runs.interim_leader import InterimLeader

    try:
        with reporter(console, journal.view, store) as progress:
            yield ObserverGroup(journal, InterimLeader(plan.cells, to_do, store, journal.best), progress)
    except KeyboardInterrupt:
        journal.close("stopped")
        _leave(console)


def _leave(console: Console) -> NoReturn:
    console.print("stopped; what is done is kept: the same command goes on from here", style="yellow")
    raise SystemExit(INTERRUPTED)


@click.command(context_settings={"max_content_width": 110})
@_common
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

    console = Console()
    loaded, _ = _loaded(protocol, rehearse, estimator)
    print_declaration(console, loaded)
    store, _, made = _planned(protocol, store_path, data, only, rehearse, estimator)
    workers = available_cores() if workers is None else max(workers, 1)
    print_plan(console, made, store, workers, disk_limit, memory_limit)


def _loaded(protocol: str, rehearse: bool, estimator: str | None) -> tuple[Protocol, Registry]:
    from rppgbench.protocol.protocol_library import find_protocol
    from rppgbench.protocol.resolve import load_protocol
    from rppgbench.registry import load_registry

    registry = load_registry()
    return load_protocol(find_protocol(protocol), registry, rehearse=rehearse, estimator=estimator), registry


def _planned(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    only: tuple[str, ...],
    rehearse: bool,
    estimator: str | None,
) -> tuple[Store, Registry, Plan]:
    from rppgbench.pipeline.local_dataset import find_roots
    from rppgbench.pipeline.planner import make_plan, needed_datasets
    from rppgbench.store.store import Store, default_root

    loaded, registry = _loaded(protocol, rehearse, estimator)
    _check_data(data, [choice.name for choice in loaded.datasets])
    without = "'rppgbench run synthetic_compressed' asks the same question of rendered faces and needs no data"
    roots = find_roots(needed_datasets(loaded, only), data, without)
    store = Store.open(store_path or default_root())
    return store, registry, make_plan(loaded, store, roots=roots, only=only)


def _check_data(data: tuple[str, ...], known: Sequence[str]) -> None:
    """A misspelt name would leave the remembered folder in its place, without a word."""
    for item in data:
        name = item.partition("=")[0]
        if name not in known:
            raise ProtocolError(f"--data {item}: this protocol reads no dataset {name!r}", hint=nearest(name, known))


def _check_learning(plan: Plan, device: str) -> None:
    """What would fail in every fit is said before anything is computed."""
    if not any(task.device is not None for task in plan.tasks.values()):
        return
    if find_spec("torch") is None:
        raise PluginError(
            "entries of this protocol learn, and torch is not installed",
            hint="pip install 'rppgbench[learn]'; or run the others alone with --only method=NAME",
        )
    if device != "auto":
        from rppgbench.learning.reproducibility import find_device

        find_device(device)


def _headline(plan: Plan, n_to_do: int) -> str:
    protocol = plan.protocol
    state = "all cached" if n_to_do == 0 else f"{n_to_do} of {len(plan.tasks)} tasks to run"
    rehearsal = ", a rehearsal: its numbers mean nothing" if protocol.rehearsal else ""
    estimator = protocol.evaluation.heart_rate.compatible
    told = f", as {estimator} derives heart rates: to explain older numbers, not to be ranked" if estimator else ""
    return f"[bold]{protocol.name} v{protocol.version}[/bold] ({protocol.digest[:12]}){told}{rehearsal}: {state}"
