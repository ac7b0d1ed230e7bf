"""The order in which tasks start, also when results are made again."""

from __future__ import annotations

from dataclasses import replace

from rppgbench.execution.schedule import Schedule, runs_on_gpu
from rppgbench.pipeline.task_result import NullObserver, TaskDone, TaskFailure
from tests.execution.conftest import task


def names(schedule, lanes=("cpu",)):
    """Labels of all tasks that can be started now."""
    found = []
    while (one := schedule.start_next(lanes)) is not None:
        found.append(one.label)
    return found


def by_lane(one):
    return "transient" if one.stage == "crop" else "gpu" if runs_on_gpu(one) else "cpu"


def test_tasks_start_in_the_order_of_the_plan_as_they_get_ready():
    a = task("a")
    b, c, d = task("b", a), task("c"), task("d")
    schedule = Schedule([a, b, c, d], {}, NullObserver())
    assert schedule.start_next(["cpu"]) is a
    assert schedule.start_next(["cpu"]) is c
    schedule.done(a, TaskDone(0.1))
    assert names(schedule) == ["b", "d"]


def test_each_lane_has_a_next_task():
    crop, net, plain = replace(task("crop"), stage="crop"), task("net", network=True), task("plain")
    schedule = Schedule([crop, net, plain], {}, NullObserver(), by_lane)
    assert schedule.next_ready("transient") is crop
    assert names(schedule) == ["plain"]
    assert names(schedule, ("gpu", "transient")) == ["crop", "net"]


def test_tasks_that_a_failure_blocks_are_returned_once():
    a = task("a")
    b = task("b", a)
    c = task("c", a, b)
    schedule = Schedule([a, b, c], {}, NullObserver())
    schedule.start_next(["cpu"])
    assert {one.label for one in schedule.failed(TaskFailure(a, "no"))} == {"b", "c"}
    assert names(schedule) == []
    assert schedule.n_open() == 0


def test_a_result_that_two_readers_need_is_remade_once():
    a = task("a")
    b, c = task("b", a), task("c", a)
    schedule = Schedule([b, c], {t.key: t for t in (a, b, c)}, NullObserver())
    assert names(schedule) == ["b", "c"]
    for reader in (b, c):
        assert schedule.remake(reader, [a.key], lambda key: False) == [a]
    assert names(schedule) == ["a"]
    schedule.done(a, TaskDone(0.1))
    assert names(schedule) == ["b", "c"]


def test_a_result_of_this_run_can_be_remade():
    a = task("a")
    b = task("b", a)
    schedule = Schedule([a, b], {}, NullObserver())
    schedule.done(schedule.start_next(["cpu"]), TaskDone(0.1))
    assert schedule.start_next(["cpu"]) is b
    assert schedule.remake(b, [a.key], lambda key: True) == [a]
    assert names(schedule) == ["a"]
    schedule.done(a, TaskDone(0.1))
    assert names(schedule) == ["b"]


def test_a_result_of_no_task_of_the_plan_cannot_be_remade():
    a = task("a")
    b = task("b", a)
    schedule = Schedule([b], {}, NullObserver())
    schedule.start_next(["cpu"])
    assert schedule.remake(b, [a.key], lambda key: False) == []
    assert schedule.n_open() == 1


def test_a_retry_comes_before_what_comes_after_it():
    a, b, c = task("a"), task("b"), task("c")
    schedule = Schedule([a, b, c], {}, NullObserver())
    assert schedule.start_next(["cpu"]) is a
    assert schedule.start_next(["cpu"]) is b
    schedule.retry(a)
    assert names(schedule) == ["a", "c"]
