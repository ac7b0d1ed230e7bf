"""Smoothing over time of detected face boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.media.box import Box

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

_HOLD_S = 2.5


class SteadyBox:
    """Smoothed box of successive detections: the same one until the head has left it.

    A cascade's box shakes by several per cent of its size from one call to the next, and each shake moves the mean
    colour by more than a pulse does. So the box is the median of the detections of the last 2.5 s, and follows only
    when that has moved by more than ``shift`` of the box's size or changed in size by more than ``growth``.
    """

    def __init__(self, *, shift: float = 0.08, growth: float = 0.15) -> None:
        self._shift, self._growth = shift, growth
        self._recent: list[tuple[float, Box]] = []
        self._box: Box | None = None

    def step(self, time_s: float, detection: Box | None) -> Box | None:
        """The box at ``time_s``; None when no face was found for 2.5 s."""
        self._recent = [(t, box) for t, box in self._recent if time_s - t < _HOLD_S]
        if detection is not None:
            self._recent.append((time_s, detection))
        if not self._recent:
            self._box = None
            return None
        median = median_box(np.array([box.sides for _, box in self._recent]))
        if self._box is None or self._has_left(self._box, median):
            self._box = median
        return self._box

    def _has_left(self, box: Box, median: Box) -> bool:
        shift = math.dist(box.center, median.center) / box.width
        return shift > self._shift or abs(median.width / box.width - 1) > self._growth


def interpolated_box(time_s: float, start_s: float, start: Box | None, end_s: float, end: Box | None) -> Box | None:
    """The box linearly interpolated between ``start`` and ``end``; None unless both exist."""
    if start is None or end is None:
        return None
    share = min(max((time_s - start_s) / (end_s - start_s), 0.0), 1.0) if end_s > start_s else 0.0
    mix = [a + share * (b - a) for a, b in zip(start.sides, end.sides, strict=True)]
    return Box(*mix)


def median_box(boxes: FloatArray) -> Box:
    """The box of median centre and median size of ``(N, 4)`` x, y, width and height."""
    center_x, center_y = np.median(boxes[:, :2] + boxes[:, 2:] / 2, axis=0)
    width, height = np.median(boxes[:, 2:], axis=0)
    return Box(float(center_x - width / 2), float(center_y - height / 2), float(width), float(height))
