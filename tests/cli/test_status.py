"""``rppgbench status``: the run that is selected, its state, and that the command changes nothing."""

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
def add_run(store):
    """A function that writes a run folder; ``silent_s`` is the age of its sign of life, None for none."""

    def added(name, *events, silent_s: float | None = 0.0):
        folder = store.root / "runs" / name
        folder.mkdir()
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        if silent_s is not None:
            path = folder / "alive"
            path.write_text(f"{time.time() - silent_s:.3f}\n")
            os.utime(path, (time.time() - silent_s,) * 2)
        return folder

    return added


def event(at_s, status, task=None, **more):
    of = {"stage": "encode", "task": task, "key": task} if task else {}
    return {"at": time.time() - 100 + at_s, **PLANNED, "status": status, **of, **more}


def some():
    return [event(0, "planned"), event(0, "started", "a"), event(9, "done", "a", seconds=8.0), event(9, "started", "b")]


def ended(state="finished"):
    tasks = {"done": 2, "found": 1, "failed": 5}
    return [*some(), event(20, "done", "b", seconds=9.0), event(20, "ended", state=state, wall_s=20.0, tasks=tasks)]


def status(store, *arguments):
    return CliRunner().invoke(cli, ["status", "--store", str(store.root), *arguments])


A, B, C = "smoke-20260101T000000Z-aaaaaa", "smoke_learned-20260102T000000Z-bbbbbb", "smoke-20260103T000000Z-cccccc"


def test_the_newest_living_run_is_selected_else_the_newest(store, add_run):
    add_run(A, *some())
    add_run(B, *some(), silent_s=2 * STALE_S)
    add_run(C, *ended())
    runs = runs_in(store)
    assert [run.name for run in runs] == [C, B, A]
    assert find_run(runs, store).name == A
    (store.root / "runs" / A / "alive").unlink()
    assert find_run(runs, store).name == C, "it has ended, however fresh its sign of life"


def test_a_name_is_that_of_a_protocol_or_the_beginning_of_a_runs(store, add_run):
    for name in (A, B, C):
        add_run(name, *ended())
    runs = runs_in(store)
    assert find_run(runs, store, "smoke").name == C, "the protocol, not what else begins so"
    assert find_run(runs, store, "smoke-20260101").name == A
    assert find_run(runs, store, "smoke_").name == B
    with pytest.raises(StoreError) as caught:
        find_run(runs, store, "smoke_lerned")
    assert "smoke_learned" in caught.value.hint


def test_states_of_runs(store, add_run):
    states = {}
    for name, (events, silent_s) in {
        "a-20260101T000000Z-1": (some(), 0.0),
        "b-20260101T000000Z-1": (some(), 2 * STALE_S),
        "c-20260101T000000Z-1": (some(), None),
        "d-20260101T000000Z-1": (ended("failed"), 2 * STALE_S),
    }.items():
        add_run(name, *events, silent_s=silent_s)
        states[name[0]] = json.loads(status(store, name[0], "--json").stdout)["state"]
    assert states == {"a": "running", "b": "died", "c": "unknown", "d": "failed"}


def test_a_running_one_shows_stages_tasks_and_the_others(store, add_run):
    add_run(A, *ended())
    add_run(B, *some(), silent_s=2 * STALE_S)
    add_run(C, *some())
    result = status(store)
    assert result.exit_code == 0
    output = result.stdout
    assert f"{C}: running" in output
    assert "on node1" in output
    assert "2/4 (1 cached)" in output
    assert "b  1:3" in output, "it runs for 91 s"
    assert "where time went" not in output
    others = output[output.index("other runs") :].splitlines()[1:]
    assert [line.split()[0] for line in others] == ["died", "finished"]
    assert others[0].endswith(f"{B}  1 done")
    assert others[1].endswith(f"{A}  3 done, 5 failed")


def test_a_dead_run_shows_no_time_left(store, add_run):
    add_run(A, *some(), silent_s=2 * STALE_S)
    output = status(store).stdout
    assert "no sign of life for 2:00; what is done is kept" in output.replace("\n", " ")
    assert "in flight then:\n  b  0:00" in output
    assert "left" not in output
    assert "/min" not in output
    assert "where time went" in output


def test_an_ended_run_shows_stage_times_and_failures(store, add_run):
    failed = event(15, "failed", "c", reason="no frame [0]")
    add_run(A, *ended("failed")[:-1], failed, ended("failed")[-1])
    output = status(store).stdout
    assert f"{A}: failed" in output
    assert "where time went" in output
    assert "encode bounds the run" in output
    assert "1 failed; last: c: no frame [0]" in output
    assert "in full in" in output
    assert "other runs" not in output


def test_the_status_as_json(store, add_run):
    add_run(A, *ended())
    add_run(B, *ended("stopped"))
    output = json.loads(status(store, A, "--json").stdout)
    assert (output["run"], output["state"], output["protocol"], output["elapsed_s"]) == (A, "finished", "smoke", 20.0)
    (encode,) = output["stages"]
    assert (encode["done"], encode["cached"], encode["total"], encode["ended"]) == (2, 1, 4, 3)
    assert output["where_time_went"]["stages"][0]["core_s"] == 17.0
    assert output["others"] == [{"run": B, "state": "stopped", "done": 3, "failed": 5}]


def test_following_ends_with_the_run_and_reads_on(store, add_run, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    folder = add_run(A, *some())
    waits = []

    def later(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            with (folder / "events.jsonl").open("a") as file:
                file.writelines(json.dumps(one) + "\n" for one in ended()[-2:])

    monkeypatch.setattr(module.time, "sleep", later)
    result = status(store, "--follow")
    assert result.exit_code == 0
    assert f"{A}: running" in result.stdout
    assert f"{A}: finished" in result.stdout
    assert "where time went" in result.stdout
    assert len(waits) == 2


def test_following_as_json_gives_an_object_a_line(store, add_run, monkeypatch):
    folder = add_run(A, *some())

    def later(seconds):
        with (folder / "events.jsonl").open("a") as file:
            file.writelines(json.dumps(one) + "\n" for one in ended()[-2:])

    monkeypatch.setattr(module.time, "sleep", later)
    output = [json.loads(line) for line in status(store, "--follow", "--json").stdout.splitlines()]
    assert [one["state"] for one in output] == ["running", "finished"]


def test_ctrl_c_leaves_the_run_running(store, add_run, monkeypatch):
    add_run(A, *some())

    def leaving(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.time, "sleep", leaving)
    result = status(store, "--follow")
    assert result.exit_code == 0
    assert "the run goes on" in result.stderr
    assert not [thread for thread in threading.enumerate() if thread.name == "alive"]


def test_times_are_by_the_clock_of_the_run(store, add_run):
    """A driver whose clock is an hour behind, seen from this host."""
    events = [{**one, "at": one["at"] - 3600} for one in some()]
    folder = add_run(A, *events)
    (folder / "alive").write_text(f"{time.time() - 3600:.3f}\n")
    watched = WatchedRun(RunFolder(folder), store)
    watched.refresh()
    liveness, snapshot = watched.look()
    assert liveness.state == "running"
    assert snapshot.elapsed_s == pytest.approx(100, abs=30)


def test_a_read_only_store_can_be_read(store, add_run, monkeypatch):
    add_run(A, *some(), silent_s=2 * STALE_S)

    def refused(self):
        raise StoreError("read-only")

    monkeypatch.setattr(Store, "now", refused)
    assert liveness_of(runs_in(store)[0], store).sure is False
    assert "no sign of life for 2:00 by this machine's clock" in status(store).stdout


def test_status_writes_nothing(store, add_run):
    add_run(A, *some())
    before = sorted(str(path) for path in store.root.rglob("*"))
    status(store)
    assert sorted(str(path) for path in store.root.rglob("*")) == before


@pytest.mark.parametrize("text", ["", "{", '{"status": "planned", "stages": 3}\n[]\nnull\n'])
def test_a_run_with_few_or_broken_events_is_shown(store, add_run, text):
    (add_run(A) / "events.jsonl").write_text(text)
    result = status(store)
    assert result.exit_code == 0
    assert f"{A}: running" in result.stdout


def test_no_store_no_run_and_an_unknown_run_are_errors(store, add_run, tmp_path):
    for arguments in (["--store", str(tmp_path / "nowhere")], ["--store", str(store.root)]):
        with pytest.raises(StoreError, match=r"no store here|no run was started"):
            CliRunner().invoke(cli, ["status", *arguments], catch_exceptions=False)
    add_run(A, *some())
    with pytest.raises(StoreError, match="no run is called 'obf'"):
        CliRunner().invoke(cli, ["status", "obf", "--store", str(store.root)], catch_exceptions=False)
    assert StoreError.exit_code == 2
