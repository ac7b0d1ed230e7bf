"""Dask executors: on this machine, and on a scheduler with workers started by commands."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psutil
import pytest

from rppgbench.errors import ExecutorLost
from rppgbench.execution.cluster import local_executor, scheduler_executor
from rppgbench.execution.dask_executor import WorkerOptions
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.result_rows import result_rows
from rppgbench.pipeline.task_result import TaskStarted
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.store.store import Store
from tests.execution.conftest import RecordingObserver


@pytest.fixture
def planned(misbehaving):
    """A function from a store and entries to the plan."""

    def plan(store, *entries):
        registry = load_registry()
        return make_plan(load_protocol(misbehaving(*entries), registry), store)

    return plan


@contextmanager
def dask(command: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``dask scheduler`` or ``dask worker`` as a user starts it; ended with all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", command, "--host", "127.0.0.1", *arguments], stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        with_children = [process]
        if psutil.pid_exists(process.pid):
            with_children = [*psutil.Process(process.pid).children(recursive=True), process]
        for one in with_children:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def scheduler():
    with dask("scheduler", "--port", "0", "--no-dashboard") as process:
        for line in process.stderr:
            if found := re.search(r"Scheduler at: +(tcp://\S+)", line):
                break
        yield process, found[1]


def worker(address: str, *arguments: str):
    return dask("worker", address, "--nthreads", "1", "--no-dashboard", *arguments)


def is_start(event, stage):
    return isinstance(event, TaskStarted) and event.task.stage == stage


def scores(plan, store, outcome):
    return result_rows(plan, store, outcome.failures)


def test_the_local_executor_gives_the_same_rows(planned, store, tmp_path):
    other = Store.open(tmp_path / "other")
    plan, again = (planned(where, "{method: pos}", "{method: green}") for where in (store, other))
    here = execute(plan.wanted(store), store, InProcessExecutor(store, load_registry()))
    with closing(local_executor(2, (), WorkerOptions(other))) as executor:
        assert executor.workers() == {"cpu": 2, "gpu": 0}
        there = execute(again.wanted(other), other, executor)
    assert not here.failures and not there.failures
    assert scores(plan, store, here) == scores(again, other, there)


def test_networks_go_to_gpus_and_see_no_other(planned, store):
    with closing(local_executor(1, ("3",), WorkerOptions(store))) as executor:
        assert executor.workers() == {"cpu": 1, "gpu": 1}
        assert set(executor.lanes()) == {"cpu", "gpu", "transient"}
        plan = planned(store, "{method: green}")
        render = next(task for task in plan.tasks.values() if task.stage == "render")
        executor.start(render)
        assert set(executor.lanes()) == {"gpu"}
        (task, _), *_ = wait_for(executor)
        assert task is render


def wait_for(executor, within_s=60.0):
    until = time.monotonic() + within_s
    while not (ended := executor.ended(1.0)):
        assert time.monotonic() < until, "nothing ended"
    return ended


def test_a_worker_process_that_dies_is_replaced(planned, store, tmp_path):
    plan = planned(
        store, f"{{method: {{use: crash, marker: {tmp_path / 'crashed'}}}}}", "{method: crash}", "{method: green}"
    )
    observer = RecordingObserver()
    with closing(local_executor(2, (), WorkerOptions(store))) as executor:
        outcome = execute(plan.wanted(store), store, executor, observer)
    assert {failure.message for failure in outcome.failed} == {"twice: its process was ended by SIGKILL"}
    assert len(outcome.failed) == 2 and len(outcome.blocked) == 2, "of the one that always crashes, on two recordings"
    assert len(observer.of("retried")) == 3


def test_workers_started_by_hand_and_one_of_them_killed(planned, store, scheduler, tmp_path):
    """Byte for byte what this process gives, though a worker is killed while it runs a task."""
    other = Store.open(tmp_path / "other")
    plan, again = (planned(where, "{method: pos}", "{method: green}") for where in (store, other))
    here = execute(plan.wanted(store), store, InProcessExecutor(store, load_registry()))
    _, address = scheduler
    with (
        worker(address) as first,
        worker(address),
        closing(scheduler_executor(address, WorkerOptions(other))) as executor,
    ):
        until = time.monotonic() + 60
        while executor.workers()["cpu"] < 2:
            assert time.monotonic() < until, "the workers did not come"
            time.sleep(0.2)

        class Killer(RecordingObserver):
            def event(self, event):
                super().event(event)
                if is_start(event, "traces") and psutil.pid_exists(first.pid):
                    for one in [*psutil.Process(first.pid).children(recursive=True), psutil.Process(first.pid)]:
                        one.send_signal(signal.SIGKILL)

        there = execute(again.wanted(other), other, executor, Killer())
    assert not there.failures
    assert scores(plan, store, here) == scores(again, other, there)


def test_a_scheduler_that_is_lost_ends_the_run_and_keeps_what_is_done(planned, store, scheduler):
    process, address = scheduler
    plan = planned(store, "{method: green}")

    class Killer(RecordingObserver):
        def event(self, event):
            if is_start(event, "score"):
                process.kill()

    with (
        worker(address),
        closing(scheduler_executor(address, WorkerOptions(store))) as executor,
        pytest.raises(ExecutorLost) as lost,
    ):
        execute(plan.wanted(store), store, executor, Killer())
    assert "does not answer any more" in lost.value.message
    assert any(store.has(key) for key, task in plan.tasks.items() if task.stage == "predict")


def test_an_address_without_a_scheduler(store, monkeypatch):
    monkeypatch.setattr("rppgbench.execution.cluster._CONNECT_WITHIN_S", 1)
    with pytest.raises(ExecutorLost, match=r"--scheduler tcp://127\.0\.0\.1:9: nothing answers there"):
        scheduler_executor("tcp://127.0.0.1:9", WorkerOptions(store))
