"""Processes that do tasks: what ends one of them, and what is said of it."""

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
    with closing(ProcessPool(store)) as hands:
        done = hands.do(task)
        assert isinstance(done, TaskDone)
        assert store.has(task.key)
        assert hands.processes and os.getpid() not in hands.processes
        assert done.memory_bytes > 50e6


def test_a_hand_is_used_again(prediction, store):
    task = prediction("{method: green}")
    with closing(ProcessPool(store)) as hands:
        hands.do(task)
        (first,) = hands.processes
        store.discard(task.key)
        hands.do(task)
        assert hands.processes == [first]


def test_what_a_plugin_prints_is_no_answer(prediction, store):
    with closing(ProcessPool(store)) as hands:
        assert isinstance(hands.do(prediction("{method: chatter}")), TaskDone)


def test_a_crash_is_told_with_its_signal_and_last_words(prediction, store):
    task = prediction("{method: crash}")
    with closing(ProcessPool(store)) as hands:
        trouble = hands.do(task)
        assert (trouble.kind, trouble.message) == ("died", "its process was ended by SIGKILL")
        assert "memory" in trouble.hint
        assert "last words" in trouble.details
        assert not store.has(task.key)
        assert hands.processes == []


def test_an_exception_is_told_with_its_traceback(prediction, store):
    with closing(ProcessPool(store)) as hands:
        trouble = hands.do(prediction("{method: raise}"))
    assert (trouble.kind, trouble.message) == ("failed", "ZeroDivisionError: divided")
    assert "misbehaving.py" in trouble.details


def test_a_hang_ends_with_its_time(prediction, store):
    with closing(ProcessPool(store, limits=TaskLimits(seconds=8.0))) as hands:
        trouble = hands.do(prediction("{method: hang}"))
        assert trouble.kind == "failed"
        assert "no task may take longer than 8 s" in trouble.message
        assert hands.processes == []


def test_a_glutton_ends_with_its_share(prediction, store):
    with closing(ProcessPool(store, limits=TaskLimits(memory_bytes=1_000_000_000))) as hands:
        trouble = hands.do(prediction("{method: eat}"))
    assert trouble.kind == "failed"
    assert "its share of --memory-limit is 1.00 GB" in trouble.message


def test_other_code_than_the_plans_publishes_nothing(prediction, store):
    from dataclasses import replace

    task = prediction("{method: green}")
    other = replace(task, code=replace(task.code, core="0123456789abcdef"))
    with closing(ProcessPool(store)) as hands:
        trouble = hands.do(other)
    assert "other code than the run was planned with: rppgbench" in trouble.message
    assert not store.has(other.key)


def test_closing_ends_what_runs(prediction, store):
    import threading

    task = prediction("{method: hang}")
    hands, ends = ProcessPool(store), []
    thread = threading.Thread(target=lambda: ends.append(hands.do(task)))
    thread.start()
    until = time.monotonic() + 20
    while not hands.processes and time.monotonic() < until:
        time.sleep(0.05)
    (pid,) = hands.processes
    hands.close()
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
hands = ProcessPool(store)
threading.Thread(target=hands.do, args=(task,), daemon=True).start()
while not hands.processes: time.sleep(0.05)
print(hands.processes[0], flush=True)
time.sleep(60)
"""


def test_hands_leave_when_the_one_they_work_for_is_killed(prediction, store, tmp_path):
    import pickle

    order = tmp_path / "order.pickle"
    order.write_bytes(pickle.dumps((prediction("{method: hang}"), store)))
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(order)], stdout=subprocess.PIPE, text=True, cwd=Path())
    pid = int(driver.stdout.readline())
    hand = psutil.Process(pid)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    driver.stdout.close()
    hand.wait(timeout=20)
    assert not psutil.pid_exists(pid)


def test_a_fit_that_tells_of_its_steps_may_take_its_time(store):
    """Of a fit the time without a sign of progress counts, and each step is one."""
    from rppgbench.execution.process_pool import _sign_of_progress
    from rppgbench.execution.worker_process import TaskRequest
    from rppgbench.pipeline.stage_progress import PROGRESS

    fit, other = (TaskRequest(stand_in(stage, stage), store, "cpu") for stage in ("train", "predict"))
    assert _sign_of_progress(fit) is None
    for order in (fit, other):
        (store.scratch(order.task.key) / PROGRESS).write_text("1")
    first = _sign_of_progress(fit)
    assert first is not None and _sign_of_progress(other) is None
    os.utime(store.scratch_path(fit.task.key) / PROGRESS, ns=(first + 1, first + 1))
    assert _sign_of_progress(fit) == first + 1
