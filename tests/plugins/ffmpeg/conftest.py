"""Small moving recordings, lossless, whose pictures are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def moving_picture(index: int, width: int, height: int, noise: float = 2.0) -> np.ndarray:
    """A soft bright disc on its way over a textured ground, with camera noise."""
    random = np.random.default_rng(index)
    y, x = np.mgrid[:height, :width].astype(float)
    ground = 100 + 20 * np.sin(x / 7) * np.cos(y / 5)
    centre_x, centre_y = width * (0.5 + 0.3 * np.sin(index / 5)), height * (0.5 + 0.25 * np.cos(index / 7))
    disc = 80 / (1 + np.exp(np.hypot(x - centre_x, y - centre_y) - height / 4))
    grey = (ground + disc)[..., None] * [1.1, 0.9, 0.8] + noise * random.standard_normal((height, width, 3))
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording without loss; ``stamps`` are its timestamps in ms."""

    def write(
        n_frames: int = 40,
        *,
        size: tuple[int, int] = (96, 64),
        stamps: Sequence[int] | None = None,
        noise: float = 2.0,
        name: str = "source.mkv",
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=30)
            stream.width, stream.height = size
            stream.pix_fmt = "bgr0"
            stream.codec_context.time_base = Fraction(1, 1000)
            for index in range(n_frames):
                frame = av.VideoFrame.from_ndarray(moving_picture(index, *size, noise), format="rgb24")
                frame = frame.reformat(format="bgr0")
                frame.pts = stamps[index] if stamps is not None else round(1000 * index / 30)
                frame.time_base = Fraction(1, 1000)
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode(None):
                container.mux(packet)
        return path

    return write
