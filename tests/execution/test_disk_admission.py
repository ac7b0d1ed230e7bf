"""Which clips may be cut now and which may go; random runs keep within the announced peak and end."""

from __future__ import annotations

import random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rppgbench.execution.disk_admission import DiskAdmission
from rppgbench.pipeline.disk_budget import DiskBudget, disk_peak, is_transient
from rppgbench.pipeline.task import Task
from tests.stand_in_tasks import stand_in


def task(stage: str, name: str, n_bytes: float, *inputs: Task) -> Task:
    return stand_in(stage, name, {str(n): t.key for n, t in enumerate(inputs)}, bytes_out=n_bytes)


@pytest.fixture
def line():
    """Two crops, one read by two tasks, the other by one: 10 + 20 bytes of clips at once, 3 kept."""
    first, second = task("crop", "c1", 10), task("crop", "c2", 20)
    early, late = task("predict", "p1", 1, first), task("predict", "p2", 1, first, second)
    return [first, early, second, late, task("score", "s", 1, late)]


def test_a_clip_waits_for_room_and_goes_after_its_last_reader(line):
    first, early, second, late, _ = line
    shelf = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    shelf.started(first)
    assert shelf.finished(first, 10) == []
    assert shelf.may_start(second)
    tight = DiskAdmission(line, DiskBudget(32, True, disk_peak(line)))
    tight.started(first)
    assert not tight.may_start(second)
    assert tight.may_start(early) and tight.may_start(first)
    assert tight.finished(first, 9) == []
    assert tight.may_start(second)  # its clips came out smaller than expected
    tight.started(second)
    assert tight.finished(second, 20) == []
    assert tight.finished(early, 1) == []
    assert set(tight.finished(late, 1)) == {first.key, second.key}
    assert tight.charged_bytes == 3


def test_a_later_clip_leaves_room_for_those_before_it():
    big, small = task("crop", "big", 10), task("crop", "small", 2)
    to_do = [big, task("predict", "p1", 0, big), small, task("predict", "p2", 0, small)]
    shelf = DiskAdmission(to_do, DiskBudget(11, True, disk_peak(to_do)))
    assert shelf.may_start(big) and not shelf.may_start(small)
    assert DiskAdmission(to_do, DiskBudget(12, True, disk_peak(to_do))).may_start(small)


def test_nothing_goes_and_all_may_start_where_all_is_kept(line):
    shelf = DiskAdmission(line, DiskBudget(1, False, disk_peak(line)))
    for one in line:
        assert shelf.may_start(one)
        shelf.started(one)
        assert shelf.finished(one, one.bytes_out) == []
    assert shelf.charged_bytes == 33


def test_readers_that_failed_hold_nothing(line):
    first, early, second, late, score = line
    shelf = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    shelf.started(first)
    shelf.finished(first, 10)
    assert shelf.given_up(early) == []
    assert shelf.given_up(late) == [first.key]
    shelf.started(second)
    assert shelf.finished(second, 20) == [second.key]  # nobody is left to read it
    shelf.given_up(score)
    assert shelf.charged_bytes == 0


def test_a_clip_that_failed_takes_no_room(line):
    first, early, _, late, score = line
    shelf = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    shelf.started(first)
    for one in (first, early, late, score):
        shelf.given_up(one)
    assert shelf.charged_bytes == 0


def test_what_was_removed_is_made_again_and_goes_again(line):
    first, early, second, late, score = line
    shelf = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    for one in (first, early, second, late):
        shelf.started(one)
        gone = shelf.finished(one, one.bytes_out)
    assert set(gone) == {first.key, second.key}
    shelf.needed_again(late, [score])
    shelf.needed_again(first, [late])
    shelf.needed_again(second, [late])
    for one in (first, second):
        assert shelf.may_start(one)
        shelf.started(one)
        assert shelf.finished(one, one.bytes_out) == []
    shelf.started(late)
    assert set(shelf.finished(late, 1)) == {first.key, second.key}
    assert shelf.charged_bytes == 3


def test_a_damaged_clip_is_held_until_it_is_whole(line):
    first, early, _, late, _ = line
    shelf = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    shelf.started(first)
    shelf.finished(first, 10)
    shelf.needed_again(first, [early])
    shelf.given_up(early)
    assert shelf.given_up(late) == []
    shelf.started(first)
    assert shelf.finished(first, 10) == [first.key]


def test_too_small_a_limit_is_told(line):
    shelf = DiskAdmission(line, DiskBudget(30, True, disk_peak(line)))
    assert "--disk-limit" in shelf.too_small().hint


@st.composite
def runs(draw):
    """Tasks in an order in which each is after its inputs, which of the clips are there, lanes, and luck."""
    tasks: list[Task] = []
    for n in range(draw(st.integers(1, 16))):
        stage = draw(st.sampled_from(["crop", "skin", "predict", "fit"]))
        inputs = draw(st.lists(st.sampled_from(tasks), max_size=4, unique_by=id)) if tasks else []
        tasks.append(task(stage, str(n), draw(st.integers(0, 50)), *inputs))
    there = [t for t in tasks if is_transient(t) and not t.inputs and draw(st.booleans())]
    to_do = [t for t in tasks if t not in there]
    read = {key for t in to_do for key in t.inputs.values()}
    present = {t.key: t.bytes_out for t in there if t.key in read}
    return to_do, present, draw(st.integers(1, 5)), random.Random(draw(st.integers(0, 10**6)))


def simulate(shelf: DiskAdmission, to_do: list[Task], present: dict[str, float], lanes: int, luck: random.Random):
    """Run anything that is ready and admitted, in any order, with tasks that fail or whose worker dies; yields what
    lies on the disk after every step."""
    waiting: dict[str, Task] = {t.key: t for t in to_do}
    running: dict[str, Task] = {}
    lying = dict(present)

    while waiting or running:
        ready = [t for t in waiting.values() if not {*t.inputs.values()} & (waiting.keys() | running.keys())]
        assert all({*t.inputs.values()} <= lying.keys() for t in ready), "what is still to be read is gone"
        admitted = [t for t in ready if shelf.may_start(t)]
        if admitted and len(running) < lanes and (not running or luck.random() < 0.7):
            one = luck.choice(admitted)
            running[one.key] = waiting.pop(one.key)
            shelf.started(one)
            lying[one.key] = one.bytes_out
        else:
            assert running, "nothing runs, and nothing may start"
            one = running.pop(luck.choice(sorted(running)))
            chance = luck.random()
            if chance < 0.1:  # its worker died; it is tried again
                waiting[one.key] = one
                del lying[one.key]
                gone = []
            elif chance < 0.2:
                del lying[one.key]
                failed = {one.key}
                gone = shelf.given_up(one)
                for other in to_do:
                    if failed & set(other.inputs.values()) and other.key in waiting:
                        failed.add(waiting.pop(other.key).key)
                        gone += shelf.given_up(other)
            else:
                lying[one.key] = luck.randint(0, int(one.bytes_out))
                gone = shelf.finished(one, lying[one.key])
            for key in gone:
                del lying[key]
        yield sum(lying.values())


@settings(
    max_examples=300, phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None
)  # shrinking takes minutes
@given(runs())
def test_no_run_goes_beyond_the_announced_peak_or_waits_for_ever(run):
    to_do, present, lanes, luck = run
    peak = disk_peak(to_do, present)
    limit = peak.kept_bytes + peak.transient_bytes
    shelf = DiskAdmission(to_do, DiskBudget(limit, True, peak, present))
    assert all(lying <= limit for lying in simulate(shelf, to_do, present, lanes, luck))


@given(runs())
def test_one_by_one_in_its_order_a_run_takes_what_was_announced(run):
    to_do, present, _, _ = run
    shelf = DiskAdmission(to_do, DiskBudget(None, True, disk_peak(to_do, present), present))
    lying, highest = dict(present), sum(present.values())
    for one in to_do:
        shelf.started(one)
        lying[one.key] = one.bytes_out if is_transient(one) else 0
        highest = max(highest, sum(lying.values()))
        for key in shelf.finished(one, one.bytes_out):
            del lying[key]
    assert highest == disk_peak(to_do, present).transient_bytes
