"""Reproducible writing of one video stream from pictures."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags
from av.video.stream import VideoStream

from rppgbench.errors import EncodingError
from rppgbench_ffmpeg.pictures import Pictures

_MPEG4_TICKS = 65535  # MPEG-4 Part 2 counts time in 16 bits


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """Settings of one video stream; ``options`` are the encoder's own."""

    encoder: str
    container: str
    pix_fmt: str
    bitrate_bps: float | None = None
    gop: int | None = None
    bframes: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        rate = f" at {self.bitrate_bps / 1000:g} kb/s" if self.bitrate_bps else ""
        return f"{self.encoder}{rate} ({self.pix_fmt})"


def frame_rate(fps_hz: float) -> Fraction:
    """The nearest rate that all containers can hold, 30000/1001 included."""
    if not 0 < fps_hz < _MPEG4_TICKS:
        raise EncodingError(f"a frame rate of {fps_hz} Hz, expected more than 0")
    return Fraction(fps_hz).limit_denominator(max(1, min(1001, int(_MPEG4_TICKS / fps_hz) - 1)))


def write_stream(pictures: Pictures, target: Path, settings: EncoderSettings, fps_hz: float) -> int:
    """Number of payload bytes of ``pictures`` encoded at a constant frame rate, one timestamp each.

    Raises:
        EncodingError: the encoder refuses its settings, fails, or the file cannot be written; no file is left then.
    """
    rate = frame_rate(fps_hz)
    try:
        # Bit-exact muxing leaves out creation time, random identifiers and the library's version.
        with av.open(f"file:{target}", "w", format=settings.container, options={"fflags": "bitexact"}) as container:
            stream = container.add_stream(settings.encoder, rate=rate)
            if not isinstance(stream, VideoStream):
                raise EncodingError(f"{settings.encoder} is not a video encoder")
            _configure(stream, settings, pictures)
            payload_bytes = 0
            for index, picture in enumerate(pictures):
                picture.pts, picture.time_base = index, 1 / rate
                for packet in stream.encode(picture):
                    payload_bytes += packet.size
                    container.mux(packet)
            for packet in stream.encode(None):
                payload_bytes += packet.size
                container.mux(packet)
    except (av.FFmpegError, OSError) as error:
        if target.is_file():
            with suppress(OSError):
                target.unlink()
        raise _failed(pictures, target, settings, error) from error
    return payload_bytes


def _configure(stream: VideoStream, settings: EncoderSettings, pictures: Pictures) -> None:
    stream.width, stream.height = pictures.size
    stream.pix_fmt = settings.pix_fmt
    context = stream.codec_context
    # The number of threads changes what x264, x265 and mpeg4 encode.
    context.thread_count = 1
    if settings.bitrate_bps is not None:
        context.bit_rate = round(settings.bitrate_bps)
    if settings.gop is not None:
        context.gop_size = settings.gop
    if settings.bframes is not None:
        context.max_b_frames = settings.bframes
    if settings.encoder in ("mpeg4", "utvideo"):
        context.flags |= Flags.bitexact
    tags = pictures.colour.swscale_target
    context.color_range = tags["dst_color_range"]
    if "dst_colorspace" in tags:
        context.colorspace = tags["dst_colorspace"]
    stream.options = dict(settings.options)


def _failed(
    pictures: Pictures, target: Path, settings: EncoderSettings, error: av.FFmpegError | OSError
) -> EncodingError:
    width, height = pictures.size
    hint = "the encoder refuses these settings or this size of picture: try another preset, pixel format or size"
    if error.errno == errno.ENOSPC:
        hint = "free some space, or name another folder"
    elif not target.parent.is_dir():
        hint = f"make the folder {target.parent}"
    return EncodingError(
        f"{pictures.source} ({width}x{height}) by {settings} into {target}: {error.strerror}", hint=hint
    )
