"""A crew of Dask's `distributed`, whoever started its workers.

What Dask does here is to say who is there and to carry tasks to workers and words back, by ``client.submit`` alone. The
order, the retries and the limits are the driver's, and what is computed lies in the store.
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

GPU = "GPU"  # the resource that workers with one announce
_LOOK_AGAIN_S = 2.0


@dataclass(frozen=True)
class WorkerOptions:
    """What every worker is told: the store, the device of networks, and limits.

    ``memory_bytes`` is for all that runs on one worker at once, ``task_s`` for each task.
    """

    store: Store
    device: str = "auto"
    task_s: float | None = None
    memory_bytes: int | None = None


class ProcessPoolPlugin(WorkerPlugin):
    """Gives a worker its hands when it joins, and takes them away when it leaves."""

    def __init__(self, name: str, terms: WorkerOptions, environment: Mapping[str, str] | None = None) -> None:
        self.name, self._terms, self._environment = name, terms, dict(environment or {})
        self.hands: ProcessPool | None = None

    def setup(self, worker: Any) -> None:
        terms = self._terms
        share = terms.memory_bytes // worker.state.nthreads if terms.memory_bytes else None
        self.hands = ProcessPool(terms.store, terms.device, TaskLimits(terms.task_s, share), self._environment)

    def teardown(self, worker: Any) -> None:
        if self.hands is not None:
            self.hands.close()


def _do(plugin: str, task: Task) -> TaskDone | TaskFault:
    """What runs on a worker."""
    equipped: Any = get_worker().plugins[plugin]
    hands: ProcessPool = equipped.hands
    return hands.do(task)


@dataclass(frozen=True)
class _Workers:
    """Who is there: addresses of workers and how many tasks each takes, with a GPU and without."""

    cpu: Mapping[str, int]
    gpu: Mapping[str, int]

    @property
    def slots(self) -> dict[str, int]:
        return {"cpu": sum(self.cpu.values()), "gpu": sum(self.gpu.values())}


class DaskExecutor:
    """The workers of a Dask cluster; tasks that run a network go to those with a GPU, where there are any."""

    def __init__(
        self,
        client: Client,
        plugin: str,
        owned: Sequence[Any] = (),
        *,
        why_idle: Callable[[], str] | None = None,
        dashboard: bool = True,
    ) -> None:
        self._client, self._plugin, self._owned, self._shown = client, plugin, owned, dashboard
        self._absence = why_idle or (lambda: "no worker is there")
        self._ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._flying: dict[Future[Any], tuple[Task, Lane, frozenset[str]]] = {}
        self._workers, self._looked_s = _Workers({}, {}), -_LOOK_AGAIN_S

    @property
    def dashboard(self) -> str:
        """Where the cluster shows itself in a browser; empty if it does not."""
        return str(self._client.dashboard_link or "") if self._shown and find_spec("bokeh") else ""

    def workers(self) -> dict[str, int]:
        return self._look().slots

    def why_idle(self) -> str:
        return self._absence()

    def lanes(self) -> Collection[Lane]:
        slots = self._look().slots
        flying = [lane for _, lane, _ in self._flying.values()]
        on_gpu = flying.count("gpu")
        if not slots["gpu"]:
            return ("cpu", "gpu", "passing") if len(flying) < slots["cpu"] else ()
        if not slots["cpu"]:
            return ("cpu", "gpu", "passing") if len(flying) < slots["gpu"] else ()
        lanes: list[Lane] = ["cpu", "passing"] if len(flying) - on_gpu < slots["cpu"] else []
        return [*lanes, "gpu"] if on_gpu < slots["gpu"] else lanes

    def start(self, task: Task) -> None:
        workers = self._look()
        lane: Lane = "gpu" if runs_on_gpu(task) and workers.gpu else "cpu"
        chosen = workers.gpu if lane == "gpu" else workers.cpu or workers.gpu
        future = self._client.submit(
            _do,
            self._plugin,
            task,
            key=f"{task.stage}-{task.key[:12]}-{uuid.uuid4().hex[:8]}",
            pure=False,
            workers=list(chosen),
            resources={GPU: 1} if lane == "gpu" else None,
        )
        self._flying[future] = (task, lane, frozenset(chosen))
        future.add_done_callback(self._ended.put)

    def ended(self, within_s: float) -> list[tuple[Task, TaskDone | TaskFault]]:
        until = time.monotonic() + within_s
        while True:
            self._give_up_on_the_lost()
            try:
                future = self._ended.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                if self._client.status != "running":
                    raise self._lost() from None
                return []
            ends = [self._end(future)]
            while not self._ended.empty():
                ends.append(self._end(self._ended.get()))
            return ends

    def close(self) -> None:
        """End what runs, and leave; a cluster that was started for this run goes too."""
        for thing in self._owned:
            if isinstance(thing, ProcessPoolPlugin) and thing.hands is not None:
                thing.hands.close()
        try:
            if self._client.status == "running":
                self._client.cancel(list(self._flying), force=True)
                if not self._owned:
                    self._client.unregister_worker_plugin(self._plugin)
        except (OSError, TimeoutError):
            logging.getLogger(__name__).debug("the scheduler left first")
        self._client.close(timeout=5)
        for thing in self._owned:
            if not isinstance(thing, ProcessPoolPlugin):
                thing.close(timeout=10)

    def _end(self, future: Future[Any]) -> tuple[Task, TaskDone | TaskFault]:
        task, _, _ = self._flying.pop(future)
        if future.status == "finished":
            try:
                return task, future.result()
            except Exception as error:  # the worker left with its answer
                return task, TaskFault("died", f"its worker was lost: {error}")
        if self._client.status != "running":
            raise self._lost()
        if future.status == "cancelled":
            return task, TaskFault("died", "its worker was lost, or the scheduler started anew")
        why = future.exception()
        if isinstance(why, KilledWorker):
            return task, TaskFault("died", f"its workers died one after the other, the last at {why.last_worker}")
        return task, TaskFault("failed", f"the worker could not take it: {type(why).__name__}: {why}")

    def _look(self) -> _Workers:
        """Who is there, asked for now and then."""
        if time.monotonic() - self._looked_s < _LOOK_AGAIN_S and (self._workers.cpu or self._workers.gpu):
            return self._workers
        self._looked_s = time.monotonic()
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

    def _give_up_on_the_lost(self) -> None:
        """A task that only workers which left could run would wait for ever."""
        workers = self._look()
        for future, (_, _, chosen) in list(self._flying.items()):
            if chosen and chosen.isdisjoint([*workers.cpu, *workers.gpu]) and not future.done():
                future.cancel(force=True)

    def _lost(self) -> ExecutorLost:
        return ExecutorLost(
            f"the scheduler at {self._client.scheduler.address if self._client.scheduler else '?'} does not answer any "
            f"more; {len(self._flying)} tasks were on their way",
            hint="what is published stays: start it again, then the same command, which goes on from here",
        )
