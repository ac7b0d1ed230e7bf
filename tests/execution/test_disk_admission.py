"""Admission and eviction of clips; random runs keep within the announced peak, and end."""

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
    admission = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    admission.started(first)
    assert admission.finished(first, 10) == []
    assert admission.may_start(second)
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
    admission = DiskAdmission(to_do, DiskBudget(11, True, disk_peak(to_do)))
    assert admission.may_start(big) and not admission.may_start(small)
    assert DiskAdmission(to_do, DiskBudget(12, True, disk_peak(to_do))).may_start(small)


def test_nothing_is_evicted_and_all_tasks_may_start_if_all_is_kept(line):
    admission = DiskAdmission(line, DiskBudget(1, False, disk_peak(line)))
    for one in line:
        assert admission.may_start(one)
        admission.started(one)
        assert admission.finished(one, one.bytes_out) == []
    assert admission.charged_bytes == 33


def test_readers_that_failed_hold_nothing(line):
    first, early, second, late, score = line
    admission = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    admission.started(first)
    admission.finished(first, 10)
    assert admission.given_up(early) == []
    assert admission.given_up(late) == [first.key]
    admission.started(second)
    assert admission.finished(second, 20) == [second.key]  # no reader is left
    admission.given_up(score)
    assert admission.charged_bytes == 0


def test_a_clip_that_failed_takes_no_room(line):
    first, early, _, late, score = line
    admission = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    admission.started(first)
    for one in (first, early, late, score):
        admission.given_up(one)
    assert admission.charged_bytes == 0


def test_evicted_clips_that_are_remade_are_evicted_again(line):
    first, early, second, late, score = line
    admission = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    for one in (first, early, second, late):
        admission.started(one)
        gone = admission.finished(one, one.bytes_out)
    assert set(gone) == {first.key, second.key}
    admission.needed_again(late, [score])
    admission.needed_again(first, [late])
    admission.needed_again(second, [late])
    for one in (first, second):
        assert admission.may_start(one)
        admission.started(one)
        assert admission.finished(one, one.bytes_out) == []
    admission.started(late)
    assert set(admission.finished(late, 1)) == {first.key, second.key}
    assert admission.charged_bytes == 3


def test_a_damaged_clip_is_held_until_it_is_whole(line):
    first, early, _, late, _ = line
    admission = DiskAdmission(line, DiskBudget(33, True, disk_peak(line)))
    admission.started(first)
    admission.finished(first, 10)
    admission.needed_again(first, [early])
    admission.given_up(early)
    assert admission.given_up(late) == []
    admission.started(first)
    assert admission.finished(first, 10) == [first.key]


def test_a_limit_that_is_too_small_is_an_error(line):
    admission = DiskAdmission(line, DiskBudget(30, True, disk_peak(line)))
    assert "--disk-limit" in admission.too_small().hint


@st.composite
def runs(draw):
    """Tasks in an order in which each is after its inputs, which of the clips are there, lanes, and rng."""
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


def simulate(admission: DiskAdmission, to_do: list[Task], present: dict[str, float], lanes: int, rng: random.Random):
    """Run ready and admitted tasks in random order, some of which fail or lose their worker; yields the bytes on the
    disk after every step."""
    waiting: dict[str, Task] = {t.key: t for t in to_do}
    running: dict[str, Task] = {}
    on_disk = dict(present)

    while waiting or running:
        ready = [t for t in waiting.values() if not {*t.inputs.values()} & (waiting.keys() | running.keys())]
        assert all({*t.inputs.values()} <= on_disk.keys() for t in ready), "what is still to be read is gone"
        admitted = [t for t in ready if admission.may_start(t)]
        if admitted and len(running) < lanes and (not running or rng.random() < 0.7):
            one = rng.choice(admitted)
            running[one.key] = waiting.pop(one.key)
            admission.started(one)
            on_disk[one.key] = one.bytes_out
        else:
            assert running, "nothing runs, and nothing may start"
            one = running.pop(rng.choice(sorted(running)))
            chance = rng.random()
            if chance < 0.1:  # its worker died; it is tried again
                waiting[one.key] = one
                del on_disk[one.key]
                gone = []
            elif chance < 0.2:
                del on_disk[one.key]
                failed = {one.key}
                gone = admission.given_up(one)
                for other in to_do:
                    if failed & set(other.inputs.values()) and other.key in waiting:
                        failed.add(waiting.pop(other.key).key)
                        gone += admission.given_up(other)
            else:
                on_disk[one.key] = rng.randint(0, int(one.bytes_out))
                gone = admission.finished(one, on_disk[one.key])
            for key in gone:
                del on_disk[key]
        yield sum(on_disk.values())


@settings(
    max_examples=300, phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None
)  # shrinking takes minutes
@given(runs())
def test_no_run_goes_beyond_the_announced_peak_or_waits_for_ever(run):
    to_do, present, lanes, rng = run
    peak = disk_peak(to_do, present)
    limit = peak.kept_bytes + peak.transient_bytes
    admission = DiskAdmission(to_do, DiskBudget(limit, True, peak, present))
    assert all(on_disk <= limit for on_disk in simulate(admission, to_do, present, lanes, rng))


@given(runs())
def test_one_by_one_in_its_order_a_run_takes_what_was_announced(run):
    to_do, present, _, _ = run
    admission = DiskAdmission(to_do, DiskBudget(None, True, disk_peak(to_do, present), present))
    on_disk, highest = dict(present), sum(present.values())
    for one in to_do:
        admission.started(one)
        on_disk[one.key] = one.bytes_out if is_transient(one) else 0
        highest = max(highest, sum(on_disk.values()))
        for key in admission.finished(one, one.bytes_out):
            del on_disk[key]
    assert highest == disk_peak(to_do, present).transient_bytes
