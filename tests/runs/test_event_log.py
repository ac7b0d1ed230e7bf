"""The event log of a run; a disk without room for it ends no run."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from rppgbench.errors import StoreError
from rppgbench.pipeline.task_result import RunNotice, TaskDone, TaskEnded, TaskFailure, TaskStarted, WorkersChanged
from rppgbench.runs.event_log import EventLog
from rppgbench.runs.events import EventFile
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import InterimBest
from tests.stand_in_tasks import stand_in


def task(label, stage="encode"):
    return stand_in(stage, label)


@pytest.fixture
def log(store, protocol):
    made = EventLog(store, protocol(), {"workers": 2})
    yield made
    made.close("crashed")


def events(log):
    return [json.loads(line) for line in (log.folder / "events.jsonl").read_text().splitlines()]


def test_events_of_a_run_from_its_plan_to_its_end(log):
    done, to_do, read = task("a"), task("b"), task("c", "score")
    expected_s = {to_do.key: 2.0, read.key: 0.5}
    log.planned([done, to_do, read], expected_s, workers={"cpu": 2}, disk_bytes=7e9)
    log.event(TaskStarted(to_do))
    log.event(RunNotice("retried", "its worker died", to_do))
    log.event(TaskStarted(to_do))
    log.event(TaskEnded(to_do, TaskDone(1.23456, "node1", 99)))
    log.event(RunNotice("evicted", "", to_do, bytes=5))
    log.event(RunNotice("waiting", "no worker is there"))
    log.event(WorkersChanged({"cpu": 1, "gpu": 1}))
    log.best(InterimBest("pos", 1.5, 12, 3))
    log.event(TaskEnded(read, TaskDone(0.1, found=True)))
    log.close("finished")
    written = events(log)
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text()
    names = {name for event in written for name in (*event, event["status"])}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == [], "each is documented"
    assert [event["status"] for event in written] == [
        "planned", "started", "retried", "started", "done", "evicted", "waiting", "workers", "best", "done", "ended",
    ]  # fmt: skip
    of = {"stage": "encode", "task": "b", "key": to_do.key}
    for event in written:
        event.pop("at")
    assert written[0] == {
        "status": "planned",
        "stages": {
            "encode": {"tasks": 2, "cached": 1, "expected_s": 2.0},
            "score": {"tasks": 1, "cached": 0, "expected_s": 0.5},
        },
        "workers": {"cpu": 2},
        "dashboard": None,
        "disk_bytes": 7e9,
        "host": written[0]["host"],
        "pid": os.getpid(),
    }
    assert written[1] == {"status": "started", "expected_s": 2.0, **of}
    assert written[2] == {"status": "retried", "reason": "its worker died", **of}
    assert written[4] == {"status": "done", "seconds": 1.2346, "host": "node1", "memory_bytes": 99, **of}
    assert written[5] == {"status": "evicted", "reason": "", "bytes": 5, **of}
    assert written[6] == {"status": "waiting", "reason": "no worker is there"}
    assert written[7] == {"status": "workers", "workers": {"cpu": 1, "gpu": 1}}
    assert written[8] == {"status": "best", "entry": "pos", "hr_mae_bpm": 1.5, "n_windows": 12, "conditions": 3}
    assert written[9]["found"] is True
    assert written[10]["state"] == "finished"
    assert written[10]["tasks"] == {"done": 1, "found": 1}


def test_the_state_read_from_the_file_is_that_of_the_run(log):
    log.planned([task("a"), task("b")], {task("a").key: 1.0, task("b").key: 1.0}, workers={"cpu": 1})
    log.event(TaskStarted(task("a")))
    log.event(TaskEnded(task("a"), TaskFailure(task("a"), "no")))
    log.event(TaskStarted(task("b")))
    view = RunState()
    for event in EventFile(log.folder / "events.jsonl").new():
        view.feed(event)
    assert view.snapshot() == log.view.snapshot()
    assert view.snapshot().count("failed") == 1


def test_a_failure_is_written_in_full_and_blocked_tasks_are_not(log):
    failed, blocked = task("encode s1 x264", "encode"), task("s1", "score")
    failure = TaskFailure(failed, "no frame", "look at it", "Traceback ...", frame_png=b"png")
    log.event(TaskEnded(failed, failure))
    log.event(TaskEnded(blocked, TaskFailure(blocked, "no frame", cause=failed)))
    (text, frame) = sorted((log.folder / "failures").iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (text, frame) == (log.failure_file(failure), log.failure_frame(failure))
    for expected in ("no frame", "look at it", "Traceback ...", '"label": "encode s1 x264"'):
        assert expected in text.read_text()
    assert [event["status"] for event in events(log)] == ["failed", "blocked"]


def test_run_json_names_the_process_and_alive_holds_the_time(log):
    described = json.loads((log.folder / "run.json").read_text())
    assert (described["protocol"], described["pid"], described["settings"]) == ("smoke", os.getpid(), {"workers": 2})
    assert float((log.folder / "alive").read_text()) > 1e9


def test_only_the_first_final_state_counts_and_no_event_follows_it(log):
    log.close("stopped")
    log.close("crashed")
    log.event(TaskStarted(task("late")))
    assert [event.get("state") for event in events(log)] == ["stopped"]


def test_the_thread_that_touches_alive_ends_with_the_run(log):
    def beating():
        return [thread for thread in threading.enumerate() if thread.name == "alive"]

    assert beating()
    log.close("finished")
    for thread in beating():
        thread.join(10)
    assert not beating()


def test_a_full_disk_is_reported_once_and_ends_no_run(log, monkeypatch, capsys):
    real, full, written = os.write, [True], []

    def cramped(file, data):
        """Room for a part of the first line, and then for nothing until the disk is full no more."""
        if full[0] and written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(data)
        return real(file, data[:20] if full[0] else data)

    monkeypatch.setattr(os, "write", cramped)
    log.event(TaskStarted(task("lost")))
    log.event(TaskStarted(task("lost too")))
    full[0] = False
    log.event(TaskStarted(task("kept")))
    monkeypatch.undo()
    assert capsys.readouterr().err.count("No space left") == 1
    found = list(EventFile(log.folder / "events.jsonl").new())
    assert [event["task"] for event in found] == ["kept"], "the torn line spoils no other"
    assert log.view.snapshot().count("running") == 3, "the state in memory is complete"


def test_a_failure_that_cannot_be_written_ends_no_run(log, capsys):
    (log.folder / "failures").write_text("no folder")
    log.event(TaskEnded(task("a"), TaskFailure(task("a"), "no")))
    assert "cannot be written" in capsys.readouterr().err
    assert [event["status"] for event in events(log)] == ["failed"]


def test_a_run_without_a_writable_folder_does_not_start(store, protocol):
    (store.root / "runs").rmdir()
    (store.root / "runs").write_text("no folder")
    with pytest.raises(StoreError, match="runs"):
        EventLog(store, protocol(), {})
