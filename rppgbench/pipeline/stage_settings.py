"""Parts that settings of stages have in common, and costs of tasks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from rppgbench.contracts import Kind

DeviceKind = str  # "cpu", "cuda", or another type of torch device

SLACK_S = 0.05  # a recording may be shorter by that much than its last window
# A folder, a manifest and the last block of a file take 4 KiB each; a further file takes its last block.
FOLDER_BYTES, FILE_BYTES = 12_300.0, 4_100.0
# Resident memory of a worker process that is idle, and of one that has loaded torch.
WORKER_BYTES, TORCH_WORKER_BYTES = 2.5e8, 7e8
CORE_FLOP_PER_S, GPU_FLOP_PER_S = 2e10, 1e13  # sustained in convolutions, assumed
# Of a window's clips as numbers; and of measuring a clip's quality beside its reference.
CLIP_BYTES_PER_PIXEL, QUALITY_SECONDS_PER_PIXEL = 60.0, 1.5e-7


class StageSettings(BaseModel):
    """Base of a stage's settings, all of which are in the task's key; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def cost_group(self) -> str:
        """Group of tasks of one stage that are expected to take equally long."""
        return ""

    @property
    def device(self) -> DeviceKind | None:
        """Kind of device on which the task trains or runs a network; None for a task without one."""
        return None


class ComponentSettings(StageSettings):
    """A component with its params, as plain data.

    ``n_conditions`` is an argument of a conditional enhancer's factory besides the params.
    """

    kind: Kind
    use: str
    version: int
    params: dict[str, Any]
    n_conditions: int | None = None

    @property
    def cost_group(self) -> str:
        return f"{self.use} {self.params}"


class Compute(StageSettings):
    """Device kind and precision of a network, and whether only repeatable operations are used.

    Results of a CPU and of a GPU never share a key.
    """

    device_kind: DeviceKind
    precision: Literal["float32", "bfloat16"] = "float32"
    deterministic: bool = True


class WindowSettings(StageSettings):
    """Windows of a recording, one after the other: ``length_s`` each, at ``fps_hz``, within ``duration_s``."""

    length_s: float
    fps_hz: float
    duration_s: float

    @property
    def n_windows(self) -> int:
        return count_windows(self.duration_s, self.length_s)

    @property
    def n_frames(self) -> int:
        """Frames of one window."""
        return round(self.length_s * self.fps_hz)

    @property
    def starts_s(self) -> list[float]:
        """``(n_windows,)`` times of the first frames."""
        return [index * self.length_s for index in range(self.n_windows)]

    def slices(self, values: Any) -> Iterator[tuple[float, Any]]:
        """Start in seconds and ``(n_frames, ...)`` values of each window of a recording's ``(T, ...)`` values.

        A window that lacks up to ``SLACK_S`` at the recording's end, as at 29.97 frames/s, repeats the last sample;
        one that lacks more is left out.
        """
        for start_s in self.starts_s:
            first = round(start_s * self.fps_hz)
            clip = np.asarray(values[first : first + self.n_frames])
            missing = self.n_frames - len(clip)
            if missing <= math.ceil(SLACK_S * self.fps_hz) and len(clip):
                yield start_s, np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]) if missing else clip

    def stack(self, values: Any) -> tuple[Any, list[float]]:
        """``(B, n_frames, ...)`` values of all windows at once, and the B starts in seconds."""
        found = list(self.slices(values))
        if not found:
            return np.empty((0, self.n_frames, 3)), []
        return np.stack([clip for _, clip in found]), [start_s for start_s, _ in found]


class WindowedSettings(StageSettings):
    """Base of the settings of a stage that works window by window."""

    windows: WindowSettings


def count_windows(duration_s: float, length_s: float) -> int:
    """Number of windows in a recording, one after the other; up to ``SLACK_S`` short at the end still counts."""
    return int((duration_s + SLACK_S) / length_s)


@dataclass(frozen=True, kw_only=True)
class TaskCost:
    """Expected cost of a task before any of its cost group was measured, rounded up because bounds are made of it.

    ``seconds`` are of one core. ``bytes_out`` is the artefact on disk; ``bytes_in`` is read besides the inputs, from
    files of the user, or, with ``draws``, from clips, which are read as often as they are drawn. ``memory_bytes`` is
    resident memory, ``scratch_bytes`` disk during the task.
    """

    seconds: float
    bytes_out: float = FOLDER_BYTES
    bytes_in: float = 0.0
    draws: bool = False
    memory_bytes: float = WORKER_BYTES
    scratch_bytes: float = 0.0
