"""Frames into a lossless file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

from rppgbench.errors import EncodingError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

CONTAINER = ".avi"

# Keeps the names and versions of libraries out of the file.
_REPEATABLE = {"fflags": "+bitexact"}


def write(frames: Iterable[NDArray[np.uint8]], target: Path, size: tuple[int, int], fps_hz: float) -> None:
    """Write frames (3, H, W) of R, G, B into an AVI of Ut Video, which keeps every byte and is quick both ways.

    Raises:
        EncodingError: FFmpeg cannot write it.
    """
    try:
        with av.open(str(target), "w", format="avi", options=_REPEATABLE) as container:
            _encode(frames, container, size, Fraction(fps_hz).limit_denominator(1001))
    except av.codec.codec.UnknownCodecError as error:
        raise EncodingError(
            f"PyAV {av.__version__} has no encoder 'utvideo'", hint="install PyAV's own wheel: pip install av"
        ) from error
    except av.error.FFmpegError as error:
        raise EncodingError(f"{target}: {error}", hint="is the disk full, or the folder missing?") from error


def _encode(
    frames: Iterable[NDArray[np.uint8]], container: av.container.OutputContainer, size: tuple[int, int], rate: Fraction
) -> None:
    stream = container.add_stream("utvideo", rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt = "gbrp"
    stream.codec_context.thread_count = 1
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    picture = av.VideoFrame(size[0], size[1], "gbrp")
    for index, planes in enumerate(frames):
        for plane, colour in zip(picture.planes, (1, 2, 0), strict=True):
            rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
            rows[: size[1], : size[0]] = planes[colour]
        picture.pts = index
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))
