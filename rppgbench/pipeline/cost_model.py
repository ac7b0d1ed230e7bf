"""Rules of thumb for what a task costs before its like was ever measured: core-seconds, and bytes read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from rppgbench.contracts import CodecSpec
from rppgbench.errors import MediaError
from rppgbench.pipeline.artefact_sizes import GUESSED_FRAME
from rppgbench.pipeline.local_dataset import LocalDataset
from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.task import Task, count_windows

# Core-seconds per frame, and per megapixel of video: between 320x240 as rendered and 1920x1080 in H.264 that hardly
# moves. Where much moves, or a file has many bits, decoding takes longer.
SECONDS_PER_FRAME = {"render": 0.003, "boxes": 0.0012, "traces": 0.001, "crop": 0.001, "encode": 0.001}
SECONDS_PER_MEGAPIXEL = {"render": 0.03, "boxes": 0.0002, "traces": 0.0003, "crop": 0.0002}
# Of encoders at preset "medium" and two passes, on noisy 1920x1080; others say their own. Pictures that hardly move
# take down to a tenth of it, the quick presets this share.
SECONDS_PER_ENCODED_MEGAPIXEL = {"mpeg4": 0.023, "x264": 0.057, "x265": 0.15}
QUICK, QUICK_SHARE = frozenset({"ultrafast", "superfast", "veryfast", "faster"}), 0.6
SECONDS_PER_WINDOW = {
    "truth": 0.05,
    "skin": 0.2,
    "quality": 0.02,
    "fit": 0.05,
    "predict": 0.01,
    "score": 0.02,
    "label": 0.1,
    "clock": 0.05,
}
# Per pixel of a clip, of a training step and of a prediction: of networks of size small, as measured; and of rPPGNet
# and STVEN at the paper's size, whose operations were counted. What a core and a GPU sustain is assumed.
CORE_FLOP_PER_S, GPU_FLOP_PER_S = 2e10, 1e13
FIT_FLOP = {"method": 2.3e5, "enhancer": 5.3e7, "joint": 1.0e7}
PREDICT_FLOP = {"method": 9e4, "enhancer": 4.4e6}
SMALL_FIT_SECONDS_PER_PIXEL, SMALL_PREDICT_SECONDS_PER_PIXEL = 8e-7, 5e-7
# Of the measures of a clip beside its reference.
QUALITY_SECONDS_PER_PIXEL = 1.5e-7

_MOST_HEADERS = 5  # that are tried for the size of a collection's frames


class CostModel:
    """Rules of thumb for the tasks of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._recordings = {r.id: r for collection in reversed(plan.collections) for r in collection.recordings}
        self._frame_pixels = frame_pixels(plan)
        self._codec_costs = {
            c.codec.name: c.codec.spec.seconds_per_megapixel
            for c in (*plan.protocol.conditions, *plan.protocol.training_conditions)
            if isinstance(c.codec.spec, CodecSpec)
        }
        height, width = plan.protocol.clips.size
        self._clip_pixels = height * width

    def seconds(self, task: Task) -> float:
        """Core-seconds of a task."""
        if "recipe" in task.settings:
            frames = self.drawn(task) * task.settings["recipe"]["frames"]
            part = task.settings["part"]
            large = network_size(task) != "small"
            per_pixel = FIT_FLOP[part] / CORE_FLOP_PER_S if large else SMALL_FIT_SECONDS_PER_PIXEL
            return float(per_pixel * frames * self._clip_pixels)
        if task.stage in ("predict", "quality") and "crops" in task.inputs:
            per_pixel = sum(_prediction(task, role) for role in PREDICT_FLOP if f"{role} state" in task.inputs)
            per_pixel += QUALITY_SECONDS_PER_PIXEL * ("reference" in task.inputs)
            frames = task.settings["duration_s"] * task.settings["fps_hz"]
            return float(per_pixel * frames * self._clip_pixels)
        if task.stage in SECONDS_PER_WINDOW:
            return SECONDS_PER_WINDOW[task.stage] * self._n_windows(task)
        megapixels = self._frame_pixels[task.recording] / 1e6
        per_megapixel = SECONDS_PER_MEGAPIXEL.get(task.stage) or self._encoding(task.settings["codec"])
        return self._n_frames(task) * (SECONDS_PER_FRAME[task.stage] + per_megapixel * megapixels)

    def reads(self, task: Task) -> float:
        """Bytes that a task reads: each input once, but clips of a fit as often as they are drawn."""
        tasks = self._plan.tasks
        inputs = [tasks[key] for key in task.inputs.values() if key in tasks]
        if "recipe" in task.settings:
            kept = sum(source.bytes_out for source in inputs if source.stage not in ("crop", "skin"))
            labels = task.settings["labels"].values()
            pairs = sum(label != 0 for label in labels) / len(labels)  # the others are their own reference
            skin = any(source.stage == "skin" for source in inputs)
            clip = task.settings["recipe"]["frames"] * self._clip_pixels * (3 + 3 * pairs + skin)
            return float(kept + self.drawn(task) * clip)
        return sum(source.bytes_out for source in inputs) + self._own_bytes(task)

    def _own_bytes(self, task: Task) -> float:
        """Of the user's own files that the task reads."""
        recording = self._recordings.get(task.recording)
        paths = [Path(task.local["video"])] if "video" in task.local else []
        if recording is not None and task.stage in ("truth", "clock", "render"):
            paths += recording.source_files if task.stage == "render" else recording.truth_files
            paths += recording.clock_files if task.stage == "clock" else ()
        return float(sum(path.stat().st_size for path in paths if path.is_file()))

    def drawn(self, task: Task) -> float:
        """Clips that a fit draws."""
        recipe = task.settings["recipe"]
        if recipe["iterations"]:
            return float(recipe["iterations"] * recipe["batch"] * recipe["accumulate"])
        lasting_s = sum(self._recordings[name].duration_s for name in task.settings["recordings"])
        frames = lasting_s * task.settings["fps_hz"] * len(task.settings["labels"])
        return float(recipe["epochs"] * frames / recipe["frames"])

    def _encoding(self, codec: Mapping[str, Any]) -> float:
        """Core-seconds per megapixel of an encoder as it is set."""
        usual = SECONDS_PER_ENCODED_MEGAPIXEL.get(codec["use"], self._codec_costs[codec["use"]])
        return usual * (QUICK_SHARE if codec["params"].get("preset") in QUICK else 1.0)

    def _n_frames(self, task: Task) -> float:
        recording = self._recordings[task.recording]
        return recording.fps_hz * recording.duration_s

    def _n_windows(self, task: Task) -> int:
        recording = self._recordings.get(task.recording)
        n = count_windows(recording.duration_s, self._plan.protocol.clips.length_s) if recording else 1
        return max(n, 1)


def _prediction(task: Task, role: str) -> float:
    """Core-seconds per pixel of the network in a role."""
    small = task.settings[role]["params"].get("size", "small") == "small"
    return SMALL_PREDICT_SECONDS_PER_PIXEL if small else PREDICT_FLOP[role] / CORE_FLOP_PER_S


def uses_network(task: Task) -> bool:
    return "recipe" in task.settings or "torch" in task.settings.get("libraries", {})


def network_size(task: Task) -> str:
    """``paper`` for all but what says of itself that it is small, or says nothing."""
    parts = [task.settings.get(role, {}).get("params", {}) for role in ("method", "enhancer")]
    return "small" if all(params.get("size", "small") == "small" for params in parts) else "paper"


def frame_pixels(plan: Plan) -> dict[str, float]:
    """Pixels of a frame by recording; of the user's files those of the collection's first."""
    pixels: dict[str, float] = {}
    for collection in reversed(plan.collections):
        width, height = frame_size(collection)
        pixels.update((recording.id, float(width * height)) for recording in collection.recordings)
    return pixels


def frame_size(collection: LocalDataset) -> tuple[int, int]:
    """Width and height of the frames: as the dataset says, else by the header of the first video that has one."""
    told: tuple[int, int] | None = getattr(collection.dataset.params, "size", None)
    paths = (recording.path for recording in collection.recordings if recording.path is not None)
    return told or next((size for path in islice(paths, _MOST_HEADERS) if (size := _header_size(path))), GUESSED_FRAME)


@lru_cache(maxsize=64)
def _header_size(path: Path) -> tuple[int, int] | None:
    from rppgbench.media.container import open_container

    try:
        with open_container(path) as (_, stream):
            return (stream.width, stream.height) if stream.width and stream.height else None
    except MediaError:
        return None
