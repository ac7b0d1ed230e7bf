"""Lossless video files, the same bytes on every run and machine."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

from rppgbench.errors import EncodingError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rppgbench.contracts import ByteArray

CONTAINER = ".avi"

# Keeps the names and versions of libraries out of the file.
_REPEATABLE = {"fflags": "+bitexact"}


def write_lossless(frames: Iterable[ByteArray], target: Path, fps_hz: float) -> int:
    """Number of ``(H, W, 3)`` R, G, B frames, written into an AVI of Ut Video, a codec quick both ways.

    Raises:
        EncodingError: FFmpeg cannot write it, or a frame is of another size than the first.
    """
    rate = Fraction(fps_hz).limit_denominator(1001)
    count, stream = 0, None
    try:
        with av.open(f"file:{target}", "w", format="avi", options=_REPEATABLE) as container:
            for frame in frames:
                if stream is None:
                    stream = container.add_stream("utvideo", rate=rate)
                    stream.height, stream.width = frame.shape[:2]
                    stream.pix_fmt = "gbrp"
                    stream.codec_context.thread_count = 1
                    stream.codec_context.flags |= av.codec.context.Flags.bitexact
                    picture = av.VideoFrame(stream.width, stream.height, "gbrp")
                _fill(picture, frame, target)
                picture.pts = count
                container.mux(stream.encode(picture))
                count += 1
            if stream is not None:
                container.mux(stream.encode(None))
    except av.codec.codec.UnknownCodecError as error:
        raise EncodingError(
            f"PyAV {av.__version__} has no encoder 'utvideo'", hint="install PyAV's own wheel: pip install av"
        ) from error
    except av.FFmpegError as error:
        raise EncodingError(f"{target}: {error}", hint="is the disk full, or the folder missing?") from error
    if not count:
        raise EncodingError(f"{target}: there are no frames to write")
    return count


def _fill(picture: av.VideoFrame, frame: ByteArray, target: Path) -> None:
    if frame.shape != (picture.height, picture.width, 3):
        raise EncodingError(
            f"{target}: a frame of shape {frame.shape} after frames of {picture.width}x{picture.height}",
            hint="all frames of a recording must be of one size",
        )
    for plane, colour in zip(picture.planes, (1, 2, 0), strict=True):
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
        rows[:, : picture.width] = frame[:, :, colour]
