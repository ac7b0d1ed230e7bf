"""Verification of a bitstream against its source, picture by picture, and its PSNR."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import EncodingError
from rppgbench.media.colour import plane_array
from rppgbench.media.decode import frames
from rppgbench_ffmpeg.alignment import Alignment, neighbourhoods, squared_distance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction
    from pathlib import Path

    import av

# Stands for the infinite PSNR of equal pictures.
EQUAL_PSNR_DB = 100.0


def verified_psnr_db(bitstream: Path, pictures: Iterable[av.VideoFrame], n_frames: int, rate: Fraction) -> float:
    """Mean over all frames of the PSNR of luma (of G for RGB) against the pictures that were encoded.

    Raises:
        EncodingError: a frame is missing or added, has another timestamp than its index, or shows another picture.
    """
    alignment, psnr_db = Alignment(), []
    sources = neighbourhoods(plane_array(picture, 0) for picture in pictures)
    for frame in frames(bitstream):
        source = next(sources, None)
        if source is None:
            raise EncodingError(f"{bitstream}: more frames than the {n_frames} of its source")
        _check_timestamp(bitstream, frame.index, frame.picture, rate)
        decoded = plane_array(frame.picture, 0)
        psnr_db.append(_psnr_db(squared_distance(decoded, source[0]), decoded.size))
        alignment.add(frame.index, decoded, *source)
    if len(psnr_db) != n_frames:
        raise EncodingError(f"{bitstream}: {len(psnr_db)} frames, expected the {n_frames} of its source")
    lag = alignment.misplaced_by()
    if lag is not None:
        raise EncodingError(
            f"{bitstream}: frames show the picture {abs(lag)} {'later' if lag > 0 else 'earlier'} than theirs",
            hint="this encoder build does not keep frames in place; use another version of PyAV",
        )
    return math.fsum(psnr_db) / len(psnr_db)


def check_lossless(bitstream: Path, pictures: Iterable[av.VideoFrame]) -> None:
    """Compare every sample of every plane.

    Raises:
        EncodingError: one differs.
    """
    for frame, picture in zip(frames(bitstream), pictures, strict=True):
        for plane in range(len(picture.planes)):
            if not np.array_equal(plane_array(frame.picture, plane), plane_array(picture, plane)):
                raise EncodingError(f"{bitstream}: frame {frame.index} differs from its source, expected no loss")


def _psnr_db(squares: float, size: int) -> float:
    return min(EQUAL_PSNR_DB, 10 * math.log10(255**2 * size / squares)) if squares else EQUAL_PSNR_DB


def _check_timestamp(bitstream: Path, index: int, picture: av.VideoFrame, rate: Fraction) -> None:
    shown_s = None if picture.pts is None or picture.time_base is None else picture.pts * picture.time_base
    # Some containers count time in steps that the frame rate does not divide.
    if shown_s is None or abs(shown_s * rate - index) > 0.05:
        raise EncodingError(f"{bitstream}: frame {index} is shown at {shown_s} s, expected {index / rate} s")
