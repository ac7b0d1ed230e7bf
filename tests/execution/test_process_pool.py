"""Worker processes: results, and the faults when one of them ends early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.execution.process_pool import ProcessPool, TaskLimits
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.task_result import TaskDone
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from tests.stand_in_tasks import stand_in


@pytest.fixture
def prediction(misbehaving, store):
    """A function from an entry to the task of its first prediction, whose inputs are there."""

    def planned(entry: str):
        registry = load_registry()
        plan = make_plan(load_protocol(misbehaving(entry), registry), store, only=["subject=s01"])
        tasks = [task for task in plan.wanted(store) if task.stage not in ("predict", "score")]
        assert not execute(tasks, store, InProcessExecutor(store, registry)).failures
        return next(task for task in plan.tasks.values() if task.stage == "predict")

    return planned


def test_a_task_is_done_in_another_process(prediction, store):
    task = prediction("{method: green}")
    with closing(ProcessPool(store)) as pool:
        done = pool.run(task)
        assert isinstance(done, TaskDone)
        assert store.has(task.key)
        assert pool.pids and os.getpid() not in pool.pids
        assert done.memory_bytes > 50e6


def test_an_idle_process_is_used_again(prediction, store):
    task = prediction("{method: green}")
    with closing(ProcessPool(store)) as pool:
        pool.run(task)
        (first,) = pool.pids
        store.discard(task.key)
        pool.run(task)
        assert pool.pids == [first]


def test_output_of_a_plugin_is_no_result(prediction, store):
    with closing(ProcessPool(store)) as pool:
        assert isinstance(pool.run(prediction("{method: chatter}")), TaskDone)


def test_a_crash_is_reported_with_its_signal_and_stderr(prediction, store):
    task = prediction("{method: crash}")
    with closing(ProcessPool(store)) as pool:
        fault = pool.run(task)
        assert (fault.kind, fault.message) == ("died", "its process was ended by SIGKILL")
        assert "memory" in fault.hint
        assert "last words" in fault.details
        assert not store.has(task.key)
        assert pool.pids == []


def test_an_exception_is_reported_with_its_traceback(prediction, store):
    with closing(ProcessPool(store)) as pool:
        fault = pool.run(prediction("{method: raise}"))
    assert (fault.kind, fault.message) == ("failed", "ZeroDivisionError: divided")
    assert "misbehaving.py" in fault.details


def test_a_task_that_hangs_is_ended_at_its_time_limit(prediction, store):
    with closing(ProcessPool(store, limits=TaskLimits(seconds=8.0))) as pool:
        fault = pool.run(prediction("{method: hang}"))
        assert fault.kind == "failed"
        assert "no task may take longer than 8 s" in fault.message
        assert pool.pids == []


def test_a_task_is_ended_at_its_share_of_memory(prediction, store):
    with closing(ProcessPool(store, limits=TaskLimits(memory_bytes=1_000_000_000))) as pool:
        fault = pool.run(prediction("{method: eat}"))
    assert fault.kind == "failed"
    assert "its share of --memory-limit is 1.00 GB" in fault.message


def test_other_code_than_the_plans_publishes_nothing(prediction, store):
    from dataclasses import replace

    task = prediction("{method: green}")
    other = replace(task, code=replace(task.code, core="0123456789abcdef"))
    with closing(ProcessPool(store)) as pool:
        fault = pool.run(other)
    assert "other code than the run was planned with: rppgbench" in fault.message
    assert not store.has(other.key)


def test_closing_ends_what_runs(prediction, store):
    import threading

    task = prediction("{method: hang}")
    pool, ends = ProcessPool(store), []
    thread = threading.Thread(target=lambda: ends.append(pool.run(task)))
    thread.start()
    until = time.monotonic() + 20
    while not pool.pids and time.monotonic() < until:
        time.sleep(0.05)
    (pid,) = pool.pids
    pool.close()
    thread.join(20)
    assert ends[0].kind == "died"
    assert not psutil.pid_exists(pid)


DRIVER = """
import sys, time, pathlib, threading
from rppgbench.store.store import Store
from rppgbench.execution.process_pool import ProcessPool
from rppgbench.execution.worker_process import TaskRequest
import pickle
task, store = pickle.load(open(sys.argv[1], "rb"))
pool = ProcessPool(store)
threading.Thread(target=pool.run, args=(task,), daemon=True).start()
while not pool.pids: time.sleep(0.05)
print(pool.pids[0], flush=True)
time.sleep(60)
"""


def test_processes_exit_when_their_driver_is_killed(prediction, store, tmp_path):
    import pickle

    request = tmp_path / "request.pickle"
    request.write_bytes(pickle.dumps((prediction("{method: hang}"), store)))
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(request)], stdout=subprocess.PIPE, text=True, cwd=Path()
    )
    pid = int(driver.stdout.readline())
    process = psutil.Process(pid)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    driver.stdout.close()
    process.wait(timeout=20)
    assert not psutil.pid_exists(pid)


def test_the_time_limit_of_a_fit_counts_from_its_last_progress(store):
    """Each step of a fit changes its progress stamp; other stages have none."""
    from rppgbench.execution.process_pool import _progress_stamp
    from rppgbench.execution.worker_process import TaskRequest
    from rppgbench.pipeline.stage_progress import PROGRESS

    fit, other = (TaskRequest(stand_in(stage, stage), store, "cpu") for stage in ("train", "predict"))
    assert _progress_stamp(fit) is None
    for request in (fit, other):
        (store.scratch(request.task.key) / PROGRESS).write_text("1")
    first = _progress_stamp(fit)
    assert first is not None and _progress_stamp(other) is None
    os.utime(store.scratch_path(fit.task.key) / PROGRESS, ns=(first + 1, first + 1))
    assert _progress_stamp(fit) == first + 1
