"""Costs of a plan by stage: core-seconds, bytes read and written, memory; rounded up."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rppgbench.pipeline.stage_settings import CORE_FLOP_PER_S, GPU_FLOP_PER_S, TORCH_WORKER_BYTES, WORKER_BYTES
from rppgbench.pipeline.stages import stages

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Plan
    from rppgbench.pipeline.task import Task
    from rppgbench.store.store import Store

_MEASURED = 3  # tasks of a cost group whose mean time is taken


@dataclass(frozen=True)
class StageEstimate:
    """Numbers of a stage's tasks, all and to do, and of these the core-seconds, bytes read and bytes written.

    ``bytes_in`` counts each input once a task, and clips of training as often as they are drawn. ``network_seconds``
    is the part of ``seconds`` in which a network is trained or runs, which a GPU would take over.
    """

    stage: str
    total: int
    to_do: int
    seconds: float
    bytes_out: float
    bytes_in: float = 0.0
    network_seconds: float = 0.0


def estimate_costs(plan: Plan, store: Store, to_do: Sequence[Task]) -> list[StageEstimate]:
    """Estimates of every stage of the plan, in the order of stages."""
    waiting = {task.key for task in to_do}
    seconds = task_seconds(plan, store, plan.tasks.values())
    reads = task_reads(plan, to_do)
    by_stage: dict[str, list[Task]] = defaultdict(list)
    for task in plan.tasks.values():
        by_stage[task.stage].append(task)
    estimates = []
    for stage in stages():
        if not (tasks := by_stage[stage]):
            continue
        rest = [task for task in tasks if task.key in waiting]
        estimates.append(
            StageEstimate(
                stage,
                len(tasks),
                len(rest),
                sum(seconds[task.key] for task in rest),
                sum(task.bytes_out for task in rest),
                sum(reads[task.key] for task in rest),
                sum(seconds[task.key] for task in rest if task.device is not None),
            )
        )
    return estimates


def task_seconds(plan: Plan, store: Store, tasks: Iterable[Task]) -> dict[str, float]:
    """Expected core-seconds of each task by key: the mean of its cost group in the store, else its planned cost."""
    tasks = list(tasks)
    measured: dict[tuple[str, str], list[float]] = defaultdict(list)
    groups = {task.key: (task.stage, task.settings.cost_group) for task in tasks}
    for task in tasks:
        group = measured[groups[task.key]]
        if len(group) < _MEASURED and store.has(task.key):
            group.append(float(store.manifest(task.key)["made"]["seconds"]))
    expected = {}
    for task in tasks:
        group = measured[groups[task.key]]
        expected[task.key] = sum(group) / len(group) if group else task.cost.seconds
    return expected


def task_reads(plan: Plan, tasks: Iterable[Task]) -> dict[str, float]:
    """Expected bytes that each task reads, by key: its inputs once, those it draws from as often as it draws."""
    transient = {name for name, stage in stages().items() if stage.transient}
    reads = {}
    for task in tasks:
        inputs = [plan.tasks[key] for key in task.inputs.values() if key in plan.tasks]
        read = [source.bytes_out for source in inputs if not (task.cost.draws and source.stage in transient)]
        reads[task.key] = sum(read) + task.cost.bytes_in
    return reads


def network_seconds_on_gpu(plan: Plan, store: Store, to_do: Sequence[Task]) -> float:
    """Seconds of one GPU for all training and running of networks; assumes what a GPU sustains, measures nothing."""
    seconds = task_seconds(plan, store, to_do)
    return sum(seconds[task.key] for task in to_do if task.device is not None) * CORE_FLOP_PER_S / GPU_FLOP_PER_S


def peak_memory(to_do: Sequence[Task], workers: int) -> float:
    """Most bytes of memory of all ``workers`` together, if the largest tasks run at the same time."""
    idle = TORCH_WORKER_BYTES if any(task.device is not None for task in to_do) else WORKER_BYTES
    largest = heapq.nlargest(workers, (task.cost.memory_bytes for task in to_do))
    return sum(max(idle, n_bytes) for n_bytes in largest)
