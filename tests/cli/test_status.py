"""``rppgbench status``: which run is meant, how it is, and that looking changes nothing."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest
from click.testing import CliRunner

from rppgbench.cli import status_command as module
from rppgbench.cli.main import cli
from rppgbench.errors import StoreError
from rppgbench.runs.run_folders import STALE_S, RunFolder, WatchedRun, find_run, liveness_of, runs_in
from rppgbench.store.store import Store

PLANNED = {
    "status": "planned",
    "stages": {"encode": {"tasks": 4, "cached": 1, "expected_s": 6.0}},
    "workers": {"cpu": 2},
    "host": "node1",
}


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture
def leave(store):
    """A function that leaves a run's folder; ``silent_s`` is how long it has shown no life, None if it never did."""

    def left(name, *events, silent_s: float | None = 0.0):
        folder = store.root / "runs" / name
        folder.mkdir()
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        if silent_s is not None:
            path = folder / "alive"
            path.write_text(f"{time.time() - silent_s:.3f}\n")
            os.utime(path, (time.time() - silent_s,) * 2)
        return folder

    return left


def event(at_s, status, task=None, **more):
    of = {"stage": "encode", "task": task, "key": task} if task else {}
    return {"at": time.time() - 100 + at_s, **PLANNED, "status": status, **of, **more}


def some():
    return [event(0, "planned"), event(0, "started", "a"), event(9, "done", "a", seconds=8.0), event(9, "started", "b")]


def ended(state="finished"):
    tasks = {"done": 2, "found": 1, "failed": 5}
    return [*some(), event(20, "done", "b", seconds=9.0), event(20, "ended", state=state, wall_s=20.0, tasks=tasks)]


def ask(store, *arguments):
    return CliRunner().invoke(cli, ["status", "--store", str(store.root), *arguments])


A, B, C = "smoke-20260101T000000Z-aaaaaa", "smoke_learned-20260102T000000Z-bbbbbb", "smoke-20260103T000000Z-cccccc"


def test_the_newest_run_that_lives_is_meant_else_the_newest(store, leave):
    leave(A, *some())
    leave(B, *some(), silent_s=2 * STALE_S)
    leave(C, *ended())
    runs = runs_in(store)
    assert [run.name for run in runs] == [C, B, A]
    assert find_run(runs, store).name == A
    (store.root / "runs" / A / "alive").unlink()
    assert find_run(runs, store).name == C, "an end was told, however fresh the sign of life"


def test_a_name_is_a_protocols_or_how_a_runs_begins(store, leave):
    for name in (A, B, C):
        leave(name, *ended())
    runs = runs_in(store)
    assert find_run(runs, store, "smoke").name == C, "the protocol, not what else begins so"
    assert find_run(runs, store, "smoke-20260101").name == A
    assert find_run(runs, store, "smoke_").name == B
    with pytest.raises(StoreError) as caught:
        find_run(runs, store, "smoke_lerned")
    assert "smoke_learned" in caught.value.hint


def test_a_run_tells_how_it_is(store, leave):
    states = {}
    for name, (events, silent_s) in {
        "a-20260101T000000Z-1": (some(), 0.0),
        "b-20260101T000000Z-1": (some(), 2 * STALE_S),
        "c-20260101T000000Z-1": (some(), None),
        "d-20260101T000000Z-1": (ended("failed"), 2 * STALE_S),
    }.items():
        leave(name, *events, silent_s=silent_s)
        states[name[0]] = json.loads(ask(store, name[0], "--json").stdout)["state"]
    assert states == {"a": "running", "b": "died", "c": "unknown", "d": "failed"}


def test_a_running_one_shows_stages_tasks_and_the_others(store, leave):
    leave(A, *ended())
    leave(B, *some(), silent_s=2 * STALE_S)
    leave(C, *some())
    asked = ask(store)
    assert asked.exit_code == 0
    told = asked.stdout
    assert f"{C}: running" in told
    assert "on node1" in told
    assert "2/4 (1 cached)" in told
    assert "b  1:3" in told, "it runs for 91 s"
    assert "where time went" not in told
    others = told[told.index("other runs") :].splitlines()[1:]
    assert [line.split()[0] for line in others] == ["died", "finished"]
    assert others[0].endswith(f"{B}  1 done")
    assert others[1].endswith(f"{A}  3 done, 5 failed")


def test_one_that_died_promises_nothing(store, leave):
    leave(A, *some(), silent_s=2 * STALE_S)
    told = ask(store).stdout
    assert "no sign of life for 2:00; what is done is kept" in told.replace("\n", " ")
    assert "in flight then:\n  b  0:00" in told
    assert "left" not in told
    assert "/min" not in told
    assert "where time went" in told


def test_one_that_ended_says_where_time_went_and_what_failed(store, leave):
    failed = event(15, "failed", "c", reason="no frame [0]")
    leave(A, *ended("failed")[:-1], failed, ended("failed")[-1])
    told = ask(store).stdout
    assert f"{A}: failed" in told
    assert "where time went" in told
    assert "encode bounds the run" in told
    assert "1 failed; last: c: no frame [0]" in told
    assert "in full in" in told
    assert "other runs" not in told


def test_all_of_it_as_json(store, leave):
    leave(A, *ended())
    leave(B, *ended("stopped"))
    told = json.loads(ask(store, A, "--json").stdout)
    assert (told["run"], told["state"], told["protocol"], told["elapsed_s"]) == (A, "finished", "smoke", 20.0)
    (encode,) = told["stages"]
    assert (encode["done"], encode["cached"], encode["total"], encode["ended"]) == (2, 1, 4, 3)
    assert told["where_time_went"]["stages"][0]["core_s"] == 17.0
    assert told["others"] == [{"run": B, "state": "stopped", "done": 3, "failed": 5}]


def test_following_ends_with_the_run_and_reads_on(store, leave, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    folder = leave(A, *some())
    waits = []

    def later(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            with (folder / "events.jsonl").open("a") as file:
                file.writelines(json.dumps(one) + "\n" for one in ended()[-2:])

    monkeypatch.setattr(module.time, "sleep", later)
    asked = ask(store, "--follow")
    assert asked.exit_code == 0
    assert f"{A}: running" in asked.stdout
    assert f"{A}: finished" in asked.stdout
    assert "where time went" in asked.stdout
    assert len(waits) == 2


def test_following_as_json_gives_an_object_a_line(store, leave, monkeypatch):
    folder = leave(A, *some())

    def later(seconds):
        with (folder / "events.jsonl").open("a") as file:
            file.writelines(json.dumps(one) + "\n" for one in ended()[-2:])

    monkeypatch.setattr(module.time, "sleep", later)
    told = [json.loads(line) for line in ask(store, "--follow", "--json").stdout.splitlines()]
    assert [one["state"] for one in told] == ["running", "finished"]


def test_whoever_leaves_leaves_the_run_alone(store, leave, monkeypatch):
    leave(A, *some())

    def leaving(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", leaving)
    asked = ask(store, "--follow")
    assert asked.exit_code == 0
    assert "the run goes on" in asked.stderr
    assert not [thread for thread in threading.enumerate() if thread.name == "alive"]


def test_the_clock_is_the_runs_own(store, leave):
    """A driver whose clock is an hour behind, looked at from here."""
    events = [{**one, "at": one["at"] - 3600} for one in some()]
    folder = leave(A, *events)
    (folder / "alive").write_text(f"{time.time() - 3600:.3f}\n")
    watched = WatchedRun(RunFolder(folder), store)
    watched.refresh()
    life, snapshot = watched.look()
    assert life.state == "running"
    assert snapshot.elapsed_s == pytest.approx(100, abs=30)


def test_a_store_that_is_only_read_is_read(store, leave, monkeypatch):
    leave(A, *some(), silent_s=2 * STALE_S)

    def refused(self):
        raise StoreError("read-only")

    monkeypatch.setattr(Store, "now", refused)
    assert liveness_of(runs_in(store)[0], store).sure is False
    assert "no sign of life for 2:00 by this machine's clock" in ask(store).stdout


def test_looking_leaves_nothing_behind(store, leave):
    leave(A, *some())
    before = sorted(str(path) for path in store.root.rglob("*"))
    ask(store)
    assert sorted(str(path) for path in store.root.rglob("*")) == before


@pytest.mark.parametrize("text", ["", "{", '{"status": "planned", "stages": 3}\n[]\nnull\n'])
def test_a_run_that_has_told_little_can_be_looked_at(store, leave, text):
    (leave(A) / "events.jsonl").write_text(text)
    asked = ask(store)
    assert asked.exit_code == 0
    assert f"{A}: running" in asked.stdout


def test_no_store_no_run_and_no_such_run_are_said(store, leave, tmp_path):
    for arguments in (["--store", str(tmp_path / "nowhere")], ["--store", str(store.root)]):
        with pytest.raises(StoreError, match=r"no store here|no run was started"):
            CliRunner().invoke(cli, ["status", *arguments], catch_exceptions=False)
    leave(A, *some())
    with pytest.raises(StoreError, match="no run is called 'obf'"):
        CliRunner().invoke(cli, ["status", "obf", "--store", str(store.root)], catch_exceptions=False)
    assert StoreError.exit_code == 2
