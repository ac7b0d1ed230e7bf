"""The kind of device that networks are planned for, before any task runs: it is in their keys."""

from __future__ import annotations

import time

import pytest

from rppgbench.errors import ExecutorLost, TrainingFailed
from rppgbench.execution.cluster import scheduler_has_gpus
from rppgbench.execution.execution_settings import ExecutionSettings
from rppgbench.learning import device_kind as module
from rppgbench.learning.device_kind import device_kind
from rppgbench.pipeline.open_plan import open_plan
from tests.execution.test_cluster import scheduler, worker  # noqa: F401 - a fixture

CLUSTER = "system: slurm\ncpu: {jobs: 1, cores: 1, memory: 1GB, walltime: '01:00:00'}\n"


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "auto"), ({"gpus": "none"}, "cpu"), ({"device": "cuda:1"}, "cuda:1"), ({"device": "cpu"}, "cpu")],
)
def test_it_is_that_asked_for_else_that_of_this_machine(settings, name):
    assert ExecutionSettings(**settings).network_device() == name


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    for found, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(module, "_has_cuda", lambda found=found: found)
        assert device_kind("auto") == kind
    assert (device_kind("cuda:1"), device_kind("cpu")) == ("cuda", "cpu")


def test_an_unknown_device_is_refused_before_anything_is_planned():
    with pytest.raises(TrainingFailed, match="cdua") as refusal:
        device_kind("cdua")
    assert refusal.value.hint == "did you mean 'cuda'?"


@pytest.mark.parametrize(("gpu", "kind"), [("", "cpu"), (CLUSTER.splitlines()[1].replace("cpu", "gpu"), "cuda")])
def test_it_is_that_of_the_jobs_of_a_cluster(tmp_path, gpu, kind):
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER + gpu + "\n")
    assert ExecutionSettings(cluster_file=path).network_device() == kind


def test_it_is_that_of_the_workers_of_a_scheduler(scheduler):  # noqa: F811
    _, address = scheduler
    assert ExecutionSettings(scheduler=address).network_device() == "cpu"
    with worker(address, "--resources", "GPU=1"):
        until = time.monotonic() + 30
        while not scheduler_has_gpus(address) and time.monotonic() < until:
            time.sleep(0.2)
        assert ExecutionSettings(scheduler=address).network_device() == "cuda"


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("rppgbench.execution.cluster._CONNECT_WITHIN_S", 1)
    with pytest.raises(ExecutorLost, match=r"--scheduler tcp://127\.0\.0\.1:1: nothing answers there"):
        scheduler_has_gpus("tcp://127.0.0.1:1")


def test_only_a_protocol_that_trains_asks(tmp_path, monkeypatch):
    def refuse():
        raise AssertionError("asked for the device")

    open_plan("smoke", store=tmp_path / "store", device=refuse)
    plan = open_plan("smoke_learned", store=tmp_path / "store", device=lambda: "cuda:0").plan
    assert {task.device for task in plan.tasks.values()} == {None, "cuda"}
