"""The state of a run from its events: counts, pace, time left; also from torn files and unknown events."""

from __future__ import annotations

import json

import pytest

from rppgbench.runs.events import EventFile, last_event
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import GroupedNotice, InterimBest
from rppgbench.runs.stage_times import time_spent

PLANNED = {
    "status": "planned",
    "stages": {
        "encode": {"tasks": 10, "cached": 2, "expected_s": 80.0},
        "score": {"tasks": 4, "cached": 0, "expected_s": 4.0},
        "truth": {"tasks": 3, "cached": 3, "expected_s": 0.0},
    },
    "workers": {"cpu": 2, "gpu": 0},
    "dashboard": "http://127.0.0.1:8787/status",
    "disk_bytes": 5e9,
    "host": "node1",
    "pid": 7,
}


def event(at_s, status, task=None, stage="encode", **more):
    of = {"stage": stage, "task": task, "key": f"key of {task}"} if task else {}
    return {"at": 1000.0 + at_s, "status": status, **of, **more}


def folded(*events):
    view = RunState()
    for one in events:
        view.feed(one)
    return view


def stage(snapshot, name="encode"):
    (found,) = [stage for stage in snapshot.stages if stage.stage == name]
    return found


def planned(**changes):
    return {"at": 1000.0, **PLANNED, **changes}


def test_nothing_is_known_before_the_first_event():
    snapshot = RunState().snapshot(5.0)
    assert (snapshot.state, snapshot.stages, snapshot.left_s, snapshot.elapsed_s) == ("running", (), None, 0.0)


def test_every_end_is_counted_once():
    snapshot = folded(
        planned(),
        event(0, "started", "a"),
        event(0, "started", "b"),
        event(1, "done", "a", seconds=1.0, memory_bytes=300),
        event(1, "started", "c"),
        event(2, "failed", "b", reason="no"),
        event(2, "blocked", "x", stage="score", reason="no"),
        event(3, "done", "c", seconds=0.0, memory_bytes=100, found=True),
        event(3, "started", "d"),
    ).snapshot()
    encode, score = stage(snapshot), stage(snapshot, "score")
    assert (encode.cached, encode.done, encode.found, encode.failed, encode.running) == (2, 1, 1, 1, 1)
    assert (encode.total, encode.ended) == (10, 5)
    assert (score.blocked, score.ended) == (1, 1)
    assert [one.stage for one in snapshot.stages] == ["truth", "encode", "score"], "in the order of the work"
    assert (snapshot.memory_bytes, snapshot.dashboard, snapshot.host) == (300, PLANNED["dashboard"], "node1")
    assert snapshot.failures == (GroupedNotice("failed", "encode", "no", "b", 1),)


def test_failures_with_the_same_message_are_grouped_with_their_number():
    events = [event(n, "failed", f"t{n}", reason="broken") for n in range(3)]
    snapshot = folded(planned(), *events, event(4, "failed", "t0", stage="score", reason="broken")).snapshot()
    assert [(one.stage, one.task, one.count) for one in snapshot.failures] == [("encode", "t0", 3), ("score", "t0", 1)]


def test_a_retried_task_runs_once_and_ends_once():
    view = folded(planned(), event(0, "started", "a"), event(4, "retried", "a", reason="its worker died"))
    assert (stage(view.snapshot()).running, view.snapshot().running) == (0, ())
    for one in (event(5, "started", "a"), event(6, "done", "a", seconds=1.0)):
        view.feed(one)
    snapshot = view.snapshot()
    assert (stage(snapshot).running, stage(snapshot).done, stage(snapshot).lost_s) == (0, 1, 4.0)
    assert [(note.kind, note.message) for note in snapshot.notes] == [("retried", "its worker died")]


def test_a_task_that_is_remade_is_to_do_again():
    view = folded(planned(), event(0, "started", "a"), event(1, "done", "a", seconds=1.0))
    view.feed(event(2, "remade", "a", reason="damaged"))
    assert (stage(view.snapshot()).done, stage(view.snapshot()).ended) == (0, 2)
    view.feed(event(2, "remade", "cached one", reason="gone"))
    assert (stage(view.snapshot()).cached, stage(view.snapshot()).total) == (1, 10)
    view.feed(event(3, "started", "a"))
    view.feed(event(4, "done", "a", seconds=1.0))
    assert (stage(view.snapshot()).done, stage(view.snapshot()).ended) == (1, 2)


def test_a_rate_is_of_the_last_minutes_and_gives_the_stage_its_time_left():
    # One a second for 8 tasks of which 2 are cached: 4 of 8 done after 4 s are 60 a minute, 4 s are left.
    events = [event(0, "started", "t0")]
    for n in range(4):
        events += [event(n + 1, "done", f"t{n}", seconds=1.0), event(n + 1, "started", f"t{n + 1}")]
    encode = stage(folded(planned(), *events).snapshot(1004.0))
    assert encode.rate_per_min == pytest.approx(60.0)
    assert encode.left_s == pytest.approx(4.0)
    assert stage(folded(planned(), *events).snapshot(1008.0)).rate_per_min == pytest.approx(30.0), "it waits"


def test_an_early_standstill_does_not_slow_the_rate_for_ever():
    stages = {"encode": {"tasks": 5000, "cached": 0, "expected_s": 5000.0}}
    events = [event(0, "started", "first"), event(1000, "done", "first")]
    events += [event(1000 + n, "done", f"t{n}") for n in range(1, 1000)]
    assert stage(folded(planned(stages=stages), *events).snapshot(1999.0 + 1000)).rate_per_min == pytest.approx(
        60.0, rel=0.02
    )


def test_time_left_is_the_plans_at_first_and_the_measured_pace_at_last():
    view = folded(planned())
    assert view.snapshot(1000.0).left_s == pytest.approx(84.0 / 2), "84 core-seconds on two workers"
    for n in range(8):
        view.feed(event(100 * n, "started", f"t{n}", expected_s=10.0))
        view.feed(event(100 * (n + 1), "done", f"t{n}", seconds=100.0))
    left_s = view.snapshot(1800.0).left_s  # 80 of 84 are done in 800 s: 4 more take 40 s at that pace
    assert 30.0 < left_s < 40.0


def test_time_left_weighs_tasks_by_their_cost():
    view = folded(planned(), event(0, "started", "dear", expected_s=70.0), event(0, "started", "cheap", expected_s=1.0))
    view.feed(event(1, "done", "cheap", seconds=1.0))
    assert stage(view.snapshot()).expected_s == pytest.approx(79.0)
    view.feed(event(70, "done", "dear", seconds=70.0))
    assert stage(view.snapshot()).expected_s == pytest.approx(9.0)


def test_a_clock_that_goes_back_stands_still():
    view = folded(planned(), event(10, "started", "a"), event(-3590, "done", "a", seconds=2.0), event(-3580, "workers"))
    assert view.snapshot().elapsed_s == pytest.approx(20.0)
    assert view.snapshot(-9000.0).elapsed_s == pytest.approx(20.0), "nor does a reader's"


def test_invalid_events_are_ignored():
    snapshot = folded(
        planned(),
        {},
        {"status": "unheard of", "at": 1001},
        {"status": None, "at": "noon"},
        {"status": "done", "stage": 3, "seconds": "long", "memory_bytes": float("nan")},
        {"status": "planned", "stages": {"fit": None}, "workers": [1]},
        {"status": "workers", "workers": {"cpu": "many"}},
        event(2, "started", "a"),
    ).snapshot()
    assert (stage(snapshot).running, stage(snapshot).total) == (1, 10)


def test_events_of_older_versions_are_read():
    old = [
        {"at": 1.0, "status": "started", "stage": "encode", "task": "a", "key": "k1"},
        {"at": 3.0, "status": "done", "seconds": 2.0, "stage": "encode", "task": "a", "key": "k1"},
        {"at": 3.0, "status": "started", "stage": "fit", "task": "b", "key": "k2"},
    ]
    snapshot = folded(*old).snapshot(5.0)
    assert (stage(snapshot).done, stage(snapshot).total, snapshot.elapsed_s, snapshot.left_s) == (1, 1, 4.0, None)
    assert [(task.task, task.for_s) for task in snapshot.running] == [("b", 2.0)]


def test_bytes_best_and_waiting_are_kept():
    view = folded(
        planned(),
        event(1, "evicted", "a", reason="", bytes=40),
        event(1, "evicted", "b", reason="", bytes=2),
        event(2, "best", entry="pos", hr_mae_bpm=1.5, n_windows=12, conditions=3),
        event(3, "waiting", reason="no worker is there"),
    )
    snapshot = view.snapshot()
    assert (snapshot.evicted_bytes, snapshot.waiting) == (42, "no worker is there")
    assert snapshot.best == InterimBest("pos", 1.5, 12, 3)
    view.feed(event(4, "started", "c"))
    assert view.snapshot().waiting is None


def test_nothing_comes_after_the_end():
    view = folded(planned(), event(0, "started", "a"), event(9, "ended", state="stopped", wall_s=9.5))
    view.feed(event(50, "done", "a", seconds=50.0))
    snapshot = view.snapshot(2000.0)
    assert (snapshot.state, snapshot.elapsed_s, snapshot.running, snapshot.left_s) == ("stopped", 9.5, (), None)


def test_shares_of_time_sum_to_one():
    # Two slots for 10 s are 20 s: 8 + 4 at work, 1 handing over, 2 failed, and one slot is idle for the last 5 s.
    snapshot = folded(
        planned(),
        event(0, "started", "a"),
        event(0, "started", "b"),
        event(4, "done", "b", seconds=4.0, memory_bytes=10),
        event(4, "started", "c", stage="score"),
        event(5, "failed", "c", stage="score", reason="no"),
        event(9, "done", "a", seconds=8.0, memory_bytes=20),
        event(9, "started", "d", stage="score"),
        event(10, "failed", "d", stage="score", reason="no"),
        event(10, "ended", state="failed", wall_s=10.0),
    ).snapshot()
    spent = time_spent(snapshot)
    assert [spent.busy, spent.idle, spent.lost, spent.overhead] == pytest.approx([0.6, 0.25, 0.1, 0.05])
    assert (spent.wall_s, spent.slots) == (10.0, 2.0)
    encode, score = spent.stages
    assert (encode.tasks, encode.core_s, encode.mean_s, encode.longest_s, encode.longest_task) == (2, 12, 6, 8, "a")
    assert (encode.share, encode.memory_bytes, score.tasks) == (1.0, 20, 0)
    # Of the moments 4 to 5 s, half is encode's and half is score's.
    assert (spent.bound, spent.bound_s) == ("encode", pytest.approx(8.5))


def test_workers_that_come_and_go_are_counted_while_they_are_there():
    view = folded(planned(), event(10, "workers", workers={"cpu": 4, "gpu": 1}), event(20, "workers", workers={}))
    assert view.snapshot().slot_s == pytest.approx(10 * 2 + 10 * 5)


def test_a_run_that_computed_nothing_has_no_times():
    found = event(1, "done", "a", seconds=1.0, found=True)
    assert time_spent(folded(planned(), found, event(2, "ended", state="finished", wall_s=2.0)).snapshot()) is None


def test_a_growing_file_is_read_on_from_where_it_was(tmp_path):
    path = tmp_path / "events.jsonl"
    events = EventFile(path)
    assert list(events.new()) == [], "not there yet"
    path.write_text("")
    assert (list(events.new()), last_event(path)) == ([], None)
    whole, half = json.dumps({"n": 1}) + "\n", json.dumps({"n": 2})
    path.write_text(whole + half[:4])
    assert list(events.new()) == [{"n": 1}]
    assert last_event(path) == {"n": 1}, "the last line is cut short"
    path.write_text(whole + half + "\n" + '{"n": 3, "cu\n' + "[4]\n" + json.dumps({"n": 5}) + "\n")
    assert list(events.new()) == [{"n": 2}, {"n": 5}]
    assert list(events.new()) == []
    assert last_event(path) == {"n": 5}
