"""Boosted cascade of local binary patterns (Viola & Jones, CVPR 2001; Liao et al., ICB 2007), evaluated with NumPy.

OpenCV 5 no longer has CascadeClassifier (the wheel of opencv-python-headless 5.0.0 lacks it). The trained cascade is
scikit-image's, without its evaluator: importing that takes 0.3 s, longer than the rest of a measurement, and it is half
as fast a frame.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import cv2
import numpy as np

from rppgbench.errors import MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray

_FRONTAL_FACE = Path("data") / "lbpcascade_frontalface_opencv.xml"
# Eight outer cells clockwise from the upper left one, as (row, column) of the 3x3 cells; the first is the highest bit.
_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
_SCALE_STEP = 1.1
_POSITION_STEP = 2  # in pixels of a scaled picture; a face passes in tens of windows, so every other one is enough


@dataclass(frozen=True)
class CascadeStage:
    """Weak classifiers whose summed votes must reach ``threshold``.

    ``cells`` is ``(F, 4, 4, 2)``: row and column, in window pixels, of the corners of each feature's 3x3 cells.
    ``votes`` is ``(F, 256)``: the vote of each local binary pattern.
    """

    cells: NDArray[np.intp]
    votes: NDArray[np.float64]
    threshold: float

    @property
    def rows(self) -> NDArray[np.intp]:
        return np.arange(len(self.votes))[:, None]


@dataclass(frozen=True)
class Cascade:
    """A trained cascade for windows of ``side`` pixels."""

    side: int
    stages: tuple[CascadeStage, ...]

    def detect(self, luma: ByteArray, min_side: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Detections ``(N, 4)``, x, y, w, h in pixels of ``luma``, and the number of passing windows in each, ``(N,)``.

        ``luma`` is ``(H, W)``; windows are squares of at least ``min_side`` pixels.
        """
        pyramid = _pyramid(luma, self.side, min_side)
        if pyramid is None:
            return np.empty((0, 4)), np.empty(0, np.int64)
        passed = np.arange(len(pyramid.starts))
        for stage in self.stages:
            corners = stage.cells[..., 0] * pyramid.stride + stage.cells[..., 1]
            patterns = _patterns(pyramid.sums, pyramid.starts[passed], corners)
            score = stage.votes[stage.rows, patterns].sum(axis=0)
            passed = passed[score >= stage.threshold]
        return _grouped(pyramid.windows[passed])


@functools.cache
def frontal_face() -> Cascade:
    """The frontal-face cascade bundled with scikit-image."""
    package = importlib.util.find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise MediaError(
            "scikit-image is not installed; its frontal-face cascade is needed", hint="pip install scikit-image"
        )
    root = ElementTree.parse(Path(package.submodule_search_locations[0]) / _FRONTAL_FACE).getroot()
    cascade = _child(root, "cascade")
    rects = [[int(v) for v in _text(feature, "rect")] for feature in _child(cascade, "features")]
    cells = np.array([_cell_corners(*rect) for rect in rects], np.intp)
    return Cascade(
        side=int(_text(cascade, "height")[0]),
        stages=tuple(_stage(stage, cells) for stage in _child(cascade, "stages")),
    )


def _stage(stage: ElementTree.Element, cells: NDArray[np.intp]) -> CascadeStage:
    weak = list(_child(stage, "weakClassifiers"))
    nodes = [[int(v) for v in _text(one, "internalNodes")] for one in weak]
    leaves = np.array([[float(v) for v in _text(one, "leafValues")] for one in weak])
    # After "0 -1 feature" come eight signed words: bit p says that pattern p takes the first leaf.
    words = np.array([node[3:] for node in nodes], np.int64) & 0xFFFFFFFF
    pattern = np.arange(256)
    first = (words[:, pattern >> 5] >> (pattern & 31)) & 1
    return CascadeStage(
        cells=cells[[node[2] for node in nodes]],
        votes=np.where(first, leaves[:, :1], leaves[:, 1:]),
        threshold=float(_text(stage, "stageThreshold")[0]),
    )


def _child(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    child = parent.find(name)
    if child is None:
        raise MediaError(f"the face cascade has no <{name}>", hint="reinstall scikit-image")
    return child


def _text(parent: ElementTree.Element, name: str) -> list[str]:
    return (_child(parent, name).text or "").split()


def _cell_corners(x: int, y: int, width: int, height: int) -> list[list[list[int]]]:
    return [[[y + i * height, x + j * width] for j in range(4)] for i in range(4)]


@dataclass(frozen=True)
class _Pyramid:
    """Integral images of all scales, stacked in one array so that all windows are evaluated at once."""

    sums: NDArray[np.int32]  # flat
    stride: int
    starts: NDArray[np.intp]  # (N,) index of a window's left upper corner in sums
    windows: NDArray[np.float64]  # (N, 4) x, y, w, h


def _pyramid(luma: ByteArray, side: int, min_side: int) -> _Pyramid | None:
    finest = max(min_side / side, 1.0)
    base = _shrunk(luma, finest)
    levels: list[NDArray[np.int32]] = []
    starts: list[NDArray[np.intp]] = []
    windows: list[NDArray[np.float64]] = []
    stride, rows, step = base.shape[1] + 1, 0, 1.0
    while side * step <= min(base.shape):
        small = _shrunk(base, step)
        sums = np.zeros((small.shape[0] + 1, stride), np.int32)
        sums[:, : small.shape[1] + 1] = cv2.integral(small)
        last_y, last_x = small.shape[0] - side + 1, small.shape[1] - side + 1
        y, x = np.mgrid[:last_y:_POSITION_STEP, :last_x:_POSITION_STEP].reshape(2, -1)
        starts.append((rows + y) * stride + x)
        scale = finest * step
        windows.append(
            np.stack([x * scale, y * scale, np.full(x.shape, side * scale), np.full(x.shape, side * scale)], 1)
        )
        levels.append(sums)
        rows += sums.shape[0]
        step *= _SCALE_STEP
    if not levels:
        return None
    return _Pyramid(np.concatenate(levels).ravel(), stride, np.concatenate(starts), np.concatenate(windows))


def _shrunk(luma: ByteArray, factor: float) -> ByteArray:
    height, width = luma.shape
    size = (int(width / factor), int(height / factor))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _patterns(sums: NDArray[np.int32], starts: NDArray[np.intp], corners: NDArray[np.intp]) -> ByteArray:
    """``(F, N)`` local binary patterns, 0-255: a bit for each outer cell at least as bright as the central one."""
    corner = sums.take(corners[..., None] + starts)  # (F, 4, 4, N)
    rows = corner[:, 1:] - corner[:, :-1]
    cells = rows[:, :, 1:] - rows[:, :, :-1]
    bright = np.stack([cells[:, row, column] >= cells[:, 1, 1] for row, column in _RING])
    return np.asarray(np.packbits(bright, axis=0)[0])


def _grouped(windows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean and size of groups of windows that overlap by more than half (intersection over union), largest first."""
    groups: list[NDArray[np.float64]] = []
    rest = windows
    while len(rest):
        near = _overlap(rest, np.median(rest, axis=0)) > 0.5
        if not near.any():
            near = _overlap(rest, rest[0]) > 0.5
        groups.append(rest[near])
        rest = rest[~near]
    groups.sort(key=len, reverse=True)
    means = np.array([group.mean(axis=0) for group in groups]).reshape(-1, 4)
    return means, np.array([len(group) for group in groups], np.int64)


def _overlap(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    union = np.prod(boxes[:, 2:], axis=1) + np.prod(box[2:]) - common
    return np.asarray(common / union)
