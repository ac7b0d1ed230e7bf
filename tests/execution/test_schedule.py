"""Which task starts next, also when something has to be made again."""

from __future__ import annotations

from dataclasses import replace

from rppgbench.execution.schedule import Schedule, runs_on_gpu
from rppgbench.pipeline.task_result import NullObserver, TaskDone, TaskFailure
from tests.execution.conftest import task


def names(schedule, lanes=("cpu",)):
    """All that can be started now."""
    found = []
    while (one := schedule.take(lanes)) is not None:
        found.append(one.label)
    return found


def by_lane(one):
    return "passing" if one.stage == "crop" else "gpu" if runs_on_gpu(one) else "cpu"


def test_first_of_the_plan_first_whenever_it_gets_ready():
    a = task("a")
    b, c, d = task("b", a), task("c"), task("d")
    schedule = Schedule([a, b, c, d], {}, NullObserver())
    assert schedule.take(["cpu"]) is a
    assert schedule.take(["cpu"]) is c
    schedule.done(a, TaskDone(0.1))
    assert names(schedule) == ["b", "d"]


def test_a_lane_has_its_own_first():
    crop, net, plain = replace(task("crop"), stage="crop"), task("net", network=True), task("plain")
    schedule = Schedule([crop, net, plain], {}, NullObserver(), by_lane)
    assert schedule.first("passing") is crop
    assert names(schedule) == ["plain"]
    assert names(schedule, ("gpu", "passing")) == ["crop", "net"]


def test_what_a_failure_blocks_is_given_back_once():
    a = task("a")
    b = task("b", a)
    c = task("c", a, b)
    schedule = Schedule([a, b, c], {}, NullObserver())
    schedule.take(["cpu"])
    assert {one.label for one in schedule.failed(TaskFailure(a, "no"))} == {"b", "c"}
    assert names(schedule) == []
    assert schedule.left() == 0


def test_a_result_that_two_need_again_is_made_once():
    a = task("a")
    b, c = task("b", a), task("c", a)
    schedule = Schedule([b, c], {t.key: t for t in (a, b, c)}, NullObserver())
    assert names(schedule) == ["b", "c"]
    for reader in (b, c):
        assert schedule.make_again(reader, [a.key], lambda key: False) == [a]
    assert names(schedule) == ["a"]
    schedule.done(a, TaskDone(0.1))
    assert names(schedule) == ["b", "c"]


def test_what_was_made_in_this_run_can_be_made_again_too():
    a = task("a")
    b = task("b", a)
    schedule = Schedule([a, b], {}, NullObserver())
    schedule.done(schedule.take(["cpu"]), TaskDone(0.1))
    assert schedule.take(["cpu"]) is b
    assert schedule.make_again(b, [a.key], lambda key: True) == [a]
    assert names(schedule) == ["a"]
    schedule.done(a, TaskDone(0.1))
    assert names(schedule) == ["b"]


def test_nobody_can_make_again_what_is_no_task_of_the_plan():
    a = task("a")
    b = task("b", a)
    schedule = Schedule([b], {}, NullObserver())
    schedule.take(["cpu"])
    assert schedule.make_again(b, [a.key], lambda key: False) == []
    assert schedule.left() == 1


def test_a_retry_comes_before_what_comes_after_it():
    a, b, c = task("a"), task("b"), task("c")
    schedule = Schedule([a, b, c], {}, NullObserver())
    assert schedule.take(["cpu"]) is a
    assert schedule.take(["cpu"]) is b
    schedule.retry(a)
    assert names(schedule) == ["a", "c"]
