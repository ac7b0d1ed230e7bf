"""Face detectors by name, and the track of their detections in a recording."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from rppgbench.errors import MediaError, NoFaceFound, UnknownName, nearest
from rppgbench.media.box import Box as Box
from rppgbench.media.cascade import frontal_face
from rppgbench.media.decode import WHOLE, Frame, Part, frames, probe
from rppgbench.media.steady import SteadyBox, interpolated_box, median_box

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray

    FloatArray = NDArray[np.floating[Any]]

Detector = Callable[["ByteArray", "Box | None"], "Box | None"]

_SHORT_SIDE = 240  # pixels of the picture that is searched
_MIN_SHARES = (1 / 3, 1 / 6)  # smallest face as a share of the short side: the likely ones first
_MIN_VOTES = 3
# A face is first searched from this share of its last size on: most of the work is in small windows.
_SHRINKAGE = 0.75


def detect_lbp_frontal(luma: ByteArray, previous: Box | None) -> Box | None:
    """The frontal face in ``(H, W)`` grey levels, in its pixels; of several the one nearest to ``previous``."""
    height, width = luma.shape
    factor = max(min(height, width) / _SHORT_SIDE, 1.0)
    small = luma
    if factor > 1:
        size = (round(width / factor), round(height / factor))
        small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    before = previous and previous.scaled(1 / factor)
    min_sides = [share * min(small.shape) for share in _MIN_SHARES]
    if before is not None:
        min_sides.insert(0, _SHRINKAGE * before.width)
    for min_side in min_sides:
        boxes, votes = frontal_face().detect(small, round(min_side))
        found = boxes[votes >= _MIN_VOTES]
        if len(found):
            best = found[_likeliest(found, votes[votes >= _MIN_VOTES], before)]
            return Box(*(float(v) for v in best)).scaled(factor)
    return None


DETECTORS: Mapping[str, Detector] = {"lbp_frontal": detect_lbp_frontal}


def _likeliest(boxes: FloatArray, votes: NDArray[Any], previous: Box | None) -> int:
    if previous is None:
        return int(np.argmax(votes * boxes[:, 2]))
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    return int(np.argmin(np.hypot(*(centers - previous.center).T)))


@dataclass(frozen=True)
class FaceTrack:
    """Detections of a face in a recording.

    ``boxes`` is ``(K, 4)``: x, y, width and height in source pixels at ``times_s`` ``(K,)``, NaN without a face.
    ``width`` and ``height`` are the picture's.
    """

    times_s: FloatArray
    boxes: FloatArray
    width: int
    height: int
    detector: str

    @property
    def found_share(self) -> float:
        """Share of the searched pictures that have a face, 0 to 1."""
        return float(np.isfinite(self.boxes[:, 0]).mean()) if len(self.boxes) else 0.0

    def fixed(self, margin: float) -> Box:
        """One square box for the whole recording, ``margin`` times its size added on every side.

        Centre and size are medians over the detections, so that single wrong ones do not count. A whole frame stays
        a rectangle.

        Raises:
            NoFaceFound: the track holds no detection.
        """
        found = self.boxes[np.isfinite(self.boxes[:, 0])]
        if not len(found):
            raise NoFaceFound(
                "no face in any sampled frame", hint="look at the video; the face must be frontal and upright"
            )
        box = median_box(found)
        return (box if self.detector == WHOLE_FRAME else box.squared()).widened(margin)

    def at(self, time_s: float) -> Box | None:
        """The face's box at a time, smoothed by ``SteadyBox`` and without jumps; None without a face."""
        times_s, path = self._path
        if len(times_s) == 0:
            return None
        index = int(np.clip(np.searchsorted(times_s, time_s, side="right") - 1, 0, len(times_s) - 1))
        return interpolated_box(time_s, times_s[index], path[index], *_next(times_s, path, index))

    @functools.cached_property
    def _path(self) -> tuple[list[float], list[Box | None]]:
        steady = SteadyBox()
        times_s = [float(t) for t in self.times_s]
        return times_s, [steady.step(t, _box(row)) for t, row in zip(times_s, self.boxes, strict=True)]

    def to_json(self) -> str:
        """The track as JSON; a box that was not found is null."""
        record = {
            "detector": self.detector,
            "width": self.width,
            "height": self.height,
            "times_s": [float(t) for t in self.times_s],
            "boxes": [None if math.isnan(row[0]) else [float(v) for v in row] for row in self.boxes],
        }
        return json.dumps(record)

    @classmethod
    def from_json(cls, text: str) -> FaceTrack:
        """The track of a text by ``to_json``."""
        record = json.loads(text)
        boxes = [[math.nan] * 4 if row is None else row for row in record["boxes"]]
        return cls(
            times_s=np.array(record["times_s"], float),
            boxes=np.array(boxes, float).reshape(-1, 4),
            width=record["width"],
            height=record["height"],
            detector=record["detector"],
        )


WHOLE_FRAME = "whole_frame"


def find_faces(path: Path, *, detector: str = "lbp_frontal", every_s: float = 1.0, part: Part = WHOLE) -> FaceTrack:
    """Track of the face in one frame of every ``every_s`` seconds of a video, or of a ``part`` of it.

    Raises:
        UnknownName: no detector has that name.
        MediaError: the video cannot be read.
        NoFaceFound: none of the frames has a face; the error holds the middle one of them as a PNG.
    """
    detect = find_detector(detector)
    times_s: list[float] = []
    boxes: list[list[float]] = []
    sample: list[ByteArray] = []
    previous: Box | None = None
    height = width = 0
    for frame in sampled_frames(frames(path, part=part), every_s):
        luma = frame.luma()
        height, width = luma.shape
        found = detect(luma, previous)
        previous = found or previous
        times_s.append(frame.time_s)
        boxes.append([math.nan] * 4 if found is None else list(found.sides))
        if previous is None:
            sample = [frame.rgb()]
    if not times_s:
        raise MediaError(f"{path}: no frame could be read", hint="check that the file is complete")
    if previous is None:
        raise no_face(path, detector, len(times_s), sample[0])
    return FaceTrack(np.array(times_s), np.array(boxes), width, height, detector)


def whole_frame(path: Path) -> FaceTrack:
    """Track of one box, the whole frame, for a video whose pixels are all skin."""
    info = probe(path)
    boxes = np.array([[0.0, 0.0, info.width, info.height]])
    return FaceTrack(np.zeros(1), boxes, info.width, info.height, WHOLE_FRAME)


def find_detector(name: str) -> Detector:
    """The detector of that name.

    Raises:
        UnknownName: there is none; the hint has the nearest name.
    """
    try:
        return DETECTORS[name]
    except KeyError:
        raise UnknownName(f"no face detector is called {name!r}", hint=nearest(name, DETECTORS)) from None


def no_face(path: Path, detector: str, n_frames: int, rgb: ByteArray) -> NoFaceFound:
    """The error of a video without a face, with one of its searched frames as a PNG."""
    encoded, png = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return NoFaceFound(
        f"{path}: no face in any of {n_frames} sampled frames (detector {detector!r})",
        hint="the face must be frontal and upright; if every pixel is skin, say so (--roi full)",
        frame_png=png.tobytes() if encoded else None,
    )


def sampled_frames(source: Iterable[Frame], every_s: float) -> Iterator[Frame]:
    """The first frame, and then the first one of each further ``every_s`` seconds."""
    due_s = -math.inf
    for frame in source:
        if frame.time_s >= due_s:
            # A little slack: a frame's time may lie a rounding error before the full second.
            due_s = frame.time_s + every_s - 1e-3
            yield frame


def _next(times_s: list[float], path: list[Box | None], index: int) -> tuple[float, Box | None]:
    last = min(index + 1, len(times_s) - 1)
    return times_s[last], path[last]


def _box(row: FloatArray) -> Box | None:
    return None if math.isnan(row[0]) else Box(*(float(v) for v in row))
