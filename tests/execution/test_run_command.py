"""``rppgbench run`` from outside: Ctrl-C, requests to terminate, a full disk, two runs at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rppgbench.errors import RppgbenchError
from rppgbench.execution.execution_settings import ExecutionSettings
from rppgbench.store.store import Store
from rppgbench.text import parse_duration_s

HOW = {
    "workers": None, "gpus": None, "device": "cpu", "scheduler": None, "cluster_file": None, "task_limit": "1h",
    "memory_limit": None, "dashboard": False,
}  # fmt: skip


def start(protocol: Path, store: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rppgbench", "run", str(protocol), "--store", str(store)]
    command += ["--out", str(store.with_name("out")), "--workers", "2", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def events(store: Path) -> list[dict]:
    lines = [line for path in sorted(store.glob("runs/*/events.jsonl")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def wait_until_predicting(store: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not any(e["status"] == "started" and e["stage"] == "predict" for e in events(store)):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def no_process_left() -> Iterator[None]:
    """After the test none of its worker processes may be left."""
    yield
    left = psutil.Process().children(recursive=True)
    assert not [one for one in left if "execution.worker_process" in " ".join(one.cmdline())]


def test_ctrl_c_once_finishes_what_runs(misbehaving, tmp_path, no_process_left):
    store = tmp_path / "store"
    process = start(misbehaving("{method: sleep}", "{method: pos}"), store)
    wait_until_predicting(store, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "finishing the tasks that run" in stderr and "stopped; what is done is kept" in stderr
    started = {e["key"] for e in events(store) if e["status"] == "started"}
    done = {e["key"] for e in events(store) if e["status"] == "done"}
    assert started == done
    assert events(store)[-1]["state"] == "stopped"
    again = start(misbehaving("{method: sleep}", "{method: pos}"), store)
    again.communicate(timeout=120)
    assert again.returncode == 0
    twice = [e["task"] for e in events(store) if e["status"] == "done"]
    assert len(twice) == len(set(twice)), "nothing was computed twice"


@pytest.mark.parametrize(
    "signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]], ids=["ctrl-c twice", "terminate"]
)
def test_stopped_at_once(misbehaving, tmp_path, no_process_left, signals):
    store = tmp_path / "store"
    process = start(misbehaving("{method: hang}"), store)
    wait_until_predicting(store, process)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.5)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped; what is done is kept" in stderr
    assert events(store)[-1]["state"] == "stopped"
    assert not list((store / "tmp").iterdir())


def test_a_hang_is_ended_and_named(misbehaving, tmp_path, no_process_left):
    store = tmp_path / "store"
    process = start(misbehaving("{method: hang}", "{method: pos}"), store, "--task-limit", "10s")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "no task may take longer than 10 s" in stderr
    assert sum(e["status"] == "done" and e["stage"] == "score" for e in events(store)) == 2, "those of pos"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a small disk of its own needs root")
def test_a_full_disk_ends_the_run_and_more_room_goes_on(misbehaving, tmp_path, no_process_left):
    protocol, store = misbehaving("{method: pos}"), tmp_path / "store"
    store.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(store)]).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        process = start(protocol, store, "--disk-limit", "1GB")
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 2
        assert "the store cannot be written: No space left on device" in stderr
        assert not list((store / "tmp").iterdir())
        subprocess.run(["mount", "-o", "remount,size=100m", str(store)], check=True)
        again = start(protocol, store)
        _, stderr = again.communicate(timeout=120)
        assert again.returncode == 0, stderr
        assert not [key for key in Store.open(store).keys() if Store.open(store).damage(key)]  # noqa: SIM118
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)


def test_two_runs_share_the_work(misbehaving, tmp_path, no_process_left):
    store, protocol = tmp_path / "store", misbehaving("{method: sleep}", "{method: pos}", "{method: green}")
    both = [start(protocol, store), start(protocol, store)]
    for process in both:
        _, stderr = process.communicate(timeout=180)
        assert process.returncode == 0, stderr
    keys = [e["key"] for e in events(store) if e["status"] == "done" and not e.get("found")]
    assert set(keys) == set(Store.open(store).keys())


class TestOptions:
    def test_two_sources_of_workers_are_refused(self):
        with pytest.raises(RppgbenchError, match="both say whose workers"):
            ExecutionSettings(**HOW | {"scheduler": "tcp://x:1", "cluster_file": Path("x.yaml")})

    def test_local_workers_of_a_remote_scheduler_are_refused(self):
        with pytest.raises(RppgbenchError, match="--workers and --gpus are about this machine"):
            ExecutionSettings(**HOW | {"scheduler": "tcp://x:1", "workers": 3})

    @pytest.mark.parametrize("address", ["nonsense", "tcp://10.0.0.1", "tcp://a b:1", "10.0.0.1:"])
    def test_no_address(self, address):
        with pytest.raises(RppgbenchError, match="expected an address with a port"):
            ExecutionSettings(**HOW | {"scheduler": address})

    @pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tls://node:1", "host:8786", "tcp://[::1]:8786"])
    def test_addresses(self, address):
        assert ExecutionSettings(**HOW | {"scheduler": address}).elsewhere

    @pytest.mark.parametrize("text", ["soon", "", "-3s", "0"])
    def test_no_time(self, text):
        with pytest.raises(RppgbenchError, match="is no time"):
            ExecutionSettings(**HOW | {"task_limit": text})

    def test_times(self):
        assert [parse_duration_s(text) for text in ("90s", "30m", "12h", "1.5h")] == [90, 1800, 43200, 5400]
