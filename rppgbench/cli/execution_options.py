"""How a run is carried out: the options that say so, and the crew that they describe."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rppgbench.errors import RppgbenchError
from rppgbench.text import parse_duration_s

if TYPE_CHECKING:
    from rich.console import Console

    from rppgbench.execution.executor import Executor
    from rppgbench.pipeline.plan import Plan
    from rppgbench.pipeline.task import Task
    from rppgbench.registry import Registry
    from rppgbench.store.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])


def resource_options(command: Command) -> Command:
    """Options that ``run`` and ``plan`` share."""
    for decorate in reversed(
        (
            click.option("--workers", type=click.IntRange(min=0), default=None,
                         help="Tasks to run at once on this machine's cores; 0 runs everything in this process. "
                              "[default: one a core]"),
            click.option("--disk-limit", metavar="SIZE",
                         help="The most that the run may add to the disk, such as 500GB: face clips go when their last "
                              "reader is done, where not all of them fit. [default: nine tenths of what is free]"),
            click.option("--memory-limit", metavar="SIZE",
                         help="The most memory that all tasks on a machine may take together; a task that takes more "
                              "than its share is ended and named. [default: no limit]"),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


def execution_options(command: Command) -> Command:
    """Options of ``run`` alone."""
    for decorate in reversed(
        (
            click.option("--gpus", metavar="0,1",
                         help="GPUs of this machine to run networks on, one task each; 'none' for the cores. "
                              "[default: all there are]"),
            click.option("--device", default="auto", show_default=True, metavar="NAME",
                         help="Where networks train and run: cpu, cuda, cuda:1; auto takes a GPU where a worker has "
                              "one."),
            click.option("--scheduler", metavar="ADDRESS",
                         help="Give the tasks to the workers of a Dask scheduler, such as tcp://10.0.0.1:8786; all of "
                              "them must see the store, and the data, under the same path."),
            click.option("--cluster", "cluster_file", metavar="FILE",
                         type=click.Path(path_type=Path, dir_okay=False),
                         help="Start workers through SLURM, PBS or LSF, as FILE says; see docs/clusters.md."),
            click.option("--task-limit", metavar="TIME", default="24h", show_default=True,
                         help="End a task that takes longer, such as 30m or 12h; it counts as failed. Of a fit it is "
                              "the time without a sign of progress."),
            click.option("--dashboard", is_flag=True, help="Serve Dask's own dashboard while the run lasts."),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions:
    """Who does the tasks, and what they may take; checked as far as it can be before anything is computed.

    Raises:
        RppgbenchError: options that exclude each other, or no size or time where one is expected.
    """

    workers: int | None
    gpus: str | None
    device: str
    scheduler: str | None
    cluster_file: Path | None
    task_limit: str
    memory_limit: str | None
    dashboard: bool

    def __post_init__(self) -> None:
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
        _ = self.task_s, self.memory_bytes

    @property
    def elsewhere(self) -> bool:
        return self.scheduler is not None or self.cluster_file is not None

    @property
    def task_s(self) -> float:
        """The longest that a task may take, in seconds."""
        return parse_duration_s(self.task_limit)

    @property
    def memory_bytes(self) -> int | None:
        from rppgbench.text import parse_bytes

        return parse_bytes(self.memory_limit) if self.memory_limit else None

    def described(self) -> dict[str, Any]:
        """The settings as a run's journal keeps them."""
        return {
            "workers": self.workers,
            "gpus": self.gpus,
            "device": self.device,
            "scheduler": self.scheduler,
            "cluster": str(self.cluster_file) if self.cluster_file else None,
            "task_limit": self.task_limit,
            "memory_limit": self.memory_limit,
        }

    def n_workers(self, plan: Plan, to_do: Sequence[Task]) -> int:
        """How many tasks run at once on this machine's cores: as many as were asked for, else one a core as far as each
        of them has its share of the memory."""
        if self.workers is not None:
            return max(self.workers, 1)
        n_workers = max(min(available_cores(), len(to_do)), 1)
        if self.memory_bytes is not None:
            from rppgbench.pipeline.cost_model import peak_memory

            largest = peak_memory(to_do, 1)
            while n_workers > 1 and n_workers * largest > self.memory_bytes:
                n_workers -= 1
        return n_workers

    def crew(self, to_do: Sequence[Task], store: Store, registry: Registry, n_workers: int) -> Executor:
        """Those who do the tasks, ``n_workers`` of them where they work on this machine.

        Raises:
            RppgbenchError: they cannot be had.
        """
        from rppgbench.execution.executor import InProcessExecutor

        if not to_do or self.workers == 0:
            return InProcessExecutor(store, registry, self.device)
        from rppgbench.execution import cluster
        from rppgbench.execution.dask_executor import WorkerOptions

        terms = WorkerOptions(store, self.device, self.task_s, self.memory_bytes)
        if self.scheduler:
            return cluster.scheduler_executor(self.scheduler, terms)
        if self.cluster_file:
            return cluster.batch_executor(self.cluster_file, terms)
        return cluster.local_executor(n_workers, self._gpus(to_do), terms, dashboard=self.dashboard)

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
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def stop_on_interrupt(console: Console) -> Iterator[Callable[[], bool]]:
    """Within it, Ctrl-C once only asks to stop, which the function given back tells; the second time it stops at once.

    A request to terminate, as batch queues send it before they kill, stops at once: nothing is lost by that.
    """
    asked = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked or number != signal.SIGINT:
            raise KeyboardInterrupt
        asked = True
        console.print("finishing the tasks that run; Ctrl-C once more stops them too", style="yellow")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
