"""Roughly how long a plan takes, how much disk and memory: from what was measured in this store, else by thumb."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rppgbench.contracts import CodecSpec, Recording
from rppgbench.engine.collection import Collection
from rppgbench.engine.plan import Plan
from rppgbench.engine.sizes import GUESSED_FRAME
from rppgbench.engine.store import Store
from rppgbench.engine.task import STAGES, Stage, Task

# Core-seconds per megapixel of video, measured at 320x240 on one 2.x GHz core; encoders say their own.
SECONDS_PER_MEGAPIXEL = {"render": 0.04, "boxes": 0.015, "traces": 0.008, "crop": 0.012}
SECONDS_PER_TASK = {
    "truth": 0.03,
    "skin": 0.2,
    "quality": 0.02,
    "fit": 0.05,
    "predict": 0.02,
    "score": 0.03,
    "label": 0.05,
    "clock": 0.05,
}
# Of networks of size small, per pixel of a clip: a training step, and a prediction.
FIT_SECONDS_PER_PIXEL, PREDICT_SECONDS_PER_PIXEL = 8e-7, 5e-7
# Of the measures of a clip beside its reference.
QUALITY_SECONDS_PER_PIXEL = 1e-7
_CLIPS_PER_EPOCH = 1000.0  # where a recipe counts in epochs

# Resident memory of a worker that does nothing yet, and of one that has loaded torch.
WORKER_BYTES, TORCH_WORKER_BYTES = 2.5e8, 7e8
# Per pixel of a frame: some 40 decoded frames in flight; encoders look some 60 ahead and keep what they refer to.
DECODE_BYTES_PER_PIXEL = 60.0
ENCODE_BYTES_PER_PIXEL = {"x264": 200.0, "x265": 400.0}
# Per pixel of a batch: what a training step keeps for its gradients, in a network of size small and of a paper's; and
# what predicting takes, of a window's clips as numbers and of the layers of one chunk of it.
FIT_BYTES_PER_PIXEL = {"small": 400.0, "paper": 2500.0}
CLIP_BYTES_PER_PIXEL, CHUNK_BYTES = 60.0, 5e8


@dataclass(frozen=True)
class StageEstimate:
    """A stage's tasks: how many there are, still to do, their core-seconds and the bytes they will leave."""

    stage: Stage
    total: int
    to_do: int
    seconds: float
    bytes_out: float


def estimate(plan: Plan, store: Store, to_do: Sequence[Task]) -> list[StageEstimate]:
    """Estimates of every stage that the plan has, in their order."""
    waiting = {task.key for task in to_do}
    seconds = task_seconds(plan, store, plan.tasks.values())
    stages = []
    for stage in STAGES:
        tasks = [task for task in plan.tasks.values() if task.stage == stage]
        rest = [task for task in tasks if task.key in waiting]
        if tasks:
            core_seconds = sum(seconds[task.key] for task in rest)
            stages.append(StageEstimate(stage, len(tasks), len(rest), core_seconds, sum(t.bytes_out for t in rest)))
    return stages


def task_seconds(plan: Plan, store: Store, tasks: Iterable[Task]) -> dict[str, float]:
    """Expected core-seconds of each task by key: the mean of its like in the store, else the rule of thumb."""
    tasks = list(tasks)
    measured: dict[str, list[float]] = defaultdict(list)
    for task in tasks:
        like = measured[_like(task)]
        if len(like) < 3 and store.has(task.key):
            like.append(float(store.manifest(task.key)["made"]["seconds"]))
    pixels = {r.id: _pixels(collection, r) for collection in reversed(plan.collections) for r in collection.recordings}
    costs = {
        c.codec.name: c.codec.spec.seconds_per_megapixel
        for c in (*plan.protocol.conditions, *plan.protocol.lesson_conditions)
        if isinstance(c.codec.spec, CodecSpec)
    }
    expected = {}
    for task in tasks:
        like = measured[_like(task)]
        expected[task.key] = (
            sum(like) / len(like) if like else _rule_of_thumb(task, pixels, costs, plan.protocol.clips.size)
        )
    return expected


def _like(task: Task) -> str:
    codec = task.settings.get("codec", {})
    rate = codec.get("params", {}).get("bitrate_kbps", "")
    parts = [task.settings.get(role, {}) for role in ("method", "enhancer", "recipe")]
    return f"{task.stage} {codec.get('use', '')} {rate} {task.settings.get('part', '')} {parts}"


def _rule_of_thumb(
    task: Task, pixels: dict[str, float], codec_costs: dict[str, float], clip_size: tuple[int, int]
) -> float:
    height, width = clip_size
    if "recipe" in task.settings:
        recipe = task.settings["recipe"]
        clips = (recipe["epochs"] or 0) * _CLIPS_PER_EPOCH
        clips += (recipe["iterations"] or 0) * recipe["batch"] * recipe["accumulate"]
        return float(FIT_SECONDS_PER_PIXEL * clips * recipe["frames"] * height * width)
    if task.stage in ("predict", "quality") and "crops" in task.inputs:
        networks = sum(role in task.inputs for role in ("method state", "enhancer state"))
        per_pixel = PREDICT_SECONDS_PER_PIXEL * networks + QUALITY_SECONDS_PER_PIXEL * ("reference" in task.inputs)
        frames = task.settings["duration_s"] * task.settings["fps_hz"]
        return float(per_pixel * frames * height * width)
    if task.stage in SECONDS_PER_TASK:
        return SECONDS_PER_TASK[task.stage]
    cost = codec_costs[task.settings["codec"]["use"]] if task.stage == "encode" else SECONDS_PER_MEGAPIXEL[task.stage]
    return pixels[task.recording] / 1e6 * cost


def _pixels(collection: Collection, recording: Recording) -> float:
    size = getattr(collection.dataset.params, "size", None)
    width, height = size or GUESSED_FRAME
    return float(width * height * recording.fps_hz * recording.duration_s)


def peak_memory(plan: Plan, to_do: Sequence[Task], workers: int) -> float:
    """Bytes that ``workers`` take together at most, should the largest tasks fall together."""
    frames = _frame_pixels(plan)
    torch = any(_uses_torch(task) for task in to_do)
    idle = TORCH_WORKER_BYTES if torch else WORKER_BYTES
    largest = heapq.nlargest(workers, (task_memory(plan, task, frames) for task in to_do))
    return sum(max(idle, n_bytes) for n_bytes in largest)


def task_memory(plan: Plan, task: Task, frames: dict[str, float] | None = None) -> float:
    """About how many bytes a worker takes at most while it does the task, on a CPU; of the user's files the size of a
    frame is guessed. ``frames`` are pixels of a frame by recording, worked out from the plan when not given."""
    idle = TORCH_WORKER_BYTES if _uses_torch(task) else WORKER_BYTES
    height, width = plan.protocol.clips.size
    if "recipe" in task.settings:
        recipe = task.settings["recipe"]
        pixels = float(recipe["batch"] * recipe["frames"] * height * width)
        return idle + FIT_BYTES_PER_PIXEL[_network_size(task)] * pixels
    if "crops" in task.inputs:
        clips = plan.protocol.clips
        pixels = clips.length_s * clips.fps_hz * height * width
        large = idle == TORCH_WORKER_BYTES and _network_size(task) != "small"
        return idle + CLIP_BYTES_PER_PIXEL * pixels + CHUNK_BYTES * large
    if "video" not in task.inputs and task.stage != "render":
        return idle
    pixels = (frames or _frame_pixels(plan)).get(task.recording, 0.0)
    codec = task.settings.get("codec", {}).get("use", "")
    return idle + ENCODE_BYTES_PER_PIXEL.get(codec, DECODE_BYTES_PER_PIXEL) * pixels


def _uses_torch(task: Task) -> bool:
    return "recipe" in task.settings or "torch" in task.settings.get("libraries", {})


def _network_size(task: Task) -> str:
    """``paper`` for all but what says of itself that it is small, or says nothing."""
    parts = [task.settings.get(role, {}).get("params", {}) for role in ("method", "enhancer")]
    return "small" if all(params.get("size", "small") == "small" for params in parts) else "paper"


def _frame_pixels(plan: Plan) -> dict[str, float]:
    return {
        recording.id: _pixels(collection, recording) / (recording.fps_hz * recording.duration_s)
        for collection in reversed(plan.collections)
        for recording in collection.recordings
    }
