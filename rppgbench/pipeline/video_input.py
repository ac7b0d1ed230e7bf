"""Videos as inputs of tasks, and the cost of decoding them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rppgbench.pipeline.stage_settings import WORKER_BYTES, TaskCost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording

# Per pixel of a frame, of a worker that decodes: about 20 decoded frames are in flight.
DECODING_BYTES_PER_PIXEL = 30.0


@dataclass(frozen=True)
class VideoInput:
    """A recording's video under a condition.

    ``key`` is that of the artefact, or ``file:<sha256>`` of the user's file at ``path``. ``part`` selects the frames
    of the recording, as in `Recording`. ``encoded`` is True for an encoder's output, whose frames keep no times.
    """

    key: str
    part: tuple[int, int | None]
    path: Path | None = None
    encoded: bool = False

    @property
    def local(self) -> dict[str, str]:
        """The path for `Task.local`; empty for an artefact."""
        return {} if self.path is None else {"video": str(self.path)}

    @property
    def bytes_in(self) -> float:
        """Bytes of the user's file; 0 for an artefact."""
        return 0.0 if self.path is None else files_bytes(self.path)


def n_frames(recording: Recording) -> float:
    """Frames of a recording at its nominal rate."""
    return recording.duration_s * recording.fps_hz


def files_bytes(*paths: Path) -> float:
    """Bytes of those of the files that exist."""
    return float(sum(path.stat().st_size for path in paths if path.is_file()))


def decoding_cost(
    recording: Recording,
    frame_pixels: float,
    seconds_per_frame: float,
    seconds_per_megapixel: float,
    *,
    bytes_out: float,
    bytes_in: float,
    bytes_per_pixel: float = DECODING_BYTES_PER_PIXEL,
) -> TaskCost:
    """Cost of a task that reads or writes every frame of a recording's video; memory in bytes per pixel of a frame."""
    return TaskCost(
        seconds=n_frames(recording) * (seconds_per_frame + seconds_per_megapixel * frame_pixels / 1e6),
        bytes_out=bytes_out,
        bytes_in=bytes_in,
        memory_bytes=WORKER_BYTES + bytes_per_pixel * frame_pixels,
    )
