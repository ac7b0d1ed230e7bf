"""The part of a picture inside a box, averaged onto a grid, in floating-point grey levels.

A pulse is often weaker than one grey level, and most of a picture is not needed. So the planes are cut and averaged as
they come out of the decoder, and the linear map from YUV to RGB is applied to the means: nothing is rounded to 8 bits.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rppgbench.media.colour import colour_of, plane_array, to_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    import av
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray
    from rppgbench.media.box import Box
    from rppgbench.media.colour import Colour

_YUV_PLANES = {"yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p"}
_YUV_PLANES |= {name.replace("yuv", "yuvj") for name in _YUV_PLANES}
_GBR_PLANES = {"gbrp", "gbrap"}


def patch_means(picture: av.VideoFrame, box: Box, size: tuple[int, int]) -> NDArray[np.float32]:
    """``(h, w, 3)`` means of R, G, B over the cells of a grid laid on ``box``, in grey levels (0-255, not clipped).

    ``size`` is ``(h, w)``. The box may start between pixels. Beyond the picture, the picture's edge
    is continued. A cell smaller than a pixel is interpolated.
    """
    name = picture.format.name
    if name in _GBR_PLANES:
        green, blue, red = (_cells(plane_array(picture, index), box, 1, 1, size) for index in range(3))
        return np.asarray(cv2.merge([red, green, blue]), np.float32)
    if name not in _YUV_PLANES:
        return _cells(to_rgb(picture), box, 1, 1, size)
    planes = [plane_array(picture, index) for index in range(3)]
    # A chroma plane of an odd picture is rounded up: its samples still span a whole number of pixels.
    across, down = -(-picture.width // planes[1].shape[1]), -(-picture.height // planes[1].shape[0])
    luma = _cells(planes[0], box, 1, 1, size)
    chroma = [_cells(plane, box, across, down, size) for plane in planes[1:]]
    return np.asarray(cv2.transform(cv2.merge([luma, *chroma]), _matrix(colour_of(picture))), np.float32)


def region_mean(picture: av.VideoFrame, boxes: Sequence[Box]) -> NDArray[np.float64]:
    """``(3,)`` mean R, G, B over all pixels of boxes that lie inside the picture, their edges rounded to pixels."""
    name = picture.format.name
    if name in _GBR_PLANES or name in _YUV_PLANES:
        planes = [plane_array(picture, index) for index in range(3)]
        means = np.array([_mean(plane, boxes, picture.width, picture.height)[0] for plane in planes])
        if name in _GBR_PLANES:
            return means[[2, 0, 1]]
        matrix = _matrix(colour_of(picture))
        return np.asarray(matrix[:, :3] @ means + matrix[:, 3])
    return np.array(_mean(to_rgb(picture), boxes, picture.width, picture.height))


@functools.lru_cache(maxsize=16)
def _matrix(colour: Colour) -> NDArray[np.float64]:
    return colour.to_rgb_matrix()


def _mean(plane: ByteArray, boxes: Sequence[Box], width: int, height: int) -> list[float]:
    across, down = -(-width // plane.shape[1]), -(-height // plane.shape[0])
    sums, area = [0.0, 0.0, 0.0], 0
    for box in boxes:
        left, right = round(box.x / across), round((box.x + box.width) / across)
        top, bottom = round(box.y / down), round((box.y + box.height) / down)
        part = plane[top:bottom, left:right]
        if part.size:
            sums = [total + added for total, added in zip(sums, cv2.sumElems(part), strict=False)]
            area += part.shape[0] * part.shape[1]
    return [total / area if area else math.nan for total in sums]


def _cells(plane: ByteArray, box: Box, across: int, down: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Cell means of one plane each of whose samples spans ``across`` x ``down`` pixels of the picture."""
    width, height = max(round(box.width / across), 1), max(round(box.height / down), 1)
    center_x, center_y = box.center
    # OpenCV counts from the centre of the first sample, a box from its corner.
    center = (center_x / across - 0.5, center_y / down - 0.5)
    patch = cv2.getRectSubPix(plane, (width, height), center, patchType=cv2.CV_32F)
    shrinks = width >= size[1] and height >= size[0]
    cells = cv2.resize(patch, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(cells, np.float32)
