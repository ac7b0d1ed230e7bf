"""The encoder's build: everything besides the settings with an effect on its bits."""

from __future__ import annotations

import platform
import re
from functools import cache
from io import BytesIO

import av
import cv2
from av.video.stream import VideoStream

from rppgbench.errors import EncodingError

# Names of x264 and x265 in the user data of their first picture.
_X264 = re.compile(rb"x264 - core (\d+)(?: (r\S+))?(?: (\S+))? - ")
_X265 = re.compile(rb"x265 \(build (\d+)\) - ([^:]+):")
# OpenCV's numbers of instruction sets, for `checkHardwareSupport`.
_AVX2, _SSE4_2 = 11, 7


@cache
def instruction_set() -> str:
    """Instruction set that x264 and x265 must use, "auto" on other processors than x86-64 and old ones.

    x264 at one thread is not reproducible on its AVX-512 code paths (two or three streams in eight runs); on those of
    AVX2 it is.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return "auto"
    if cv2.checkHardwareSupport(_AVX2):
        return "avx2"
    return "sse4.2" if cv2.checkHardwareSupport(_SSE4_2) else "auto"


@cache
def encoder_build(encoder: str) -> str:
    """Encoder, its version, instruction set, threads, library and processor family, such as
    ``libx264 core 165 r3222 b35605a asm=avx2, 1 thread, libavcodec 62.28.102, x86_64``.
    """
    version = {"libx264": _x264_version, "libx265": _x265_version}.get(encoder)
    own = f" {version()} asm={instruction_set()}" if version else ""
    libavcodec = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"{encoder}{own}, 1 thread, libavcodec {libavcodec}, {platform.machine()}"


def _x264_version() -> str:
    found = _X264.search(_one_grey_picture("libx264", {"preset": "ultrafast"}))
    return " ".join(["core", *(part.decode() for part in found.groups() if part)]) if found else "of unknown version"


def _x265_version() -> str:
    options = {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1:bframes=0"}
    found = _X265.search(_one_grey_picture("libx265", options))
    return f"build {found[1].decode()} {found[2].decode()}" if found else "of unknown version"


def _one_grey_picture(encoder: str, options: dict[str, str]) -> bytes:
    """Bitstream of one small picture, which carries the encoder's name."""
    target = BytesIO()
    try:
        with av.open(target, "w", format="matroska") as container:
            stream = container.add_stream(encoder, rate=30, width=64, height=64, pix_fmt="yuv420p", options=options)
            if not isinstance(stream, VideoStream):
                raise EncodingError(f"{encoder} is not a video encoder")
            stream.codec_context.thread_count = 1
            picture = av.VideoFrame(64, 64, "yuv420p")
            for plane in picture.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        hint = "install PyAV from its wheels (pip install av), which carry x264 and x265"
        raise EncodingError(f"this PyAV has no working encoder {encoder}: {error}", hint=hint) from error
    return target.getvalue()
