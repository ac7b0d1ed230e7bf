"""Overhead of workers, beside the time of the tasks themselves."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import pytest

from rppgbench.execution.cluster import local_executor
from rppgbench.execution.dask_executor import WorkerOptions
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.pipeline.planner import make_plan
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.store.store import Store
from tests.execution.conftest import misbehaving  # noqa: F401

N_TASKS, N_WORKERS = 2000, 8


@pytest.fixture
def sleepers(misbehaving, tmp_path):  # noqa: F811
    """Many tasks of one second each, whose inputs are there."""
    store, registry = Store.open(tmp_path / "store"), load_registry()
    plan = make_plan(load_protocol(misbehaving("{method: sleep}"), registry), store, only=["subject=s01"])
    execute(
        [t for t in plan.wanted(store) if t.stage not in ("predict", "score")],
        store,
        InProcessExecutor(store, registry),
    )
    task = next(t for t in plan.tasks.values() if t.stage == "predict")
    return store, [replace(task, settings={**task.settings, "n": n}, label=f"sleep {n}") for n in range(N_TASKS)]


def test_overhead_of_tasks_of_a_second(sleepers, benchmark):
    """Wall time of 2,000 tasks of one second by eight workers, their start included, over 250 s."""
    store, tasks = sleepers

    def run() -> float:
        started = time.perf_counter()
        with closing(local_executor(N_WORKERS, (), WorkerOptions(store))) as executor:
            outcome = execute(tasks, store, executor)
        assert len(outcome.done) == N_TASKS
        return time.perf_counter() - started

    wall_s = benchmark.pedantic(run, rounds=1)
    least_s = N_TASKS / N_WORKERS
    print(
        f"\n{N_TASKS} tasks of 1 s, {N_WORKERS} workers: {wall_s:.1f} s, {100 * (1 - least_s / wall_s):.1f} % overhead"
    )
