"""Traces of a moving face in one decode: detection once a second, a box without jumps, the skin's mean colour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from rppgbench.errors import MediaError
from rppgbench.media.decode import Frame, frames
from rppgbench.media.face_detection import Box, FaceTrack, find_detector, no_face
from rppgbench.media.patch import patch_means
from rppgbench.media.skin import SkinSettings
from rppgbench.media.steady import SteadyBox, interpolated_box
from rppgbench.media.traces import Traces, aligned_to_cells, skin_means

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray

_Patch: TypeAlias = "NDArray[np.float32]"
_Waiting: TypeAlias = "tuple[Frame, _Patch | None]"

# Frames wait for the next detection; of large or fast videos a whole second would not fit.
_BUFFER_BYTES = 64e6


def follow_face(
    path: Path,
    *,
    detector: str = "lbp_frontal",
    every_s: float = 1.0,
    margin: float = 0.05,
    skin: SkinSettings | None = None,
    source: Iterable[Frame] | None = None,
    progress: Callable[[float], None] = lambda time_s: None,
) -> tuple[Traces, FaceTrack]:
    """Traces and track of a video's face; frames without one for seconds are NaN.

    A box is known up to a second ahead, so it is on its way before the head has left it. ``progress`` gets the time of
    each frame that was searched; ``source`` stands in for the frames of ``path``. Background is not measured: NaN.

    Raises:
        NoFaceFound: no searched frame has a face; the error holds the first of them as a PNG.
        MediaError: the video cannot be read in full.
    """
    follower = _Follower(path, frames(path) if source is None else source, detector, every_s, margin, progress)
    means = list(skin_means(follower.patches(), skin or SkinSettings()))
    times_s = np.array(follower.times_s)
    traces = Traces(
        times_s=times_s,
        skin=np.array([mean for mean, _ in means]).reshape(-1, 3),
        background=np.full((len(times_s), 3), math.nan),
        skin_share=np.array([share for _, share in means]),
    )
    return traces, follower.track()


class _Follower:
    def __init__(
        self,
        path: Path,
        source: Iterable[Frame],
        detector: str,
        every_s: float,
        margin: float,
        progress: Callable[[float], None],
    ) -> None:
        self._path, self._source, self._detector_name = path, source, detector
        self._every_s, self._margin = every_s, margin
        self._detect, self._progress = find_detector(detector), progress
        self._steady = SteadyBox()
        self._last: Box | None = None
        self._searched: list[tuple[float, Box | None]] = []
        self._sample: ByteArray | None = None
        self._shape = (0, 0)
        self.times_s: list[float] = []

    def patches(self) -> Iterator[tuple[float, _Patch | None]]:
        waiting: list[_Waiting] = []
        start_s, start = 0.0, None
        for frame in self._source:
            if not waiting or frame.time_s - start_s >= self._every_s - 1e-3 or _bytes(waiting) > _BUFFER_BYTES:
                end = self._search(frame)
                yield from self._released(waiting, start_s, start, frame.time_s, end)
                waiting, start_s, start = [], frame.time_s, end
            # The head will most likely stay, and the picture is still in the processor's cache.
            waiting.append((frame, self._patch(frame, start)))
        yield from self._released(waiting, start_s, start, start_s, start)
        if self._last is None and self._sample is not None:
            raise no_face(self._path, self._detector_name, len(self._searched), self._sample)

    def track(self) -> FaceTrack:
        if not self._searched:
            raise MediaError(f"{self._path}: no frame could be read", hint="check that the file is complete")
        missing = [math.nan] * 4
        boxes = [missing if box is None else list(box.sides) for _, box in self._searched]
        height, width = self._shape
        return FaceTrack(np.array([t for t, _ in self._searched]), np.array(boxes), width, height, self._detector_name)

    def _search(self, frame: Frame) -> Box | None:
        luma = frame.luma()
        self._shape = luma.shape
        found = self._detect(luma, self._last)
        self._last = found or self._last
        if self._last is None and self._sample is None:
            self._sample = frame.rgb()
        self._searched.append((frame.time_s, found))
        self._progress(frame.time_s)
        return self._steady.step(frame.time_s, found)

    def _released(
        self, waiting: list[_Waiting], start_s: float, start: Box | None, end_s: float, end: Box | None
    ) -> Iterator[tuple[float, _Patch | None]]:
        for frame, patch in waiting:
            self.times_s.append(frame.time_s)
            if end != start:
                patch = self._patch(frame, interpolated_box(frame.time_s, start_s, start, end_s, end))
            yield frame.time_s, patch

    def _patch(self, frame: Frame, box: Box | None) -> _Patch | None:
        if box is None:
            return None
        return patch_means(frame.picture, *aligned_to_cells(box.squared().widened(self._margin)))


def _bytes(waiting: list[_Waiting]) -> float:
    picture = waiting[0][0].picture
    return float(len(waiting) * sum(plane.buffer_size for plane in picture.planes))
