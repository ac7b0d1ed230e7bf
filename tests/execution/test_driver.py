"""Order, isolation of failures, repair of inputs, death of workers, room on the disk, stopping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rppgbench.errors import SignalError, StoreError
from rppgbench.execution.disk_admission import DiskAdmission
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.execution.task_runner import TaskFault
from rppgbench.pipeline.disk_budget import DiskBudget, disk_peak
from rppgbench.pipeline.task_result import TaskDone
from rppgbench.registry import Registry
from tests.execution.conftest import RecordingObserver, failing, task


def run(tasks, store, **how):
    observer = RecordingObserver()
    return execute(tasks, store, InProcessExecutor(store, Registry()), observer, **how), observer


class ScriptedExecutor:
    """An executor of two slots; a function of label and attempt gives the end of each task."""

    def __init__(self, store, ends: Callable[[str, int], TaskDone | TaskFault]) -> None:
        self.store, self.ends, self.tries, self.in_flight = store, ends, {}, []
        self.most = 0

    def lanes(self):
        return ("cpu", "gpu", "transient") if len(self.in_flight) < 2 else ()

    def workers(self):
        return {"cpu": 2, "gpu": 0}

    def start(self, task):
        self.in_flight.append(task)
        self.most = max(self.most, len(self.in_flight))

    def ended(self, within_s):
        if not self.in_flight:
            return []
        task = self.in_flight.pop(0)
        self.tries[task.label] = self.tries.get(task.label, 0) + 1
        end = self.ends(task.label, self.tries[task.label])
        if isinstance(end, TaskDone):
            self.store.publish(task.preimage, lambda folder: write(folder, int(task.bytes_out)))
        return [(task, end)]


def write(folder, n_bytes):
    (folder / "file").write_bytes(b"0" * n_bytes)
    return {}


def test_tasks_run_after_their_inputs(store, behave):
    a = task("a")
    b = task("b", a)
    c = task("c", a, b)
    outcome, observer = run([a, b, c], store)
    assert observer.lines == ["started a", "ended a", "started b", "ended b", "started c", "ended c"]
    assert set(outcome.done) == {a.key, b.key, c.key}


def test_a_failure_blocks_only_what_needs_it(store, behave):
    a, b = task("a"), task("b")
    c = task("c", a)
    d = task("d", c)
    e = task("e", b)
    behave["a"] = failing(SignalError("flat", hint="look"))
    outcome, observer = run([a, b, c, d, e], store)
    assert [f.task.label for f in outcome.failed] == ["a"]
    assert {f.task.label: f.cause.label for f in outcome.blocked} == {"c": "a", "d": "a"}
    assert {f.message for f in outcome.blocked} == {"flat"}
    assert set(outcome.done) == {b.key, e.key}
    assert sorted(observer.of("ended")) == ["a", "b", "c", "d", "e"], "every task is reported once"


def test_an_unexpected_exception_is_reported_with_its_traceback(store, behave):
    behave["a"] = failing(ZeroDivisionError("oops"))
    outcome, _ = run([task("a")], store)
    (failure,) = outcome.failed
    assert failure.message == "ZeroDivisionError: oops"
    assert "in action" in failure.details


def test_a_store_that_cannot_be_written_ends_the_run(store, behave):
    a, b = task("a"), task("b")
    ran = []
    behave["a"] = failing(StoreError("disk full"))
    behave["b"] = lambda: ran.append("b")
    with pytest.raises(StoreError, match="disk full"):
        run([a, b], store)
    assert not ran


def test_a_result_that_another_run_published_meanwhile_is_found(store, behave):
    a = task("a")
    behave["a"] = failing(AssertionError("is not to be computed again"))
    store.publish(a.preimage, lambda folder: {})
    outcome, _ = run([a], store)
    assert outcome.done[a.key].found


class TestDeath:
    def test_once_is_bad_luck(self, store):
        executor = ScriptedExecutor(
            store, lambda name, n: TaskFault("died", "killed") if (name, n) == ("a", 1) else TaskDone(1.0)
        )
        observer = RecordingObserver()
        outcome = execute([task("a"), task("b")], store, executor, observer)
        assert executor.tries == {"a": 2, "b": 1}
        assert not outcome.failures
        assert observer.of("retried") == ["a"]

    def test_twice_is_a_failure_and_the_rest_goes_on(self, store):
        a, b = task("a"), task("b")
        c = task("c", a)
        killed = TaskFault("died", "was ended by SIGKILL")
        executor = ScriptedExecutor(store, lambda name, n: killed if name == "a" else TaskDone(1.0))
        outcome = execute([a, b, c], store, executor)
        assert executor.tries == {"a": 2, "b": 1}
        assert [f.message for f in outcome.failed] == ["twice: was ended by SIGKILL"]
        assert [f.task.label for f in outcome.blocked] == ["c"]


class TestDamagedInputs:
    def test_are_made_again_and_their_reader_after_them(self, store, behave):
        a = task("a")
        b = task("b", a)
        c = task("c", b)
        tasks = {t.key: t for t in (a, b, c)}
        run([a, b], store)
        (store.path(b.key) / "manifest.json").write_bytes(b"{")
        reads = []

        def read() -> None:
            reads.append(store.damage(b.key))
            if reads[-1]:
                raise ValueError("cannot read b")

        behave["c"] = read
        outcome, observer = run([c], store, known=tasks)
        assert not outcome.failures
        assert len(reads) == 2 and reads[0] and not reads[1]
        assert observer.of("remade") == ["b"]
        assert observer.of("started") == ["c", "b", "c"], "a is there, and is left alone"

    def test_are_made_again_with_all_that_is_gone_behind_them(self, store, behave):
        a = task("a")
        b = task("b", a)
        c = task("c", b)
        run([a, b], store)
        store.discard(a.key)
        store.discard(b.key)
        outcome, observer = run([c], store, known={t.key: t for t in (a, b, c)})
        assert not outcome.failures
        assert observer.of("started") == ["c", "a", "b", "c"]

    def test_that_stay_damaged_are_a_failure(self, store, behave):
        a = task("a")
        b = task("b", a)

        def spoil() -> None:
            (store.path(a.key) / "manifest.json").write_bytes(b"{")
            raise ValueError("cannot read a")

        behave["b"] = spoil
        outcome, observer = run([a, b], store, known={t.key: t for t in (a, b)})
        assert [f.message for f in outcome.failed] == ["ValueError: cannot read a"]
        assert observer.of("started").count("b") == 2, "one repair, and no more"

    def test_a_sound_input_is_not_made_again(self, store, behave):
        a = task("a")
        behave["b"] = failing(ValueError("no fault of a"))
        outcome, observer = run([a, task("b", a)], store)
        assert len(outcome.failed) == 1
        assert not observer.of("remade")


def sized(one, n_bytes):
    return replace(one, cost=replace(one.cost, bytes_out=n_bytes))


class TestDiskAdmission:
    """Two recordings: clips of 100 kB each, read by one prediction; 1 kB stays of each."""

    @pytest.fixture
    def tasks(self):
        first, second = (sized(task(f"crop{n}", stage="crop"), 1e5) for n in (1, 2))
        return [first, sized(task("p1", first), 1e3), second, sized(task("p2", second), 1e3)]

    def test_clips_go_after_their_last_reader(self, store, behave, tasks):
        admission = DiskAdmission(tasks, DiskBudget(limit_bytes=1e9, evicts=True, peak=disk_peak(tasks)))
        outcome, observer = run(tasks, store, disk_admission=admission)
        assert not outcome.failures
        assert observer.of("evicted") == ["crop1", "crop2"]
        assert [store.has(t.key) for t in tasks] == [False, True, False, True]

    def test_a_clip_waits_for_room(self, store, tasks):
        executor = ScriptedExecutor(store, lambda name, n: TaskDone(1.0))
        admission = DiskAdmission(tasks, DiskBudget(limit_bytes=1.3e5, evicts=True, peak=disk_peak(tasks)))
        observer = RecordingObserver()
        assert not execute(tasks, store, executor, observer, disk_admission=admission).failures
        assert observer.lines.index("evicted crop1") < observer.lines.index("started crop2")

    def test_without_a_limit_both_are_cut_at_once(self, store, tasks):
        executor = ScriptedExecutor(store, lambda name, n: TaskDone(1.0))
        observer = RecordingObserver()
        execute(tasks, store, executor, observer)
        assert observer.lines[:2] == ["started crop1", "started crop2"]
        assert executor.most == 2

    def test_a_failed_reader_holds_no_clip(self, store, behave, tasks):
        behave["p1"] = failing(ValueError("no"))
        admission = DiskAdmission(tasks, DiskBudget(limit_bytes=1.3e5, evicts=True, peak=disk_peak(tasks)))
        outcome, observer = run(tasks, store, disk_admission=admission)
        assert len(outcome.failed) == 1
        assert observer.of("evicted") == ["crop1", "crop2"]


class TestStopping:
    def test_what_runs_is_waited_for_and_nothing_more_is_started(self, store):
        executor = ScriptedExecutor(store, lambda name, n: TaskDone(1.0))
        asked = iter([False, *[True] * 100])
        outcome = execute([task(name) for name in "abcde"], store, executor, stop=lambda: next(asked))
        assert outcome.stopped
        assert set(executor.tries) == {"a", "b"}
        assert len(outcome.done) == 2

    def test_a_stop_after_the_last_task_is_none(self, store):
        executor = ScriptedExecutor(store, lambda name, n: TaskDone(1.0))
        asked = iter([False, *[True] * 100])
        assert not execute([task("a")], store, executor, stop=lambda: next(asked)).stopped
