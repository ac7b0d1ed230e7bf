"""Planned against measured cost of runs at 1x, 4x and 16x of a small protocol; and the overhead of the driver.

    python -m tests.soak.scaling                      # 3, 12 and 48 subjects: some 10 minutes of two free cores
    python -m tests.soak.scaling --subjects 3 6       # others
    python -m tests.soak.scaling --tasks 2000         # only: the rate of tasks that are done already

Each size is planned and run in a store of its own, by ``rppgbench run --workers 2``. Core-seconds are planned by rule
of thumb, and by the means that were measured in the first run. "Taken" is what all processes of the run read by their
system calls, mapped files left out. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil

from rppgbench.execution.cluster import local_executor
from rppgbench.execution.dask_executor import WorkerOptions
from rppgbench.execution.driver import execute
from rppgbench.pipeline.cost_model import task_reads, task_seconds
from rppgbench.pipeline.disk_budget import decide_disk_budget, taken_bytes
from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.planner import make_plan
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.runs.run_folders import WatchedRun, runs_in
from rppgbench.runs.stage_times import time_spent
from rppgbench.store.store import Store
from tests.stand_in_tasks import stand_in

WORKERS = 2
LOOK_EVERY_S = 0.2
BASE = Path(__file__).parents[2] / "protocols" / "smoke.yaml"
DATASET = "{use: synthetic, subjects: 6, recordings: [rest, exercise], duration_s: 10.0, seed: 1}"
# Clips and an enhancer before a method: what most of the bytes are of.
MORE = {
    DATASET: "{use: synthetic, subjects: %d, recordings: [rest], duration_s: 10.0, size: [160, 120], seed: 1}",
    "fps_hz: 30.0}": "fps_hz: 30.0, size: [64, 64]}",
    "  - {method: pos}\n": "  - {method: pos}\n  - {enhancer: identity, method: pos}\n",
}


@dataclass(frozen=True)
class Watched:
    """A run from outside: seconds by the clock, of the driver's CPU, and bytes that all its processes read."""

    wall_s: float
    driver_s: float
    taken_bytes: float


@dataclass(frozen=True)
class Size:
    """One size of the protocol, planned and run."""

    plan: Plan
    store: Store
    planning_s: float
    planned_s: float
    reads: float
    bound_bytes: float
    watched: Watched


def protocol(folder: Path, n_subjects: int) -> Path:
    """The small protocol with that many subjects."""
    text = BASE.read_text(encoding="utf-8")
    for old, new in MORE.items():
        if old not in text:
            raise SystemExit(f"{BASE} has no {old!r} any more")
        text = text.replace(old, new % n_subjects if "%d" in new else new)
    path = folder / f"smoke-{n_subjects}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def measured(folder: Path, n_subjects: int) -> Size:
    """Plan and run one size."""
    path, store = protocol(folder, n_subjects), Store.open(folder / f"store-{n_subjects}")
    loaded = load_protocol(path, load_registry())
    started = time.perf_counter()
    plan = make_plan(loaded, store)
    to_do = plan.wanted(store)
    planning_s = time.perf_counter() - started
    planned_s = sum(task_seconds(plan, store, to_do).values())
    bound = decide_disk_budget(plan, to_do, store, workers=WORKERS).peak.whole_bytes
    watched = watch(
        [sys.executable, "-m", "rppgbench", "run", str(path), "--store", str(store.root), "--workers", str(WORKERS),
         "--out", str(folder / f"boards-{n_subjects}")]
    )  # fmt: skip
    return Size(plan, store, planning_s, planned_s, sum(task_reads(plan, to_do).values()), bound, watched)


def watch(command: Sequence[str]) -> Watched:
    """Run the command to its end."""
    started = time.monotonic()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver_s = 0.0
    reads: dict[int, int] = {}
    while process.poll() is None:
        try:
            own = process.cpu_times()
            driver_s = own.user + own.system
            for one in (process, *process.children(recursive=True)):
                reads[one.pid] = one.io_counters().read_chars
        except psutil.Error:
            pass  # it has just ended
        time.sleep(LOOK_EVERY_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: ended with exit code {process.returncode}")
    return Watched(time.monotonic() - started, driver_s, sum(reads.values()))


def report(sizes: Sequence[Size]) -> None:
    """Print a column a size."""
    first = sizes[0]
    rows: dict[str, list[str]] = {}
    for size in sizes:
        for name, value in figures(size, first):
            rows.setdefault(name, []).append(value)
    for number, (name, values) in enumerate(rows.items()):
        print(f"| {name} | {' | '.join(values)} |")
        if not number:
            print(f"|---|{'---:|' * len(values)}")


def figures(size: Size, first: Size) -> Iterator[tuple[str, str]]:
    """Rows of the table."""
    plan, store = size.plan, size.store
    made = {key: store.manifest(key)["made"] for key in plan.tasks}
    both = [*first.plan.tasks.values(), *plan.tasks.values()]
    expected = task_seconds(plan, first.store, both)
    run = WatchedRun(runs_in(store)[0], store)
    run.refresh()
    spent = time_spent(run.view.snapshot())
    yield "", f"{len(plan.recordings)} recordings"
    yield "tasks", str(len(plan.tasks))
    yield "planning, s", f"{size.planning_s:.2f}"
    yield "core-seconds, planned by rule of thumb", f"{size.planned_s:.0f}"
    yield "core-seconds, planned from the first run", f"{sum(expected[key] for key in plan.tasks):.0f}"
    yield "core-seconds, measured", f"{sum(one['seconds'] for one in made.values()):.0f}"
    yield "of them on a CPU", f"{sum(one['cpu_seconds'] for one in made.values()):.0f}"
    yield "MB written, planned", mb(sum(task.bytes_out for task in plan.tasks.values()))
    yield "MB written, on disk", mb(sum(taken_bytes(store.path(key)) for key in plan.tasks))
    yield "MB bound of the disk, announced", mb(size.bound_bytes)
    yield "MB read, planned", mb(size.reads)
    yield "MB of inputs, by their manifests", mb(sum(store.size(key) for key in inputs(plan)))
    yield "MB read, taken", mb(size.watched.taken_bytes)
    yield "driver, CPU s", f"{size.watched.driver_s:.1f}"
    yield "driver, CPU ms a task", f"{1e3 * size.watched.driver_s / len(plan.tasks):.1f}"
    yield "starting and handing over, share", f"{spent.overhead:.1%}" if spent else "-"
    yield "no task ready, share", f"{spent.idle:.1%}" if spent else "-"
    yield "wall, s", f"{size.watched.wall_s:.0f}"


def inputs(plan: Plan) -> Iterator[str]:
    """Keys of what tasks read, as often as they do."""
    for task in plan.tasks.values():
        yield from (key for key in task.inputs.values() if key in plan.tasks)


def mb(n_bytes: float) -> str:
    return f"{n_bytes / 1e6:.1f}"


def measure_overhead(folder: Path, n_tasks: int) -> None:
    """Print the rate of tasks whose results are found: the maximum of the driver and its executor."""
    store = Store.open(folder / "store")
    tasks = [stand_in("truth", f"nothing {n}", n=n) for n in range(n_tasks)]
    for task in tasks:
        store.publish(task.preimage, lambda folder: {})
    with closing(local_executor(WORKERS, (), WorkerOptions(store))) as executor:
        execute(tasks[:WORKERS], store, executor)  # worker processes start
        started, cpu = time.perf_counter(), time.process_time()
        outcome = execute(tasks, store, executor)
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    if len(outcome.done) != n_tasks:
        raise SystemExit(f"{len(outcome.failures)} of {n_tasks} tasks failed")
    print(f"{n_tasks} tasks that are done already, {WORKERS} workers: {wall_s:.1f} s, {n_tasks / wall_s:.0f} a second, "
          f"{1e3 * cpu_s / n_tasks:.1f} ms of the driver's CPU each")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, nargs="+", default=[3, 12, 48])
    parser.add_argument("--tasks", type=int, help="run so many tasks that are done already instead")
    parser.add_argument("--folder", type=Path, help="where stores are kept, which must not be there yet")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.tasks:
            measure_overhead(folder, arguments.tasks)
            return
        sizes = []
        for n_subjects in arguments.subjects:
            sizes.append(measured(folder, n_subjects))
            print(f"{n_subjects} subjects: {sizes[-1].watched.wall_s:.0f} s", file=sys.stderr, flush=True)
        report(sizes)
        print(f"\nload of the last 15 minutes {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
