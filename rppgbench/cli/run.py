"""``rppgbench run`` and ``rppgbench plan``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from rppgbench.errors import PluginError, ProtocolError, RppgbenchError, nearest

if TYPE_CHECKING:
    from rppgbench.cli.progress import Reporter
    from rppgbench.engine.execute import Failure, Outcome
    from rppgbench.engine.journal import Journal
    from rppgbench.engine.plan import Plan
    from rppgbench.engine.store import Store
    from rppgbench.engine.task import Task
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.registry import Registry

FAILED = 3
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
            click.option("--workers", type=click.IntRange(min=0), default=None,
                         help="Processes to run at once; 0 runs everything in this one. [default: one a core]"),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


@click.command(context_settings={"max_content_width": 110})
@_common
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("leaderboards"),
              show_default=True,
              help="Folder for leaderboards: OUT/<protocol>/v<version>/, and as_<estimator>/ in it.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, metavar="NAME",
              help="Where networks train and run: cpu, cuda, cuda:1; auto takes a GPU if there is one.")  # fmt: skip
def run(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    only: tuple[str, ...],
    rehearse: bool,
    estimator: str | None,
    workers: int | None,
    out: Path,
    device: str,
) -> None:
    """Run PROTOCOL, a file or the name of one that comes with rppgbench, and print its leaderboard.

    What is in the store already is not computed again, so a run that was stopped goes on where it was. A task that
    fails blocks only what needs it; all else goes on, the summary names it, and the exit code is 3.

    \b
    Examples:
      rppgbench run synthetic_compressed
      rppgbench run protocols/smoke.yaml --workers 2
      rppgbench run synthetic_compressed --only method=pos --only condition=x264-250k
      rppgbench run obf_compressed --data obf=/data/OBF --rehearse
      rppgbench run synthetic_compressed --estimator toolbox-2023
    """
    from rppgbench.cli.progress import Together
    from rppgbench.engine.execute import available_cores, execute
    from rppgbench.engine.journal import Journal

    console = Console(stderr=True)
    store, registry, plan = _planned(protocol, store_path, data, only, rehearse, estimator)
    _check_learning(plan, device)
    workers = available_cores() if workers is None else workers
    to_do = plan.wanted(store)
    console.print(_headline(plan, len(to_do)), highlight=False, soft_wrap=True)
    settings = {"store": str(store.root), "workers": workers, "device": device, "only": list(only), "data": list(data),
                "estimator": estimator}  # fmt: skip
    journal = Journal(store, plan.protocol, settings)
    outcome = None
    try:
        with _progress(console, plan, store, to_do, workers) as progress:
            observer = Together(journal, progress)
            outcome = execute(
                to_do, store, registry, workers=min(workers, len(to_do)), observer=observer, device=device
            )
    except KeyboardInterrupt:
        console.print("stopped; what is done is kept: the same command goes on from here", style="yellow")
        raise SystemExit(INTERRUPTED) from None
    finally:
        journal.close()
        store.sweep()
    _finish(console, plan, store, outcome, journal, out)
    if outcome.failures:
        raise SystemExit(FAILED)


@click.command(context_settings={"max_content_width": 110})
@_common
def plan(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    only: tuple[str, ...],
    rehearse: bool,
    estimator: str | None,
    workers: int | None,
) -> None:
    """Show what running PROTOCOL would do: conditions x folds x entries, what is cached, how long, how much disk."""
    from rppgbench.cli.planning import print_declaration, print_plan
    from rppgbench.engine.execute import available_cores

    console = Console()
    loaded, _ = _loaded(protocol, rehearse, estimator)
    print_declaration(console, loaded)
    store, _, made = _planned(protocol, store_path, data, only, rehearse, estimator)
    print_plan(console, made, store, available_cores() if workers is None else max(workers, 1))


def _loaded(protocol: str, rehearse: bool, estimator: str | None) -> tuple[Protocol, Registry]:
    from rppgbench.protocol.library import find
    from rppgbench.protocol.resolve import load
    from rppgbench.registry import load_registry

    registry = load_registry()
    return load(find(protocol), registry, rehearse=rehearse, estimator=estimator), registry


def _planned(
    protocol: str,
    store_path: Path | None,
    data: tuple[str, ...],
    only: tuple[str, ...],
    rehearse: bool,
    estimator: str | None,
) -> tuple[Store, Registry, Plan]:
    from rppgbench.engine.collection import find_roots
    from rppgbench.engine.plan import make_plan, needed_datasets
    from rppgbench.engine.store import Store, default_root

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
    if not any("recipe" in task.settings for task in plan.tasks.values()):
        return
    if find_spec("torch") is None:
        raise PluginError(
            "entries of this protocol learn, and torch is not installed",
            hint="pip install 'rppgbench[learn]'; or run the others alone with --only method=NAME",
        )
    if device != "auto":
        from rppgbench.learning.determinism import find_device

        find_device(device)


def _progress(console: Console, plan: Plan, store: Store, to_do: Sequence[Task], workers: int) -> Reporter:
    from rppgbench.cli.progress import Remaining, reporter
    from rppgbench.engine.estimate import task_seconds

    return reporter(console, to_do, Remaining(to_do, task_seconds(plan, store, to_do), workers), store)


def _headline(plan: Plan, n_to_do: int) -> str:
    protocol = plan.protocol
    state = "all cached" if n_to_do == 0 else f"{n_to_do} of {len(plan.tasks)} tasks to run"
    rehearsal = ", a rehearsal: its numbers mean nothing" if protocol.rehearsal else ""
    estimator = protocol.evaluation.heart_rate.compatible
    told = f", as {estimator} derives heart rates: to explain older numbers, not to be ranked" if estimator else ""
    return f"[bold]{protocol.name} v{protocol.version}[/bold] ({protocol.digest[:12]}){told}{rehearsal}: {state}"


def _finish(console: Console, plan: Plan, store: Store, outcome: Outcome, journal: Journal, out: Path) -> None:
    """Collect the rows, print the board, write it when the run was whole, and name what failed."""
    from rppgbench.engine.collect import encodings, joined_rows, rows, untested
    from rppgbench.leaderboard.board import Board
    from rppgbench.leaderboard.publish import publish
    from rppgbench.leaderboard.results import Results
    from rppgbench.leaderboard.terminal import print_board

    failures = outcome.failures
    results = Results.of(
        plan.protocol,
        rows(plan, store, failures),
        encodings(plan, store),
        untested(plan),
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
    _name_failures(console, outcome, journal)


def _name_failures(console: Console, outcome: Outcome, journal: Journal) -> None:
    """What failed, once a reason: a broken method fails on every recording."""
    if not outcome.failures:
        return
    console.print(
        f"[red]{len(outcome.failed)} tasks failed[/red] and blocked {len(outcome.blocked)} others; "
        f"{len(outcome.done)} tasks were done in this run, what was done before is kept"
    )
    alike: dict[tuple[str, str], list[Failure]] = {}
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
