"""Settings of how a run is carried out, and the executor that they describe."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rppgbench.errors import RppgbenchError
from rppgbench.text import parse_bytes, parse_duration_s

if TYPE_CHECKING:
    from rppgbench.execution.executor import Executor
    from rppgbench.pipeline.plan import Plan
    from rppgbench.pipeline.task import Task
    from rppgbench.registry import Registry
    from rppgbench.store.store import Store

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ExecutionSettings:
    """Workers of a run and its limits, checked when made as far as that is possible before anything is computed.

    ``workers`` are tasks at once on this machine's cores: None for one a core, 0 for all in this process. ``gpus`` are
    numbers such as "0,1", "none" for the cores, None for all there are. ``scheduler`` is the address of a Dask
    scheduler, ``cluster_file`` describes a batch queue. Sizes are such as "500GB", times such as "30m".

    Raises:
        RppgbenchError: settings that exclude each other, or no size or time where one is expected; messages name a
            setting as the command's option: ``task_limit`` is --task-limit.
    """

    workers: int | None = None
    gpus: str | None = None
    device: str = "auto"
    scheduler: str | None = None
    cluster_file: Path | None = None
    task_limit: str = "24h"
    memory_limit: str | None = None
    disk_limit: str | None = None
    dashboard: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise RppgbenchError(f"--workers {self.workers}: expected 0 or more", hint="0 does all in this process")
        if self.scheduler and self.cluster_file:
            raise RppgbenchError("--scheduler and --cluster: both say whose workers to use", hint="leave one out")
        if self.elsewhere and (self.workers is not None or self.gpus):
            raise RppgbenchError(
                "--workers and --gpus are about this machine, and the tasks go to others",
                hint="leave them out: as many tasks run at once as the workers there have threads",
            )
        if self.scheduler and not re.fullmatch(r"(\w+://)?([^:/\s]+|\[[0-9a-fA-F:]+\]):\d+", self.scheduler):
            raise RppgbenchError(
                f"--scheduler {self.scheduler}: expected an address with a port, such as tcp://10.0.0.1:8786",
                hint="'dask scheduler' prints it when it starts",
            )
        if self.dashboard and find_spec("bokeh") is None:
            raise RppgbenchError("--dashboard needs bokeh", hint="pip install 'rppgbench[cluster]'")
        _ = self.task_s, self.memory_bytes, self.disk_bytes

    @property
    def elsewhere(self) -> bool:
        return self.scheduler is not None or self.cluster_file is not None

    @property
    def task_s(self) -> float:
        """The longest that a task may take, in seconds."""
        return _parsed("--task-limit", parse_duration_s, self.task_limit)

    @property
    def memory_bytes(self) -> int | None:
        """Bytes that all tasks on a machine may take together."""
        return None if self.memory_limit is None else _parsed("--memory-limit", parse_bytes, self.memory_limit)

    @property
    def disk_bytes(self) -> int | None:
        """Bytes that the run may add to the disk."""
        return None if self.disk_limit is None else _parsed("--disk-limit", parse_bytes, self.disk_limit)

    def described(self) -> dict[str, Any]:
        """The settings as a run's event log keeps them."""
        return {
            "workers": self.workers,
            "gpus": self.gpus,
            "device": self.device,
            "scheduler": self.scheduler,
            "cluster": str(self.cluster_file) if self.cluster_file else None,
            "task_limit": self.task_limit,
            "memory_limit": self.memory_limit,
            "disk_limit": self.disk_limit,
        }

    def network_device(self) -> str:
        """Device of networks for the plan: as asked for; else that of the workers, "auto" for this machine's own."""
        if self.device != "auto" or self.gpus == "none":
            return self.device if self.device != "auto" else "cpu"
        if self.cluster_file:
            from rppgbench.execution.cluster_config import read_cluster_config

            return "cuda" if read_cluster_config(self.cluster_file)[0].gpu else "cpu"
        if self.scheduler:
            from rppgbench.execution.cluster import scheduler_has_gpus

            return "cuda" if scheduler_has_gpus(self.scheduler) else "cpu"
        return "auto"

    def n_workers(self, plan: Plan, to_do: Sequence[Task]) -> int:
        """Number of tasks that run at once on this machine's cores: as asked for, else one a core as far as each of
        them has its share of the memory."""
        if self.workers is not None:
            return max(self.workers, 1)
        n_workers = max(min(available_cores(), len(to_do)), 1)
        if self.memory_bytes is not None:
            from rppgbench.pipeline.cost_model import peak_memory

            largest = peak_memory(to_do, 1)
            while n_workers > 1 and n_workers * largest > self.memory_bytes:
                n_workers -= 1
        return n_workers

    def executor(self, to_do: Sequence[Task], store: Store, registry: Registry, n_workers: int) -> Executor:
        """The executor of ``to_do``, with ``n_workers`` where it works on this machine.

        Raises:
            RppgbenchError: a scheduler that does not answer, a wrong cluster file, a GPU that is not there.
        """
        from rppgbench.execution.executor import InProcessExecutor

        if not to_do or self.workers == 0:
            return InProcessExecutor(store, registry, self.device)
        from rppgbench.execution import cluster
        from rppgbench.execution.dask_executor import WorkerOptions

        options = WorkerOptions(store, self.device, self.task_s, self.memory_bytes)
        if self.scheduler:
            return cluster.scheduler_executor(self.scheduler, options)
        if self.cluster_file:
            return cluster.batch_executor(self.cluster_file, options)
        return cluster.local_executor(n_workers, self._gpus(to_do), options, dashboard=self.dashboard)

    def _gpus(self, to_do: Sequence[Task]) -> list[str]:
        """GPUs to use, as CUDA numbers them for a process that sees all that this one may."""
        from rppgbench.execution.schedule import runs_on_gpu

        named = self.gpus.split(",") if self.gpus and self.gpus != "none" else []
        if self.gpus == "none" or self.device not in ("auto", "cuda") or not any(map(runs_on_gpu, to_do)):
            return []
        from rppgbench.learning.reproducibility import find_device

        if not named:
            import torch

            named = [str(index) for index in range(torch.cuda.device_count())]
        for name in named:
            find_device(f"cuda:{name.strip()}")
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        return [visible.split(",")[int(name)] if visible else name.strip() for name in named]


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parsed(option: str, parse: Callable[[str], T], text: str) -> T:
    """The text parsed; an error names the option that it was given to."""
    try:
        return parse(text)
    except RppgbenchError as error:
        raise RppgbenchError(f"{option}: {error.message}", hint=error.hint) from None
