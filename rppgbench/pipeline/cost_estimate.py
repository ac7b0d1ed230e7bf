"""What a plan costs by stage: core-seconds, bytes read and written; and memory; a little above what comes."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rppgbench.pipeline.cost_model import (
    CORE_FLOP_PER_S,
    GPU_FLOP_PER_S,
    CostModel,
    frame_pixels,
    network_size,
    uses_network,
)
from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.task import STAGES, Stage, Task
from rppgbench.store.store import Store

# Resident memory of a worker that does nothing yet, and of one that has loaded torch.
WORKER_BYTES, TORCH_WORKER_BYTES = 2.5e8, 7e8
# Per pixel of a frame: some 20 decoded frames in flight; encoders look some 60 ahead and keep what they refer to.
DECODE_BYTES_PER_PIXEL = 30.0
ENCODE_BYTES_PER_PIXEL = {"x264": 200.0, "x265": 400.0}
# Per pixel of a batch: what a training step keeps for its gradients, in a network of size small and of a paper's; and
# what predicting takes, of a window's clips as numbers and of the layers of one chunk of it.
FIT_BYTES_PER_PIXEL = {"small": 450.0, "paper": 2500.0}
CLIP_BYTES_PER_PIXEL, CHUNK_BYTES = 60.0, 5e8


@dataclass(frozen=True)
class StageEstimate:
    """A stage's tasks: how many there are, still to do, their core-seconds, the bytes they will read and leave.

    ``bytes_in`` counts each input once a task, and clips of a fit as often as they are drawn. ``network_seconds`` are
    those of ``seconds`` in which a network is trained or runs, which a GPU would take over.
    """

    stage: Stage
    total: int
    to_do: int
    seconds: float
    bytes_out: float
    bytes_in: float = 0.0
    network_seconds: float = 0.0


def estimate_costs(plan: Plan, store: Store, to_do: Sequence[Task]) -> list[StageEstimate]:
    """Estimates of every stage that the plan has, in their order."""
    waiting = {task.key for task in to_do}
    seconds = task_seconds(plan, store, plan.tasks.values())
    reads = task_reads(plan, to_do)
    stages = []
    for stage in STAGES:
        tasks = [task for task in plan.tasks.values() if task.stage == stage]
        rest = [task for task in tasks if task.key in waiting]
        if tasks:
            stages.append(
                StageEstimate(
                    stage,
                    len(tasks),
                    len(rest),
                    sum(seconds[task.key] for task in rest),
                    sum(task.bytes_out for task in rest),
                    sum(reads[task.key] for task in rest),
                    sum(seconds[task.key] for task in rest if uses_network(task)),
                )
            )
    return stages


def task_seconds(plan: Plan, store: Store, tasks: Iterable[Task]) -> dict[str, float]:
    """Expected core-seconds of each task by key: the mean of its like in the store, else the rule of thumb."""
    tasks = list(tasks)
    measured: dict[str, list[float]] = defaultdict(list)
    for task in tasks:
        like = measured[_like(task)]
        if len(like) < 3 and store.has(task.key):
            like.append(float(store.manifest(task.key)["made"]["seconds"]))
    rules = CostModel(plan)
    expected = {}
    for task in tasks:
        like = measured[_like(task)]
        expected[task.key] = sum(like) / len(like) if like else rules.seconds(task)
    return expected


def task_reads(plan: Plan, tasks: Iterable[Task]) -> dict[str, float]:
    """Expected bytes that each task reads, by key."""
    rules = CostModel(plan)
    return {task.key: rules.reads(task) for task in tasks}


def network_seconds_on_gpu(plan: Plan, store: Store, to_do: Sequence[Task]) -> float:
    """Seconds of one GPU for all training and running of networks of a paper's size; assumes, measures nothing."""
    seconds = task_seconds(plan, store, to_do)
    large = (task for task in to_do if uses_network(task) and network_size(task) != "small")
    return sum(seconds[task.key] for task in large) * CORE_FLOP_PER_S / GPU_FLOP_PER_S


def _like(task: Task) -> str:
    codec = task.settings.get("codec", {})
    rate = codec.get("params", {}).get("bitrate_kbps", "")
    parts = [task.settings.get(role, {}) for role in ("method", "enhancer", "recipe")]
    return f"{task.stage} {codec.get('use', '')} {rate} {task.settings.get('part', '')} {parts}"


def peak_memory(plan: Plan, to_do: Sequence[Task], workers: int) -> float:
    """Bytes that ``workers`` take together at most, should the largest tasks fall together."""
    frames = frame_pixels(plan)
    torch = any(uses_network(task) for task in to_do)
    idle = TORCH_WORKER_BYTES if torch else WORKER_BYTES
    largest = heapq.nlargest(workers, (task_memory(plan, task, frames) for task in to_do))
    return sum(max(idle, n_bytes) for n_bytes in largest)


def task_memory(plan: Plan, task: Task, frames: dict[str, float] | None = None) -> float:
    """About how many bytes a worker takes at most while it does the task, on a CPU.

    ``frames`` are pixels of a frame by recording, worked out from the plan when not given.
    """
    idle = TORCH_WORKER_BYTES if uses_network(task) else WORKER_BYTES
    height, width = plan.protocol.clips.size
    if "recipe" in task.settings:
        recipe = task.settings["recipe"]
        pixels = float(recipe["batch"] * recipe["frames"] * height * width)
        return idle + FIT_BYTES_PER_PIXEL[network_size(task)] * pixels
    if "crops" in task.inputs:
        clips = plan.protocol.clips
        pixels = clips.length_s * clips.fps_hz * height * width
        large = idle == TORCH_WORKER_BYTES and network_size(task) != "small"
        return idle + CLIP_BYTES_PER_PIXEL * pixels + CHUNK_BYTES * large
    if "video" not in task.inputs and task.stage != "render":
        return idle
    pixels = (frames or frame_pixels(plan)).get(task.recording, 0.0)
    codec = task.settings.get("codec", {}).get("use", "")
    return idle + ENCODE_BYTES_PER_PIXEL.get(codec, DECODE_BYTES_PER_PIXEL) * pixels
