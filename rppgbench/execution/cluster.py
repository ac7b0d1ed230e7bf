"""Clusters to have tasks done by: of this machine, of a scheduler that somebody started, of a batch system."""

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
# Dask looks at the stacks of its workers' threads a hundred times a second, and at the system twice: here the threads
# only wait for other processes, and the driver shares their cores.
_UNWATCHED = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.disk": False,
}


def local_executor(workers: int, gpus: Sequence[str], terms: WorkerOptions, *, dashboard: bool = False) -> DaskExecutor:
    """A cluster on this machine: ``workers`` tasks at once on its cores, and one on each of the ``gpus``.

    ``gpus`` are as CUDA numbers them. Memory is shared out over all of them.
    """
    _hush()
    dask.config.set(_UNWATCHED)
    name = f"rppgbench-{uuid.uuid4().hex[:8]}"
    share = terms.memory_bytes // (workers + len(gpus)) if terms.memory_bytes else None
    here: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    spec, plugins = {}, []
    for kind, threads, gpu in [("cpu", workers, None), *((f"gpu-{gpu}", 1, gpu) for gpu in gpus)]:
        environment = {"CUDA_VISIBLE_DEVICES": gpu or ""} if gpus else {}
        budget = replace(terms, memory_bytes=share * threads if share else None)
        plugins.append(ProcessPoolPlugin(name, budget, environment))
        options = {"nthreads": threads, "plugins": [plugins[-1]], "memory_limit": 0, **here}
        spec[kind] = {"cls": Worker, "options": {**options, "resources": {GPU: 1} if gpu else {}}}
    options = {"dashboard": dashboard, **here}
    cluster = SpecCluster(
        workers=spec, scheduler={"cls": Scheduler, "options": options}, name=name, silence_logs=logging.CRITICAL
    )
    return DaskExecutor(Client(cluster, set_as_default=False), name, [*plugins, cluster], dashboard=dashboard)


def scheduler_executor(address: str, terms: WorkerOptions) -> DaskExecutor:
    """The workers of a scheduler that runs already, whoever started them; more may join at any time.

    Raises:
        CrewLost: nobody answers at ``address``.
    """
    _hush()
    try:
        client = Client(address, timeout=_CONNECT_WITHIN_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ExecutorLost(
            f"--scheduler {address}: nobody answers there: {error}",
            hint="start one with 'dask scheduler' and workers with 'dask worker ADDRESS'; see docs/clusters.md",
        ) from None
    return _joined(client, terms)


def batch_executor(file: Path, terms: WorkerOptions) -> DaskExecutor:
    """Workers that a batch system starts, as the cluster ``file`` says; they come when it gets to them.

    Raises:
        RppgbenchError: the file is wrong, or the batch system takes no jobs.
    """
    from rppgbench.execution.batch_queue import open_cluster

    _hush()
    cluster = open_cluster(file)
    return _joined(Client(cluster, set_as_default=False), terms, [cluster], lambda: _still_queued(cluster))


def _still_queued(cluster: BatchCluster) -> str:
    counts = cluster.counts()
    told = ", ".join(f"{count.working} of {count.wanted} {kind} jobs work" for kind, count in counts.items())
    return f"{told}; the others wait in the queue" + (f": {cluster.trouble}" if cluster.trouble else "")


def _joined(
    client: Client, terms: WorkerOptions, owned: Sequence[Any] = (), why_idle: Callable[[], str] | None = None
) -> DaskExecutor:
    """The crew of a cluster whose workers come and go: each gets its hands when it comes.

    Raises:
        CrewLost: a worker has no rppgbench, or another one.
    """
    name = f"rppgbench-{uuid.uuid4().hex[:8]}"
    try:
        client.register_plugin(ProcessPoolPlugin(name, terms), name=name)
    except Exception as error:  # whatever a worker's host had to say
        client.close(timeout=5)
        for thing in owned:
            thing.close(timeout=10)
        raise ExecutorLost(
            f"a worker cannot be used: {type(error).__name__}: {error}",
            hint="start workers from an environment with the same rppgbench; see docs/clusters.md",
        ) from None
    return DaskExecutor(client, name, owned, why_idle=why_idle)


def _hush() -> None:
    """What matters of a cluster is said in our words."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
