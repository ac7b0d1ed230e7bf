"""Workers of a batch queue: the jobs of a cluster file, on queues whose commands are stand-ins."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import distributed
import pytest

from rppgbench.errors import ProtocolError, RppgbenchError
from rppgbench.execution.batch_queue import open_cluster
from rppgbench.execution.cluster_config import ClusterConfig, ClusterError, Jobs, Scheduler, walltime_s

pytest.importorskip("dask_jobqueue")

COMMANDS = {"slurm": ("sbatch", "scancel"), "pbs": ("qsub", "qdel"), "lsf": ("bsub", "bkill")}

FILE = """\
system: slurm
scheduler: {interface: lo}
cpu: {jobs: 2, cores: 3, memory: 500MiB, walltime: "01:30:00"}
gpu: {jobs: 1, cores: 2, memory: 1GiB, walltime: "1-02:00:00"}
"""
ONE = "\n".join(FILE.splitlines()[:3]).replace("jobs: 2", "jobs: 1") + "\n"


class Queue:
    """The files that the stand-ins write into their folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def jobs(self) -> dict[str, str]:
        """Scripts by job id."""
        return {path.stem: path.read_text() for path in self.folder.glob("*.job")}

    def job(self, worker: str) -> str:
        """The only script that starts this worker."""
        (script,) = (script for script in self.jobs().values() if f"--name {worker} " in script)
        return script

    def pids(self) -> list[int]:
        return [int(path.read_text()) for path in self.folder.glob("*.pid")]

    def cancelled(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*.cancelled")}


@pytest.fixture
def queue(tmp_path, monkeypatch) -> Iterator[Queue]:
    commands, folder = tmp_path / "bin", tmp_path / "queue"
    commands.mkdir()
    folder.mkdir()
    for submit, cancel in COMMANDS.values():
        for role, name in (("submit", submit), ("cancel", cancel)):
            shutil.copy(Path(__file__).parent / "queues" / role, commands / name)
            (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=os.pathsep)
    monkeypatch.setenv("QUEUE", str(folder))
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    yield Queue(folder)
    for pid in Queue(folder).pids():
        if alive(pid):
            os.killpg(pid, signal.SIGKILL)


@pytest.fixture
def opened(tmp_path, queue):
    """A function from a cluster file's text to its cluster, and a client of it."""
    ends: list[Callable[[], None]] = []

    def opening(text: str):
        path = tmp_path / "cluster.yaml"
        path.write_text(text)
        cluster = open_cluster(path)
        ends.append(cluster.close)
        client = distributed.Client(cluster)
        ends.append(client.close)
        return cluster, client

    yield opening
    for end in reversed(ends):
        end()


@pytest.fixture
def impatient(monkeypatch):
    """Jobs are lost, and submitted again, at once."""
    from rppgbench.execution.batch_cluster import BatchCluster

    monkeypatch.setattr(BatchCluster, "lost_after_s", 0.2)
    monkeypatch.setattr(BatchCluster, "look_every_s", 0.2)


def alive(pid: int) -> bool:
    """Whether any process of the job is left."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def name_of_worker() -> str:
    return str(distributed.get_worker().name)


@pytest.mark.full
@pytest.mark.parametrize("system", COMMANDS)
def test_both_kinds_of_workers_come_and_end(system, opened, queue):
    cluster, client = opened(FILE.replace("slurm", system))
    client.wait_for_workers(3, timeout=120)

    workers = {worker["name"]: worker for worker in client.scheduler_info(n_workers=-1)["workers"].values()}
    assert {name: worker["resources"] for name, worker in workers.items()} == {
        "cpu-0": {"CPU": 3},
        "cpu-1": {"CPU": 3},
        "gpu-0": {"GPU": 1},
    }
    assert {name: worker["nthreads"] for name, worker in workers.items()} == {"cpu-0": 3, "cpu-1": 3, "gpu-0": 1}
    assert {worker["memory_limit"] for worker in workers.values()} <= {0, None}
    assert all(worker["nanny"] for worker in workers.values())

    on_gpu = client.submit(name_of_worker, resources={"GPU": 1}, pure=False)
    on_cpu = [client.submit(name_of_worker, resources={"CPU": 3}, pure=False) for _ in range(4)]
    assert on_gpu.result() == "gpu-0"
    assert {future.result() for future in on_cpu} <= {"cpu-0", "cpu-1"}

    counts = cluster.counts()
    assert [(counts[kind].wanted, counts[kind].submitted, counts[kind].working) for kind in ("cpu", "gpu")] == [
        (2, 2, 2),
        (1, 1, 1),
    ]

    client.close()
    cluster.close()
    assert queue.cancelled() == set(queue.jobs())
    wait_until(lambda: not any(alive(pid) for pid in queue.pids()))


@pytest.mark.parametrize(
    ("system", "lines"),
    [
        (
            "slurm",
            [
                "#SBATCH -p long",
                "#SBATCH -A heart",
                "#SBATCH --cpus-per-task=3",
                "#SBATCH -t 26:00:30",
                "#SBATCH --x=1",
            ],
        ),
        (
            "pbs",
            ["#PBS -q long", "#PBS -A heart", "#PBS -l select=1:ncpus=3:mem=500MB", "#PBS -l walltime=26:00:30"],
        ),
        ("lsf", ["#BSUB -q long", '#BSUB -P "heart"', "#BSUB -n 3", "#BSUB -W 26:00", "#BSUB --x=1"]),
    ],
)
def test_directives_of_the_job_script(system, lines, opened, queue, tmp_path):
    place, payer = {"slurm": ("partition", "account"), "pbs": ("queue", "account"), "lsf": ("queue", "project")}[system]
    (queue.folder / "held").touch()
    opened(f"""\
system: {system}
scheduler: {{interface: lo}}
logs: {tmp_path / "logs"}
cpu:
  jobs: 1
  cores: 3
  memory: 500MiB
  walltime: "1-02:00:30"
  {place}: long
  {payer}: heart
  directives: ["--x=1"]
  prologue: ["module load ffmpeg", "cd /scratch"]
  python: /shared/venv/bin/python
  options: {{death_timeout: 7, worker_extra_args: ["--worker-port", "9000:9100"]}}
""")
    script = queue.job("cpu-0").splitlines()
    assert set(lines) <= set(script)
    assert script.index("module load ffmpeg") < script.index("cd /scratch") < len(script) - 1
    command = next(line for line in script if line.startswith("/shared/venv/bin/python -m distributed.cli.dask_worker"))
    assert "--lifetime 93330s --lifetime-stagger 150s" in command  # five minutes before its walltime, give or take half
    assert "--death-timeout 7" in command
    assert command.endswith("--worker-port 9000:9100 --interface lo --protocol tcp://")
    assert (tmp_path / "logs").is_dir()


@pytest.mark.full
@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make certificates with")
def test_workers_come_over_tls(opened, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=rppgbench",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True,
    )  # fmt: skip
    own = {"cert": str(certificate), "key": str(key)}
    tls = {"ca-file": str(certificate), **dict.fromkeys(("scheduler", "worker", "client"), own)}
    with dask.config.set({"distributed.comm.tls": {**dask.config.get("distributed.comm.tls"), **tls}}):
        _, client = opened(ONE.replace("interface: lo", "interface: lo, protocol: tls"))
    client.wait_for_workers(1, timeout=120)
    assert client.scheduler.address.startswith("tls://")
    assert client.submit(lambda: distributed.get_worker().address).result().startswith("tls://")


def test_jobs_that_wait_in_the_queue_are_counted(opened, queue):
    (queue.folder / "held").touch()
    cluster, client = opened(FILE)
    counts = cluster.counts()
    assert (counts["cpu"].wanted, counts["cpu"].submitted, counts["cpu"].working) == (2, 2, 0)
    assert (counts["gpu"].wanted, counts["gpu"].submitted, counts["gpu"].working) == (1, 1, 0)
    client.close()
    cluster.close()
    assert queue.cancelled() == set(queue.jobs())  # or they would start when they are not needed any more


@pytest.mark.slow
def test_a_job_that_is_killed_is_submitted_again(opened, queue, impatient):
    cluster, client = opened(ONE)
    client.wait_for_workers(1, timeout=120)
    (first,) = queue.jobs()
    os.killpg(queue.pids()[0], signal.SIGKILL)
    wait_until(lambda: len(queue.jobs()) == 2)
    wait_until(lambda: cluster.counts()["cpu"].working == 1)
    assert first in queue.cancelled()  # whose processes may be all that is gone
    assert client.submit(name_of_worker, resources={"CPU": 1}).result() == "cpu-0"


@pytest.mark.slow
def test_a_job_is_submitted_again_when_the_batch_system_takes_jobs_again(opened, queue, impatient):
    cluster, client = opened(ONE.replace("jobs: 1", "jobs: 1, resubmit: 1"))
    client.wait_for_workers(1, timeout=120)
    (queue.folder / "full").touch()
    os.killpg(queue.pids()[0], signal.SIGKILL)
    refused = queue.folder / "refused"
    wait_until(lambda: refused.exists() and len(refused.read_text().split()) == 3)  # more often than it may be lost
    assert cluster.submit_error == "error: too many jobs"
    counts = cluster.counts()["cpu"]
    assert (counts.submitted, counts.given_up) == (0, 0)
    (queue.folder / "full").unlink()
    wait_until(lambda: cluster.counts()["cpu"].working == 1)
    assert cluster.submit_error is None


@pytest.mark.full
def test_the_others_go_on_without_a_job_that_was_lost_too_often(opened, queue, impatient):
    cluster, client = opened(FILE.replace("{jobs: 2,", "{jobs: 2, resubmit: 0,").replace("gpu:", "# gpu:"))
    client.wait_for_workers(2, timeout=120)
    os.killpg(queue.pids()[0], signal.SIGKILL)
    wait_until(lambda: cluster.counts()["cpu"].given_up == 1)
    counts = cluster.counts()["cpu"]
    assert (counts.wanted, counts.submitted, counts.working) == (2, 1, 1)
    assert len(queue.jobs()) == 2
    assert client.submit(name_of_worker, resources={"CPU": 1}).result() in ("cpu-0", "cpu-1")


@pytest.mark.full
def test_a_worker_that_is_killed_is_started_again_in_its_job(opened, queue):
    _, client = opened(ONE)
    client.wait_for_workers(1, timeout=120)
    pid = client.submit(os.getpid, pure=False).result()
    os.kill(pid, signal.SIGKILL)
    assert client.submit(name_of_worker, pure=False).result() == "cpu-0"
    assert client.submit(os.getpid, pure=False).result() != pid
    assert len(queue.jobs()) == 1


def test_nothing_is_left_when_the_batch_system_takes_no_job(tmp_path, queue):
    (queue.folder / "full").touch()
    path = tmp_path / "cluster.yaml"
    path.write_text(ONE)
    with pytest.raises(ClusterError, match=r"could not be opened: error: too many jobs\n") as caught:
        open_cluster(path)
    assert str(path) in caught.value.message
    assert not queue.jobs()


@pytest.mark.parametrize("command", ["sbatch", "scancel"])
def test_a_missing_command_is_reported_before_anything_starts(command, tmp_path, queue):
    (tmp_path / "bin" / command).unlink()
    path = tmp_path / "cluster.yaml"
    path.write_text(ONE)
    with pytest.raises(ClusterError, match=f"cluster.yaml:1:9: '{command}' is not a command on this host"):
        open_cluster(path)
    assert not queue.jobs()


def test_a_missing_library_is_reported_with_its_installation(tmp_path, queue, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue.lsf", None)
    path = tmp_path / "cluster.yaml"
    path.write_text(ONE)
    with pytest.raises(ClusterError) as caught:
        open_cluster(path)
    assert caught.value.hint == "pip install 'rppgbench[cluster]'"


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("slurm", "sge", "1:9: system: Input should be 'slurm', 'pbs' or 'lsf', got 'sge'", "clusters.md"),
        ("jobs: 2", "job: 2", "3:7: unknown key 'job' (did you mean 'jobs'?)", "clusters.md"),
        ("500MiB", "500", "3:34: cpu.memory: Input should be a valid string, got 500", "clusters.md"),
        ("500MiB", "500 parsec", "such as 32GB or 500MiB, got '500 parsec'", "clusters.md"),
        ('"01:30:00"', '"90"', '3:52: cpu.walltime: expected "HH:MM:SS" or "D-HH:MM:SS", got \'90\'', "clusters.md"),
        ('"01:30:00"', '"00:00:00"', "3:52: cpu.walltime: no time at all", "clusters.md"),
        ("cores: 3, ", "", "3:6: key 'cores' is missing", "clusters.md"),
        ("jobs: 2", "queue: long, jobs: 2", "3:7: slurm has no 'queue'", "write 'partition'"),
        ("jobs: 2", "project: heart, jobs: 2", "3:7: slurm has no 'project'", "write 'account'"),
        ("jobs: 2", "options: {job_cpus: 1}, jobs: 2", "3:17: cpu.options cannot set 'job_cpus'", "'job_cpu'?"),
        ("jobs: 2", "options: {cores: 1}, jobs: 2", "3:17: cpu.options cannot set 'cores'", "write cpu.cores"),
        ("jobs: 2", "options: {env_extra: []}, jobs: 2", "3:17: cpu.options cannot set 'env_extra'", "another name"),
        ("jobs: 2", "options: {nanny: false}, jobs: 2", "3:17: cpu.options cannot set 'nanny'", "one worker"),
        (
            "interface: lo",
            "interface: lo, protocol: tls",
            "2:38: TLS needs distributed.comm.tls.ca-file",
            "clusters.md",
        ),
        ("interface: lo", "interface: nowhere", "the cluster could not be opened", "no job was left behind"),
    ],
)
def test_mistakes_are_reported_with_their_place(old, new, message, hint, tmp_path, queue):
    path = tmp_path / "cluster.yaml"
    assert old in FILE
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(RppgbenchError) as caught:
        open_cluster(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert hint in (caught.value.hint or "")
    assert not queue.jobs()


def test_a_walltime_is_in_seconds():
    assert walltime_s("00:00:01") == 1
    assert walltime_s("36:00:00") == walltime_s("1-12:00:00") == 129600


@pytest.mark.parametrize("system", COMMANDS)
def test_the_examples_can_be_used(system, opened, queue, tmp_path):
    (queue.folder / "held").touch()
    text = (Path(__file__).parents[2] / "docs" / "examples" / f"{system}.yaml").read_text()
    here = {"interface: ib0": "interface: lo", "/shared": str(tmp_path), "dashboard: 8787": "port: 0"}
    for theirs, ours in here.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    cluster, _ = opened(text)
    assert {kind: count.submitted for kind, count in cluster.counts().items()} == {"cpu": 20, "gpu": 4}
    gpu = {"slurm": "#SBATCH --gres=gpu:1", "pbs": "#PBS -l select=1:ncpus=4:mem=32gb:ngpus=1", "lsf": '-gpu "num=1"'}
    assert gpu[system] in queue.job("gpu-0")
    assert gpu[system] not in queue.job("cpu-0")


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ProtocolError, match=r"none.yaml: cannot be read"):
        open_cluster(tmp_path / "none.yaml")


@pytest.mark.parametrize("key", sorted({*ClusterConfig.model_fields, *Jobs.model_fields, *Scheduler.model_fields}))
def test_every_key_is_documented(key):
    assert f"`{key}`" in (Path(__file__).parents[2] / "docs" / "clusters.md").read_text()
