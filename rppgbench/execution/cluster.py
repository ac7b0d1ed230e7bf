"""Dask executors: on this machine, on a scheduler that runs already, and on jobs of a batch system."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, Scheduler, Worker
from distributed.deploy.spec import SpecCluster

from rppgbench.errors import ExecutorLost
from rppgbench.execution.dask_executor import GPU, DaskExecutor, ProcessPoolPlugin, WorkerOptions

if TYPE_CHECKING:
    from rppgbench.execution.batch_cluster import BatchCluster

_CONNECT_WITHIN_S = 20
# Dask samples the stacks of its workers' threads a hundred times a second, and the system twice: here the threads only
# wait for other processes, and the driver shares their cores.
_NO_PROFILING = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.disk": False,
}


def local_executor(n_cpu: int, gpus: Sequence[str], options: WorkerOptions, *, dashboard: bool = False) -> DaskExecutor:
    """An executor on this machine: ``n_cpu`` tasks at once on its cores, and one on each of the ``gpus``.

    ``gpus`` are as CUDA numbers them. The memory limit is divided equally among the concurrent tasks.
    """
    _silence_logs()
    dask.config.set(_NO_PROFILING)
    name = f"rppgbench-{uuid.uuid4().hex[:8]}"
    share = options.memory_bytes // (n_cpu + len(gpus)) if options.memory_bytes else None
    here: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    spec, plugins = {}, []
    for kind, threads, gpu in [("cpu", n_cpu, None), *((f"gpu-{gpu}", 1, gpu) for gpu in gpus)]:
        environment = {"CUDA_VISIBLE_DEVICES": gpu or ""} if gpus else {}
        budget = replace(options, memory_bytes=share * threads if share else None)
        plugins.append(ProcessPoolPlugin(name, budget, environment))
        arguments = {"nthreads": threads, "plugins": [plugins[-1]], "memory_limit": 0, **here}
        spec[kind] = {"cls": Worker, "options": {**arguments, "resources": {GPU: 1} if gpu else {}}}
    scheduler = {"cls": Scheduler, "options": {"dashboard": dashboard, **here}}
    cluster = SpecCluster(workers=spec, scheduler=scheduler, name=name, silence_logs=logging.CRITICAL)
    return DaskExecutor(Client(cluster, set_as_default=False), name, [*plugins, cluster], dashboard=dashboard)


def scheduler_executor(address: str, options: WorkerOptions) -> DaskExecutor:
    """An executor on the workers of a scheduler that runs already; more workers may join at any time.

    Raises:
        ExecutorLost: no scheduler answers at ``address``.
    """
    _silence_logs()
    return _connected(_client(address), options)


def scheduler_has_gpus(address: str) -> bool:
    """Whether a worker of the scheduler announces a GPU.

    Raises:
        ExecutorLost: no scheduler answers at ``address``.
    """
    _silence_logs()
    with _client(address) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        return any(worker["resources"].get(GPU) for worker in workers)


def _client(address: str) -> Client:
    try:
        return Client(address, timeout=_CONNECT_WITHIN_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ExecutorLost(
            f"--scheduler {address}: nothing answers there: {error}",
            hint="start one with 'dask scheduler' and workers with 'dask worker ADDRESS'; see docs/clusters.md",
        ) from None


def batch_executor(file: Path, options: WorkerOptions) -> DaskExecutor:
    """An executor on jobs of a batch system, by the cluster ``file``; workers join when their jobs start.

    Raises:
        RppgbenchError: the file is wrong, or the batch system takes no jobs.
    """
    from rppgbench.execution.batch_queue import open_cluster

    _silence_logs()
    cluster = open_cluster(file)
    return _connected(Client(cluster, set_as_default=False), options, [cluster], lambda: _describe_queue(cluster))


def _describe_queue(cluster: BatchCluster) -> str:
    counts = cluster.counts()
    working = ", ".join(f"{count.working} of {count.wanted} {kind} jobs work" for kind, count in counts.items())
    return f"{working}; the others wait in the queue" + (f": {cluster.submit_error}" if cluster.submit_error else "")


def _connected(
    client: Client, options: WorkerOptions, owned: Sequence[Any] = (), why_idle: Callable[[], str] | None = None
) -> DaskExecutor:
    """An executor on a cluster whose workers come and go: each starts its process pool when it joins.

    Raises:
        ExecutorLost: a worker has no rppgbench, or another version.
    """
    name = f"rppgbench-{uuid.uuid4().hex[:8]}"
    try:
        client.register_plugin(ProcessPoolPlugin(name, options), name=name)
    except Exception as error:  # any error of a worker's host
        client.close(timeout=5)
        for resource in owned:
            resource.close(timeout=10)
        raise ExecutorLost(
            f"a worker cannot be used: {type(error).__name__}: {error}",
            hint="start workers from an environment with the same rppgbench; see docs/clusters.md",
        ) from None
    return DaskExecutor(client, name, owned, why_idle=why_idle)


def _silence_logs() -> None:
    """Hide Dask's log messages; errors of a cluster that matter are raised as `ExecutorLost`."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
