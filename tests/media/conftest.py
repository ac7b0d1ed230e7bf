"""Small videos with known content and known times, written by PyAV itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

WriteVideo = Callable[..., Path]


def counted(index: int, width: int, height: int) -> np.ndarray:
    """A picture that shows its number (grey level 20 + 5 i) and its orientation (white left upper corner)."""
    picture = np.full((height, width, 3), 20 + 5 * (index % 40), np.uint8)
    picture[: height // 4, : width // 4] = 255
    return picture


@pytest.fixture
def write_video(tmp_path: Path) -> WriteVideo:
    """Writes numbered pictures; ``stamps`` are their timestamps in units of ``time_base``."""

    def write(
        name: str = "video.mkv",
        *,
        stamps: Sequence[int] = range(12),
        time_base: Fraction = Fraction(1, 30),
        codec: str = "ffv1",
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (64, 48),
        turned_deg: int = 0,
        tags: tuple[int, int] | None = None,
        picture: Callable[[int], av.VideoFrame] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=1 / time_base)
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt
            stream.codec_context.time_base = time_base
            if tags is not None:
                stream.codec_context.colorspace, stream.codec_context.color_range = tags
            if turned_deg:
                stream.set_display_rotation(turned_deg)
            for index, stamp in enumerate(stamps):
                frame = picture(index) if picture else av.VideoFrame.from_ndarray(counted(index, *size), format="rgb24")
                frame.pts, frame.time_base = stamp, time_base
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode(None):
                container.mux(packet)
        return path

    return write


@pytest.fixture
def audio_only(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path
