"""Place of each pixel of the picture on the face's textures, in whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.face import DEPTH_ONE, FaceTextures
from rppgbench_synthetic.motion import Motion

Texture = NDArray[np.uint8]

# Positions carry 16 binary places while they are computed, and the 5 that OpenCV takes when they are used.
_PLACES = 16
_USED_PLACES = 5
_USED_MASK = (1 << _USED_PLACES) - 1


class Warp:
    """Map of textures into the part ``rows`` x ``columns`` of a picture of ``picture`` rows and columns.

    Positions are integers, and ``cv2.remap`` with fixed-point maps interpolates bytes in integers, so the result does
    not depend on the processor. ``middle`` is x and y of the face's middle at rest, in pixels.
    """

    def __init__(
        self, face: FaceTextures, motion: Motion, middle: tuple[int, int], unit_px: float, picture: tuple[int, int]
    ) -> None:
        self._poses = _poses(face, motion, unit_px, picture[0])
        self.rows, self.columns = _reach(face, motion, middle, unit_px, picture)
        self._x = np.arange(self.columns.start, self.columns.stop) - middle[0]
        self._y = np.arange(self.rows.start, self.rows.stop) - middle[1]
        self._depth = _resting_depth(face, self._x, self._y, unit_px)
        self._places = np.empty_like(self._depth)
        self._parallax = np.empty_like(self._depth)
        self._below = np.empty_like(self._depth)
        self._whole = np.empty((*self._depth.shape, 2), dtype=np.int16)
        self._fraction = np.empty(self._depth.shape, dtype=np.uint16)

    def pose(self, index: int) -> None:
        """Set the pose to that of frame ``index``."""
        cosine, sine, x0, y0, yaw, pitch = self._poses[index].tolist()
        self._look(1, cosine * self._y + y0, -sine * self._x, pitch)
        np.bitwise_and(self._places, _USED_MASK, out=self._below)
        np.left_shift(self._below, _USED_PLACES, out=self._below)
        self._look(0, sine * self._y + x0, cosine * self._x, yaw)
        np.bitwise_and(self._places, _USED_MASK, out=self._places)
        np.bitwise_or(self._below, self._places, out=self._below)
        np.copyto(self._fraction, self._below, casting="unsafe")

    def __call__(self, texture: Texture) -> Sequence[Texture]:
        """Channels of ``texture`` (h, w, C) in this pose; 0 beside it."""
        mapped = cv2.remap(texture, self._whole, self._fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return cast("Sequence[Texture]", cv2.split(mapped))

    def _look(self, axis: int, by_row: NDArray[np.int64], by_column: NDArray[np.int64], turn: int) -> None:
        # One coordinate of all positions: whole texels into the map, the rest stays with 5 places in self._places.
        np.add(by_row[:, None].astype(np.int32), by_column.astype(np.int32), out=self._places)
        np.multiply(self._depth, np.int32(turn), out=self._parallax)
        np.subtract(self._places, self._parallax, out=self._places)
        np.right_shift(self._places, _PLACES - _USED_PLACES, out=self._places)
        np.right_shift(self._places, _USED_PLACES, out=self._parallax)
        np.copyto(self._whole[..., axis], self._parallax, casting="unsafe")


def _poses(face: FaceTextures, motion: Motion, unit_px: float, height: int) -> NDArray[np.int64]:
    """Per frame: cosine and sine in texels a pixel, the texel in the middle, yaw and pitch in texels a depth."""
    texels_per_px = face.scale / unit_px / motion.growth
    cosine, sine = texels_per_px * np.cos(motion.roll_rad), texels_per_px * np.sin(motion.roll_rad)
    x, y = motion.shift_x * height, motion.shift_y * height
    columns = [
        cosine,
        sine,
        face.origin[0] - cosine * x - sine * y,
        face.origin[1] + sine * x - cosine * y,
        motion.yaw_rad * face.scale / DEPTH_ONE,
        motion.pitch_rad * face.scale / DEPTH_ONE,
    ]
    poses: NDArray[np.int64] = np.rint(np.stack(columns, axis=-1) * 2.0**_PLACES).astype(np.int64)
    return poses


def _reach(
    face: FaceTextures, motion: Motion, middle: tuple[int, int], unit_px: float, picture: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of the picture that the head can reach."""
    px_per_texel = unit_px / face.scale
    texture_height, texture_width = face.depth.shape
    radius_px = px_per_texel * float(np.hypot(texture_height, texture_width))
    spare = picture[0] * max(float(np.abs(motion.shift_x).max()), float(np.abs(motion.shift_y).max()))
    spare += radius_px * (float(np.abs(motion.roll_rad).max()) + float(np.abs(motion.growth - 1.0).max())) + 2.0

    def bounds(at: int, origin: int, n_texels: int, end: int) -> slice:
        start = int(np.floor(at - origin * px_per_texel - spare))
        stop = int(np.ceil(at + (n_texels - origin) * px_per_texel + spare))
        return slice(max(0, start), min(end, stop))

    return (
        bounds(middle[1], face.origin[1], texture_height, picture[0]),
        bounds(middle[0], face.origin[0], texture_width, picture[1]),
    )


def _resting_depth(face: FaceTextures, x: NDArray[np.int64], y: NDArray[np.int64], unit_px: float) -> NDArray[np.int32]:
    """Smooth depth at each pixel of the head at rest, an approximation for the small turns of the motion."""
    columns = np.rint(x * (face.scale / unit_px)).astype(np.int64) + face.origin[0]
    rows = np.rint(y * (face.scale / unit_px)).astype(np.int64) + face.origin[1]
    height, width = face.depth.shape
    depth = face.depth[np.ix_(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))]
    return depth.astype(np.int32)
