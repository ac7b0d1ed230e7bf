"""Order, isolation of failures, death of workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rppgbench.engine import execute as module
from rppgbench.engine.execute import execute
from rppgbench.engine.store import Store
from rppgbench.engine.task import Task
from rppgbench.errors import SignalError, StoreError
from rppgbench.registry import Registry


def task(name: str, *inputs: Task, recording: str = "") -> Task:
    return Task("truth", {"name": name}, {t.settings["name"]: t.key for t in inputs}, name, recording)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path)


@pytest.fixture
def behave(monkeypatch):
    """Replace what tasks do by functions by name; others publish an empty artefact."""
    done: list[str] = []

    def perform(task, store, registry, device="auto"):
        done.append(task.label)
        action = behaviours.get(task.label)
        if action:
            action()
        store.publish(task.preimage, lambda folder: {})

    behaviours: dict = {}
    monkeypatch.setattr(module, "perform", perform)
    behaviours["done"] = done
    return behaviours


def run(tasks, store, workers=0):
    observer = Heard()
    outcome = execute(tasks, store, Registry(), workers=workers, observer=observer)
    return outcome, observer.ends


class Heard:
    def __init__(self):
        self.starts, self.ends = [], []

    def started(self, task):
        self.starts.append(task.label)

    def ended(self, task, result):
        self.ends.append(task.label)


def fail(error: Exception):
    def action():
        raise error

    return action


def test_tasks_run_after_their_inputs(store, behave):
    a = task("a")
    b = task("b", a)
    c = task("c", a, b)
    outcome, heard = run([a, b, c], store)
    assert heard == ["a", "b", "c"]
    assert set(outcome.done) == {a.key, b.key, c.key}


def test_a_failure_blocks_only_what_needs_it(store, behave):
    a, b = task("a"), task("b")
    c = task("c", a)
    d = task("d", c)
    e = task("e", b)
    behave["a"] = fail(SignalError("flat", hint="look"))
    outcome, heard = run([a, b, c, d, e], store)
    assert [f.task.label for f in outcome.failed] == ["a"]
    assert {f.task.label: f.cause.label for f in outcome.blocked} == {"c": "a", "d": "a"}
    assert {f.message for f in outcome.blocked} == {"flat"}
    assert set(outcome.done) == {b.key, e.key}
    assert sorted(heard) == ["a", "b", "c", "d", "e"], "every task is reported once"


def test_a_strangers_exception_is_told_with_its_traceback(store, behave):
    a = task("a")
    behave["a"] = fail(ZeroDivisionError("oops"))
    outcome, _ = run([a], store)
    (failure,) = outcome.failed
    assert failure.message == "ZeroDivisionError: oops"
    assert "in action" in failure.details


def test_a_store_that_cannot_be_written_ends_the_run(store, behave):
    a, b = task("a"), task("b")
    behave["a"] = fail(StoreError("disk full"))
    with pytest.raises(StoreError, match="disk full"):
        run([a, b], store)
    assert behave["done"] == ["a"]


def test_a_lane_stays_with_its_recording(store, behave):
    tasks = [task("a1", recording="a"), task("b1", recording="b"), task("a2", recording="a"), task("b2", recording="b")]
    _, heard = run(tasks, store)
    assert heard == ["a1", "a2", "b1", "b2"]


def test_a_worker_that_dies_twice_is_a_failure_and_the_rest_goes_on(store, monkeypatch):
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    a, b, c = task("a"), task("b"), task("c")
    attempts: dict[str, int] = {}

    class Lane(module._Lane):
        def __init__(self, store, device):
            pass

        def start(self, task):
            attempts[task.label] = attempts.get(task.label, 0) + 1
            future = Future()
            if task is a or (task is b and attempts["b"] == 1):
                future.set_exception(BrokenProcessPool("died"))
            else:
                future.set_result(0.1)
            return future

    monkeypatch.setattr(module, "_Worker", Lane)
    outcome, _ = run([a, b, c], store, workers=2)
    assert attempts == {"a": 2, "b": 2, "c": 1}
    assert [f.task.label for f in outcome.failed] == ["a"]
    assert "died twice" in outcome.failed[0].message
    assert set(outcome.done) == {b.key, c.key}


def test_a_killed_worker_is_replaced(store):
    worker = module._Worker(store, "cpu")
    try:
        pool = worker._running_pool()
        pid = pool.submit(os.getpid).result()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(module.BrokenProcessPool):
            pool.submit(os.getpid).result()
        broken = worker.start(task("no such stage setting"))
        assert isinstance(broken.exception(), KeyError), "a new process took the task and found its settings wanting"
    finally:
        worker.close()
