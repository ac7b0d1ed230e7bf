"""An executor on the workers of a cluster of Dask's `distributed`.

Dask lists the workers and transports tasks and their results, by ``client.submit`` alone. Order, retries and limits are
the driver's, and artefacts lie in the store.
"""

from __future__ import annotations

import logging
import queue
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from distributed import Client, Future, WorkerPlugin, get_worker
from distributed.scheduler import KilledWorker

from rppgbench.errors import ExecutorLost
from rppgbench.execution.process_pool import ProcessPool, TaskLimits
from rppgbench.execution.schedule import Lane, runs_on_gpu
from rppgbench.execution.task_runner import TaskFault
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import TaskDone
from rppgbench.store.store import Store

GPU = "GPU"  # the resource that workers with a GPU announce
_LOOK_AGAIN_S = 2.0


@dataclass(frozen=True)
class WorkerOptions:
    """Settings of every worker: the store, the device of networks, and limits.

    ``memory_bytes`` is for all concurrent tasks of one worker, ``task_s`` for each task.
    """

    store: Store
    device: str = "auto"
    task_s: float | None = None
    memory_bytes: int | None = None


class ProcessPoolPlugin(WorkerPlugin):
    """Starts the process pool of a worker when it joins, and closes it when it leaves."""

    def __init__(self, name: str, options: WorkerOptions, environment: Mapping[str, str] | None = None) -> None:
        self.name, self._options, self._environment = name, options, dict(environment or {})
        self.pool: ProcessPool | None = None

    def setup(self, worker: Any) -> None:
        options = self._options
        share = options.memory_bytes // worker.state.nthreads if options.memory_bytes else None
        self.pool = ProcessPool(options.store, options.device, TaskLimits(options.task_s, share), self._environment)

    def teardown(self, worker: Any) -> None:
        if self.pool is not None:
            self.pool.close()


def _run_on_worker(plugin: str, task: Task) -> TaskDone | TaskFault:
    pool: ProcessPool = get_worker().plugins[plugin].pool  # type: ignore[attr-defined]
    return pool.run(task)


@dataclass(frozen=True)
class _Workers:
    """Tasks that each worker takes at once, by its address, for workers without and with a GPU."""

    cpu: Mapping[str, int]
    gpu: Mapping[str, int]

    @property
    def slots(self) -> dict[str, int]:
        return {"cpu": sum(self.cpu.values()), "gpu": sum(self.gpu.values())}


class DaskExecutor:
    """An executor on the workers of a Dask cluster; tasks that run a network go to those with a GPU, if there are any.

    ``owned`` is closed with it: the cluster and plugins that were started for this run.
    """

    def __init__(
        self,
        client: Client,
        plugin: str,
        owned: Sequence[Any] = (),
        *,
        why_idle: Callable[[], str] | None = None,
        dashboard: bool = True,
    ) -> None:
        self._client, self._plugin, self._owned, self._has_dashboard = client, plugin, owned, dashboard
        self._why_idle = why_idle or (lambda: "no worker is there")
        self._ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._in_flight: dict[Future[Any], tuple[Task, Lane, frozenset[str]]] = {}
        self._workers, self._refreshed_s = _Workers({}, {}), -_LOOK_AGAIN_S

    @property
    def dashboard(self) -> str:
        """Address of the dashboard of the cluster; empty if there is none."""
        return str(self._client.dashboard_link or "") if self._has_dashboard and find_spec("bokeh") else ""

    def workers(self) -> dict[str, int]:
        return self._current_workers().slots

    def why_idle(self) -> str:
        return self._why_idle()

    def lanes(self) -> Collection[Lane]:
        slots = self._current_workers().slots
        running = [lane for _, lane, _ in self._in_flight.values()]
        on_gpu = running.count("gpu")
        if not slots["gpu"]:
            return ("cpu", "gpu", "transient") if len(running) < slots["cpu"] else ()
        if not slots["cpu"]:
            return ("cpu", "gpu", "transient") if len(running) < slots["gpu"] else ()
        lanes: list[Lane] = ["cpu", "transient"] if len(running) - on_gpu < slots["cpu"] else []
        return [*lanes, "gpu"] if on_gpu < slots["gpu"] else lanes

    def start(self, task: Task) -> None:
        workers = self._current_workers()
        lane: Lane = "gpu" if runs_on_gpu(task) and workers.gpu else "cpu"
        eligible = workers.gpu if lane == "gpu" else workers.cpu or workers.gpu
        future = self._client.submit(
            _run_on_worker,
            self._plugin,
            task,
            key=f"{task.stage}-{task.key[:12]}-{uuid.uuid4().hex[:8]}",
            pure=False,
            workers=list(eligible),
            resources={GPU: 1} if lane == "gpu" else None,
        )
        self._in_flight[future] = (task, lane, frozenset(eligible))
        future.add_done_callback(self._ended.put)

    def ended(self, within_s: float) -> list[tuple[Task, TaskDone | TaskFault]]:
        until = time.monotonic() + within_s
        while True:
            self._cancel_stranded()
            try:
                future = self._ended.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                if self._client.status != "running":
                    raise self._scheduler_lost() from None
                return []
            results = [self._result(future)]
            while not self._ended.empty():
                results.append(self._result(self._ended.get()))
            return results

    def close(self) -> None:
        """End running tasks and disconnect; a cluster that was started for this run is closed."""
        for resource in self._owned:
            if isinstance(resource, ProcessPoolPlugin) and resource.pool is not None:
                resource.pool.close()
        try:
            if self._client.status == "running":
                self._client.cancel(list(self._in_flight), force=True)
                if not self._owned:
                    self._client.unregister_worker_plugin(self._plugin)
        except (OSError, TimeoutError):
            logging.getLogger(__name__).debug("the scheduler left first")
        self._client.close(timeout=5)
        for resource in self._owned:
            if not isinstance(resource, ProcessPoolPlugin):
                resource.close(timeout=10)

    def _result(self, future: Future[Any]) -> tuple[Task, TaskDone | TaskFault]:
        task, _, _ = self._in_flight.pop(future)
        if future.status == "finished":
            try:
                return task, future.result()
            except Exception as error:  # the worker left with its answer
                return task, TaskFault("died", f"its worker was lost: {error}")
        if self._client.status != "running":
            raise self._scheduler_lost()
        if future.status == "cancelled":
            return task, TaskFault("died", "its worker was lost, or the scheduler started anew")
        failure = future.exception()
        if isinstance(failure, KilledWorker):
            return task, TaskFault("died", f"its workers died one after the other, the last at {failure.last_worker}")
        return task, TaskFault("failed", f"the worker could not take it: {type(failure).__name__}: {failure}")

    def _current_workers(self) -> _Workers:
        """The workers, as the scheduler listed them in the last ``_LOOK_AGAIN_S`` seconds."""
        if time.monotonic() - self._refreshed_s < _LOOK_AGAIN_S and (self._workers.cpu or self._workers.gpu):
            return self._workers
        self._refreshed_s = time.monotonic()
        cpu: dict[str, int] = {}
        gpu: dict[str, int] = {}
        try:
            known = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, TimeoutError):
            return self._workers
        for address, worker in known.items():
            gpus = int(worker["resources"].get(GPU, 0))
            (gpu if gpus else cpu)[address] = min(gpus, worker["nthreads"]) if gpus else worker["nthreads"]
        self._workers = _Workers(cpu, gpu)
        return self._workers

    def _cancel_stranded(self) -> None:
        """Cancel tasks of which all eligible workers have left: they would wait for ever."""
        workers = self._current_workers()
        for future, (_, _, eligible) in list(self._in_flight.items()):
            if eligible and eligible.isdisjoint([*workers.cpu, *workers.gpu]) and not future.done():
                future.cancel(force=True)

    def _scheduler_lost(self) -> ExecutorLost:
        return ExecutorLost(
            f"the scheduler at {self._client.scheduler.address if self._client.scheduler else '?'} does not answer any "
            f"more; {len(self._in_flight)} tasks were on their way",
            hint="what is published stays: start it again, then the same command, which goes on from here",
        )
