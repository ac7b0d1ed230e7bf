"""Rate, length, codec and frame size of a video by its header, without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rppgbench.errors import MediaError
from rppgbench.media.container import announced_s, mean_period_s, open_container, packets_of

# FFmpeg's names of codecs that keep every sample; lossless H.264 and others are not marked in the header.
_RAW = {"rawvideo", "v210", "v410", "r210"}
_LOSSLESS = {"ffv1", "ffvhuff", "huffyuv", "magicyuv", "png", "utvideo", "lagarith", "qtrle", "zlib"}


@dataclass(frozen=True)
class Header:
    """Codec by FFmpeg's name, mean frame rate, length, and bitrate: the whole file's where the stream has none.

    ``n_frames`` is 0, and ``frame_size`` (width, height) None, where the header does not give them.
    """

    codec: str
    fps_hz: float
    duration_s: float
    bitrate_bps: float
    n_frames: int
    frame_size: tuple[int, int] | None

    @property
    def source(self) -> Literal["raw", "lossless", "lossy"]:
        """The codec's kind; earlier processing of the pictures is unknown."""
        if self.codec in _RAW:
            return "raw"
        return "lossless" if self.codec in _LOSSLESS else "lossy"

    @property
    def source_details(self) -> str:
        return f"{self.codec} at {self.bitrate_bps / 1000:.0f} kb/s"


def read_header(path: Path) -> Header:
    """The header of a video, with rate and length from its packets where the header lacks them.

    Raises:
        MediaError: the file is missing, no video, or says neither how fast nor how long it is.
    """
    with open_container(path) as (container, stream):
        period_s, duration_s = mean_period_s(stream), announced_s(container, stream)
        if period_s is None or duration_s is None:
            packets = packets_of(path, container, stream)
            if period_s is None and packets.count > 1:
                period_s = packets.span_s / (packets.count - 1)
            if duration_s is None and period_s:
                duration_s = packets.span_s + period_s
        if not period_s or not duration_s or duration_s < 0:
            raise MediaError(f"{path}: says neither how fast nor how long it is", hint="is it cut off? copy it again")
        bitrate_bps = stream.bit_rate or 8 * path.stat().st_size / duration_s
        frame_size = (stream.width, stream.height) if stream.width and stream.height else None
        return Header(stream.codec_context.name, 1 / period_s, duration_s, bitrate_bps, stream.frames, frame_size)
