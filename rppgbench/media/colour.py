"""Colour of decoded pictures: their matrix and range, and their R, G, B.

swscale's quick path from YUV to RGB truncates, up to two grey levels for a flat colour, and its exact path takes ten
times as long. A pulse is often weaker than one level, so the linear map is applied here, rounded to nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray

# Luma weights of red and blue: ITU-R BT.601-7, BT.709-6, BT.2020-2 (non-constant luminance), FCC 1953, SMPTE 240M.
LUMA_WEIGHTS = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
}
# Matrix coefficients of ITU-T H.273, table 4.
_MATRIX_OF_TAG = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_TAG_OF_MATRIX = {"bt709": 1, "fcc": 4, "bt601": 5, "smpte240m": 7, "bt2020": 9}
_RANGE_OF_TAG = {1: "limited", 2: "full"}
_TAG_OF_RANGE = {"limited": 1, "full": 2}
_SD_SHORT_SIDE = 576

_PLANAR = {"yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p"}
_PLANAR |= {name.replace("yuv", "yuvj") for name in _PLANAR if name not in ("yuv410p",)}

# libswscale's flags bicubic, accurate rounding and bit-exact: rounded the same way on every processor. PyAV >= 17
# would convert with all threads by default, which is slower.
EXACT: dict[str, Any] = {"interpolation": 0x4 | 0x40000 | 0x80000}
if int(av.__version__.split(".")[0]) >= 17:
    EXACT["threads"] = 1


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour matrix and range of a picture's samples.

    ``matrix`` is a key of ``LUMA_WEIGHTS`` or "rgb"; ``range`` is "limited" (black 16, white 235) or "full".
    ``assumed`` is True if the file does not say and the convention applies: limited range, and BT.601 for a short
    side of up to 576 pixels, BT.709 above.
    """

    matrix: str
    range: str
    assumed: bool

    def to_rgb_matrix(self) -> NDArray[np.float64]:
        """``(3, 4)``: R, G, B in 0-255 from (Y, Cb, Cr, 1), all 8-bit sample values."""
        red, blue = LUMA_WEIGHTS[self.matrix]
        green = 1 - red - blue
        luma, chroma = (255 / 219, 255 / 224) if self.range == "limited" else (1.0, 1.0)
        linear = np.array(
            [
                [luma, 0.0, 2 * (1 - red) * chroma],
                [luma, -2 * (1 - blue) * blue / green * chroma, -2 * (1 - red) * red / green * chroma],
                [luma, 2 * (1 - blue) * chroma, 0.0],
            ]
        )
        black = np.array([16.0 if self.range == "limited" else 0.0, 128.0, 128.0])
        return np.column_stack([linear, -linear @ black])

    @property
    def swscale_source(self) -> dict[str, int]:
        """Arguments of ``reformat`` for a source picture of this matrix and range."""
        if self.matrix == "rgb":
            return {"src_color_range": _TAG_OF_RANGE[self.range]}
        return {"src_colorspace": _TAG_OF_MATRIX[self.matrix], "src_color_range": _TAG_OF_RANGE[self.range]}

    @property
    def swscale_target(self) -> dict[str, int]:
        """Arguments of ``reformat`` for a target picture of this matrix and range."""
        return {key.replace("src", "dst"): value for key, value in self.swscale_source.items()}


RGB = Colour("rgb", "full", assumed=False)


def conventional_colour(width: int, height: int) -> Colour:
    """Colour assumed for a YUV picture of this size whose file does not say."""
    return Colour("bt601" if min(width, height) <= _SD_SHORT_SIDE else "bt709", "limited", assumed=True)


def colour_of(picture: av.VideoFrame) -> Colour:
    """Colour of a picture from its tags, or by convention if it has none."""
    if picture.format.is_rgb:
        return RGB
    name = picture.format.name
    if name.startswith("gray"):
        return Colour("bt601", _RANGE_OF_TAG.get(int(picture.color_range), "full"), assumed=False)
    matrix = _MATRIX_OF_TAG.get(int(picture.colorspace))
    range_ = "full" if name.startswith("yuvj") else _RANGE_OF_TAG.get(int(picture.color_range))
    convention = conventional_colour(picture.width, picture.height)
    return Colour(matrix or convention.matrix, range_ or convention.range, assumed=matrix is None or range_ is None)


def to_rgb(picture: av.VideoFrame) -> ByteArray:
    """``(H, W, 3)`` R, G, B of a picture, rounded to nearest; a lossless RGB picture comes out bit for bit."""
    colour = colour_of(picture)
    if colour.matrix == "rgb" or picture.format.name.startswith("gray"):
        return np.asarray(picture.reformat(format="rgb24", **colour.swscale_source, **EXACT).to_ndarray(), np.uint8)
    if picture.format.name not in _PLANAR:
        picture = _as_planar(picture, colour, "yuv444p")
    import cv2  # takes 0.1 s, which luma alone does not need

    luma, *chroma = (plane_array(picture, index) for index in range(3))
    height, width = luma.shape
    across, down = -(-width // chroma[0].shape[1]), -(-height // chroma[0].shape[0])
    if (across, down) != (1, 1):
        # Sized to whole chroma samples first, so that odd pictures keep their chroma in place.
        size = (chroma[0].shape[1] * across, chroma[0].shape[0] * down)
        chroma = [
            cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR_EXACT)[:height, :width].astype(np.uint8, copy=False)
            for plane in chroma
        ]
    return np.asarray(cv2.transform(cv2.merge([luma, *chroma]), colour.to_rgb_matrix()), np.uint8)


def to_luma(picture: av.VideoFrame) -> ByteArray:
    """``(H, W)`` luma in the picture's own range: a view of its first plane where that is 8-bit Y, BT.601 of RGB."""
    if picture.format.name in _PLANAR or picture.format.name in ("gray", "gray8", "nv12", "nv21"):
        return plane_array(picture, 0)
    colour = colour_of(picture)
    if colour.matrix == "rgb":
        import cv2

        return np.asarray(cv2.cvtColor(to_rgb(picture), cv2.COLOR_RGB2GRAY), np.uint8)
    return plane_array(_as_planar(picture, colour, "yuv444p"), 0)


def plane_array(picture: av.VideoFrame, index: int) -> ByteArray:
    """``(h, w)`` view of an 8-bit plane without the padding at the end of its lines."""
    plane = picture.planes[index]
    samples: ByteArray = np.frombuffer(memoryview(plane), np.uint8, count=plane.height * plane.line_size)
    return samples.reshape(plane.height, plane.line_size)[:, : plane.width]


def _as_planar(picture: av.VideoFrame, colour: Colour, pix_fmt: str) -> av.VideoFrame:
    return picture.reformat(format=pix_fmt, **colour.swscale_source, **colour.swscale_target, **EXACT)
