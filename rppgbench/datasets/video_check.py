"""Frames of a recording's video: count, times, and agreement with its header."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.contracts import RenderingDataset, TimedDataset
from rppgbench.datasets.audit_finding import AuditFinding, of_error
from rppgbench.errors import MediaError
from rppgbench.media.clock import span_s
from rppgbench.media.decode import frames, probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rppgbench.contracts import Dataset, FloatArray, Recording
    from rppgbench.media.decode import VideoInfo

# Containers are often wrong by a frame; a longer gap than this prevents estimating a heart rate.
_SLACK_FRAMES = 2
_LONGEST_GAP_S = 0.5


@dataclass(frozen=True)
class VideoCheck:
    """Measures of a recording's video.

    ``times_s`` are the times of the frames of its part, by the dataset's clock if it has one, else by the container's;
    None if nothing was decoded and the dataset has no clock. ``container_s`` is their duration by the container.
    """

    info: VideoInfo
    n_frames: int
    container_s: float
    times_s: FloatArray | None

    @property
    def duration_s(self) -> float:
        """Duration of the frames of the part, by the dataset's clock if it has one."""
        return self.container_s if self.times_s is None else span_s(self.times_s)

    @property
    def fps_hz(self) -> float:
        """Mean frame rate by the same clock."""
        return self.n_frames / self.duration_s if self.duration_s > 0 else 0.0


@contextlib.contextmanager
def video_of(dataset: Dataset, recording: Recording) -> Iterator[Path]:
    """Context with the recording's video file, rendered into a temporary folder if the dataset renders.

    Raises:
        MediaError: the recording has no file, and the dataset does not render.
    """
    if recording.path is not None:
        yield recording.path
        return
    if not isinstance(dataset, RenderingDataset):
        raise MediaError(
            f"recording {recording.id!r} names no video file, and its dataset renders none",
            hint="tell the author of the dataset's plugin",
        )
    with tempfile.TemporaryDirectory(prefix="rppgbench-") as folder:
        path = Path(folder) / f"rendered{dataset.container()}"
        dataset.render(recording, path)
        yield path


def check_video(dataset: Dataset, recording: Recording, *, quick: bool) -> tuple[VideoCheck | None, list[AuditFinding]]:
    """Measures of a recording's video and findings on it; None if it cannot be read. ``quick`` reads the header."""
    try:
        if recording.path is None and quick:
            return _from_clock_alone(dataset, recording)
        with video_of(dataset, recording) as path:
            return _check_file(path, dataset, recording, quick=quick)
    except Exception as error:  # a loader may raise anything; the other recordings must still be audited
        shown = recording.path or next(iter(recording.source_files), None)
        return None, [of_error("video", error, recording, shown)]


def _from_clock_alone(dataset: Dataset, recording: Recording) -> tuple[VideoCheck | None, list[AuditFinding]]:
    """No measures without rendering; raises if the frame times cannot be read."""
    clock_s(dataset, recording)
    return None, []


def _check_file(
    path: Path, dataset: Dataset, recording: Recording, *, quick: bool
) -> tuple[VideoCheck | None, list[AuditFinding]]:
    info = probe(path)
    first, end = _frame_range(recording.part, info.n_frames or 0)
    findings = list(_header(info, recording, first, end))
    if quick:
        n_frames = max(min(end, info.n_frames or 0) - first, 0)
        container_s = n_frames / info.fps_hz if info.fps_hz else 0.0
        decoded_s = None
    else:
        decoded_s = np.array([frame.time_s for frame in frames(path, part=recording.part)])
        n_frames, container_s = len(decoded_s), span_s(decoded_s)
        findings += _decoded(decoded_s, end - first, recording)
    stamps_s = clock_s(dataset, recording)
    if stamps_s is not None:
        fault = _frame_times_fault(stamps_s, n_frames)
        if fault is not None:
            remedy = "is the video, or the file of its times, cut off or of another recording?"
            return None, [*findings, _trouble(recording, "clock", *fault, remedy)]
    return VideoCheck(info, n_frames, container_s, decoded_s if stamps_s is None else stamps_s), findings


def clock_s(dataset: Dataset, recording: Recording) -> FloatArray | None:
    """``(T,)`` frame times of the dataset's clock; None if the container's are used."""
    if not (recording.clock_files and isinstance(dataset, TimedDataset)):
        return None
    return np.asarray(dataset.frame_times_s(recording), dtype=np.float64)


def _frame_times_fault(stamps_s: FloatArray, n_frames: int) -> tuple[str, str] | None:
    """Found and expected, for frame times that do not fit the video; None if they do."""
    if stamps_s.shape != (n_frames,):
        return f"{len(stamps_s)} frame times for {n_frames} frames", "one for each frame"
    if not np.isfinite(stamps_s).all() or (np.diff(stamps_s) <= 0).any():
        return "frame times that do not ascend", "each frame later than the one before"
    return None


def _frame_range(part: tuple[int, int | None], n_frames: int) -> tuple[int, int]:
    first, end = part
    return first, n_frames if end is None else n_frames + end if end < 0 else end


def _header(info: VideoInfo, recording: Recording, first: int, end: int) -> Iterator[AuditFinding]:
    n_frames = info.n_frames or 0
    if end > n_frames or first >= end:
        yield _trouble(
            recording, "video", f"has {n_frames} frames", f"frames {first} to {end - 1}", "is it the whole file?"
        )
    frames_s = n_frames / info.fps_hz if info.fps_hz else 0.0
    slack_s = max((_SLACK_FRAMES + 0.5) / info.fps_hz if info.fps_hz else 0.0, 0.005 * info.duration_s)
    if recording.part[1] is None and frames_s < info.duration_s - slack_s:
        yield _trouble(
            recording,
            "video",
            f"holds {frames_s:.1f} s of pictures",
            f"{info.duration_s:.1f} s, which its header announces",
            "it was cut off: copy it again",
        )


def _decoded(times_s: FloatArray, expected: int, recording: Recording) -> Iterator[AuditFinding]:
    n_frames = len(times_s)
    if abs(n_frames - expected) > _SLACK_FRAMES:
        yield _trouble(
            recording,
            "video",
            f"{n_frames} frames could be decoded",
            f"{expected}, which its index announces",
            "copy it again: it is damaged",
        )
    gaps_s = np.diff(times_s)
    if len(gaps_s) and gaps_s.max() > _LONGEST_GAP_S and not recording.clock_files:
        at = int(gaps_s.argmax())
        yield AuditFinding(
            severity="remark",
            check="clock",
            found=f"no frame for {gaps_s[at]:.1f} s from {times_s[at]:.1f} s on; windows there are excluded",
            recording=recording.id,
            path=recording.path,
        )


def _trouble(recording: Recording, check: str, found: str, expected: str, remedy: str) -> AuditFinding:
    return AuditFinding(
        severity="trouble",
        check=check,
        found=found,
        expected=expected,
        remedy=remedy,
        recording=recording.id,
        path=recording.path or next(iter(recording.source_files), None),
    )
