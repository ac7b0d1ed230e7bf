"""What a run leaves behind, and that a disk without room for it stops nothing."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from rppgbench.errors import StoreError
from rppgbench.pipeline.task_result import RunNotice, TaskDone, TaskFailure
from rppgbench.runs.event_log import EventLog
from rppgbench.runs.events import EventFile
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import InterimBest
from tests.stand_in_tasks import stand_in


def task(label, stage="encode"):
    return stand_in(stage, label)


@pytest.fixture
def journal(store, protocol):
    made = EventLog(store, protocol(), {"workers": 2})
    yield made
    made.close("crashed")


def events(journal):
    return [json.loads(line) for line in (journal.folder / "events.jsonl").read_text().splitlines()]


def test_a_run_is_told_from_its_plan_to_its_end(journal):
    done, to_do, read = task("a"), task("b"), task("c", "score")
    expected_s = {to_do.key: 2.0, read.key: 0.5}
    journal.planned([done, to_do, read], expected_s, workers={"cpu": 2}, disk_bytes=7e9)
    journal.started(to_do)
    journal.noted(RunNotice("retried", "its worker died", to_do))
    journal.started(to_do)
    journal.ended(to_do, TaskDone(1.23456, "node1", 99))
    journal.noted(RunNotice("evicted", "", to_do, bytes=5))
    journal.noted(RunNotice("waiting", "no worker is there"))
    journal.workers({"cpu": 1, "gpu": 1})
    journal.best(InterimBest("pos", 1.5, 12, 3))
    journal.ended(read, TaskDone(0.1, found=True))
    journal.close("finished")
    told = events(journal)
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text()
    names = {name for event in told for name in (*event, event["status"])}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == [], "each is documented"
    assert [event["status"] for event in told] == [
        "planned", "started", "retried", "started", "done", "evicted", "waiting", "workers", "best", "done", "ended",
    ]  # fmt: skip
    of = {"stage": "encode", "task": "b", "key": to_do.key}
    for event in told:
        event.pop("at")
    assert told[0] == {
        "status": "planned",
        "stages": {
            "encode": {"tasks": 2, "cached": 1, "expected_s": 2.0},
            "score": {"tasks": 1, "cached": 0, "expected_s": 0.5},
        },
        "workers": {"cpu": 2},
        "dashboard": None,
        "disk_bytes": 7e9,
        "host": told[0]["host"],
        "pid": os.getpid(),
    }
    assert told[1] == {"status": "started", "expected_s": 2.0, **of}
    assert told[2] == {"status": "retried", "reason": "its worker died", **of}
    assert told[4] == {"status": "done", "seconds": 1.2346, "host": "node1", "memory_bytes": 99, **of}
    assert told[5] == {"status": "evicted", "reason": "", "bytes": 5, **of}
    assert told[6] == {"status": "waiting", "reason": "no worker is there"}
    assert told[7] == {"status": "workers", "workers": {"cpu": 1, "gpu": 1}}
    assert told[8] == {"status": "best", "entry": "pos", "hr_mae_bpm": 1.5, "n_windows": 12, "conditions": 3}
    assert told[9]["found"] is True
    assert told[10]["state"] == "finished"
    assert told[10]["tasks"] == {"done": 1, "found": 1}


def test_whoever_reads_the_file_sees_what_the_run_sees(journal):
    journal.planned([task("a"), task("b")], {task("a").key: 1.0, task("b").key: 1.0}, workers={"cpu": 1})
    journal.started(task("a"))
    journal.ended(task("a"), TaskFailure(task("a"), "no"))
    journal.started(task("b"))
    view = RunState()
    for event in EventFile(journal.folder / "events.jsonl").new():
        view.feed(event)
    assert view.snapshot() == journal.view.snapshot()
    assert view.snapshot().count("failed") == 1


def test_a_failure_is_kept_in_full_and_what_it_blocked_is_not(journal):
    failed, blocked = task("encode s1 x264", "encode"), task("s1", "score")
    failure = TaskFailure(failed, "no frame", "look at it", "Traceback ...", frame_png=b"png")
    journal.ended(failed, failure)
    journal.ended(blocked, TaskFailure(blocked, "no frame", cause=failed))
    (text, frame) = sorted((journal.folder / "failures").iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (text, frame) == (journal.failure_file(failure), journal.failure_frame(failure))
    for expected in ("no frame", "look at it", "Traceback ...", '"label": "encode s1 x264"'):
        assert expected in text.read_text()
    assert [event["status"] for event in events(journal)] == ["failed", "blocked"]


def test_the_run_says_who_runs_it_and_that_it_lives(journal):
    told = json.loads((journal.folder / "run.json").read_text())
    assert (told["protocol"], told["pid"], told["settings"]) == ("smoke", os.getpid(), {"workers": 2})
    assert float((journal.folder / "alive").read_text()) > 1e9


def test_only_the_first_end_counts_and_nothing_comes_after_it(journal):
    journal.close("stopped")
    journal.close("crashed")
    journal.started(task("late"))
    assert [event.get("state") for event in events(journal)] == ["stopped"]


def test_the_thread_that_shows_life_ends_with_the_run(journal):
    def beating():
        return [thread for thread in threading.enumerate() if thread.name == "alive"]

    assert beating()
    journal.close("finished")
    for thread in beating():
        thread.join(10)
    assert not beating()


def test_a_full_disk_is_told_once_and_stops_nothing(journal, monkeypatch, capsys):
    real, full, written = os.write, [True], []

    def cramped(file, data):
        """Room for a part of the first line, and then for nothing until the disk is full no more."""
        if full[0] and written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(data)
        return real(file, data[:20] if full[0] else data)

    monkeypatch.setattr(os, "write", cramped)
    journal.started(task("lost"))
    journal.started(task("lost too"))
    full[0] = False
    journal.started(task("kept"))
    monkeypatch.undo()
    assert capsys.readouterr().err.count("No space left") == 1
    found = list(EventFile(journal.folder / "events.jsonl").new())
    assert [event["task"] for event in found] == ["kept"], "the torn line spoils no other"
    assert journal.view.snapshot().count("running") == 3, "what runs here is seen here all the same"


def test_a_failure_that_cannot_be_kept_stops_nothing(journal, capsys):
    (journal.folder / "failures").write_text("no folder")
    journal.ended(task("a"), TaskFailure(task("a"), "no"))
    assert "cannot be written" in capsys.readouterr().err
    assert [event["status"] for event in events(journal)] == ["failed"]


def test_a_run_that_cannot_leave_anything_does_not_start(store, protocol):
    (store.root / "runs").rmdir()
    (store.root / "runs").write_text("no folder")
    with pytest.raises(StoreError, match="runs"):
        EventLog(store, protocol(), {})
