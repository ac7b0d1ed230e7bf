"""Live progress of a run: bars on a terminal and lines in a pipe, from the same run state."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from rppgbench.cli.time_display import print_time
from rppgbench.pipeline.stage_progress import PROGRESS
from rppgbench.pipeline.task_result import RunNotice, TaskEnded, TaskFailure, TaskStarted, WorkersChanged
from rppgbench.runs.progress import LiveReporter, ObserverGroup, PlainReporter, reporter
from rppgbench.runs.run_display import render_run
from rppgbench.runs.run_state import RunState
from rppgbench.store.store import Store
from tests.stand_in_tasks import stand_in


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def planned(**counts):
    stages = {name: {"tasks": n, "cached": cached, "expected_s": 10.0} for name, (n, cached) in counts.items()}
    return {"at": 100.0, "status": "planned", "stages": stages, "workers": {"cpu": 2}}


def event(at_s, status, task="t", stage="encode", **more):
    return {"at": 100.0 + at_s, "status": status, "stage": stage, "task": task, "key": f"{task}", **more}


def displayed(view, store, now_s=None, width=160):
    console = Console(file=io.StringIO(), width=width)
    console.print(render_run(view.snapshot(now_s), store))
    return console.file.getvalue()


def fed(*events):
    view = RunState()
    for one in events:
        view.feed(one)
    return view


def test_a_line_a_stage_with_rate_and_time_left(store):
    view = fed(planned(encode=(10, 2), score=(3, 0), truth=(5, 5)), event(0, "started", "a"))
    for n in range(4):
        view.feed(event(n + 1, "done", f"t{n}", seconds=1.0))
    output = displayed(view, store)
    (line,) = [line for line in output.splitlines() if line.startswith("encode")]
    assert "6/10 (2 cached)  60/min  0:04 left" in line
    (line,) = [line for line in output.splitlines() if line.startswith("score")]
    assert "0/3" in line
    assert "min" not in line, "it has not begun"
    assert "all cached: truth" in output
    assert "0:04 elapsed, about 0:" in output
    assert "2 cpu workers" in output


def test_tasks_that_run_longest_come_first_and_not_all_of_them(store):
    view = fed(planned(encode=(20, 0)), *(event(n, "started", f"task{n}") for n in range(12)))
    output = [line.strip() for line in displayed(view, store, 172.0).splitlines()]
    assert "task0  1:12" in output
    assert "task7  1:05" in output
    assert "... and 4 more" in output
    assert not any(line.startswith("task8") for line in output)


def test_a_fit_shows_its_step(store):
    view = fed(planned(fit=(1, 0)), event(0, "started", "net fold 1", stage="fit"))
    assert "net fold 1  0:05\n" in displayed(view, store, 105.0)
    where = {"step": 3, "steps": 8, "loss": 0.25, "left_s": 90.0}
    (store.scratch("net fold 1") / PROGRESS).write_text(json.dumps(where))
    assert "net fold 1  0:05, step 3/8, loss 0.25, 1:30 left" in displayed(view, store, 105.0)


def test_failures_leader_and_resources_are_shown(store):
    view = fed(
        {**planned(encode=(9, 0)), "dashboard": "http://127.0.0.1:8787/status"},
        event(1, "failed", "a", reason="no"),
        event(1, "failed", "b", reason="no"),
        event(1, "blocked", "c", stage="score", reason="no"),
        event(2, "done", "d", seconds=1.0, memory_bytes=1.2e9),
        event(3, "evicted", "d", bytes=3.4e9),
        {"at": 104, "status": "best", "entry": "pos [x]", "hr_mae_bpm": 2.3049, "n_windows": 7, "conditions": 1},
        {"at": 105, "status": "waiting", "reason": "no worker is there"},
    )
    output = displayed(view, store)
    for expected in (
        "2 failed, 1 blocked; last: a: no (and 1 more encode tasks)",
        "best so far: pos [x], HR MAE 2.30 bpm over 7 windows of 1 condition",
        "up to 1.2 GB of memory a task; 3.4 GB of disk freed; dashboard http://127.0.0.1:8787/status",
        "waiting: no worker is there",
    ):
        assert expected in output


def test_bars_are_drawn_on_a_terminal_and_lines_in_a_pipe(store):
    view = fed(planned(encode=(2, 0)))
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    with reporter(terminal, view, store) as on_terminal:
        assert isinstance(on_terminal, LiveReporter)
        view.feed(event(1, "retried", "a", reason="its worker died"))
        on_terminal.event(RunNotice("retried", "its worker died"))
    assert "encode" in terminal.file.getvalue()
    assert terminal.file.getvalue().count("retried: a: its worker died") == 1
    assert isinstance(reporter(Console(file=io.StringIO()), view, store), PlainReporter)


def test_failures_and_notices_are_printed_at_once_and_counts_at_intervals(store):
    view, console = fed(planned(encode=(20, 2))), Console(file=io.StringIO(), width=40)
    task = stand_in("encode", "a")
    with PlainReporter(console, view, store, lambda: 130.0) as lines:
        lines.refresh()
        for n in range(3):
            view.feed(event(n, "failed", f"t{n}", reason="broken"))
            lines.event(TaskEnded(task, TaskFailure(task, "broken")))
        view.feed(event(4, "remade", "d", reason="damaged"))
        lines.event(RunNotice("remade", "damaged", task))
        view.feed(event(5, "evicted", "d", reason="", bytes=7))
        lines.event(RunNotice("evicted", "", task))
    output = console.file.getvalue().splitlines()
    assert output[0].startswith("encode 2/20  (0:30 elapsed, about 0:")
    assert output[1:3] == ["failed: t0: broken", "remade: d: damaged"]
    assert output[3].startswith("encode 4/20  (0:30 elapsed")
    assert len(output) == 4


def test_no_line_is_printed_for_a_run_with_nothing_to_do(store):
    console = Console(file=io.StringIO())
    with PlainReporter(console, fed(planned(encode=(2, 2))), store):
        pass
    assert console.file.getvalue() == ""


def test_lines_show_the_steps_of_fits(store):
    view, console = fed(planned(fit=(1, 0)), event(0, "started", "net", stage="fit")), Console(file=io.StringIO())
    with PlainReporter(console, view, store, lambda: 160.0) as lines:
        lines._next_fits_s = 0.0
        lines.refresh()
    assert "  net  1:00" in console.file.getvalue().splitlines()


def test_several_observers_receive_the_same_events_in_their_order():
    received = []

    class Recorder:
        def __init__(self, name):
            self.name = name

        def event(self, event):
            received.append((self.name, event))

    events = [TaskStarted(stand_in("encode", "a")), RunNotice("waiting", "for Godot"), WorkersChanged({"cpu": 1})]
    both = ObserverGroup(Recorder(1), Recorder(2))
    for each in events:
        both.event(each)
    assert received == [(n, each) for each in events for n in (1, 2)]


def test_stage_times_fit_on_a_screen():
    view = fed(
        planned(encode=(1, 0), score=(1, 0)),
        event(0, "started", "dear [x]"),
        event(90, "done", "dear [x]", seconds=90.0, memory_bytes=2e9),
        event(90, "started", "cheap", stage="score"),
        event(100, "done", "cheap", stage="score", seconds=10.0),
        {"at": 200.0, "status": "ended", "state": "finished", "wall_s": 100.0},
    )
    console = Console(file=io.StringIO(), width=120)
    print_time(console, view.snapshot())
    header, encode, score, busy = console.file.getvalue().splitlines()
    assert header.split() == ["where", "time", "went", "tasks", "core", "time", "share", "mean", "longest", "memory"]
    assert encode.split() == ["encode", "1", "1:30", "90", "%", "1:30", "1:30", "2.0", "GB", "dear", "[x]"]
    assert score.split() == ["score", "1", "10", "s", "10", "%", "10", "s", "10", "s", "-", "cheap"]
    assert busy == (
        "1:40 of wall time, 2 workers: 50 % at work, 50 % with no task ready; encode bounds the run (1:30 of it)"
    )


def test_a_run_with_nothing_to_do_prints_no_times():
    console = Console(file=io.StringIO())
    print_time(console, fed(planned(encode=(2, 2))).snapshot())
    assert console.file.getvalue() == ""
