"""Small videos to measure: rendered faces as a phone or a webcam would store them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rppgbench.registry import load_registry


@pytest.fixture(scope="session")
def dataset() -> Any:
    params = {"subjects": 2, "recordings": ["rest"], "duration_s": 12, "motions": ["still"]}
    return load_registry().create("dataset", "synthetic", params)


@pytest.fixture(scope="session")
def frames(dataset: Any) -> list[np.ndarray]:
    return list(dataset.frames(dataset.recordings()[0]))


@pytest.fixture(scope="session")
def true_bpm(dataset: Any) -> float:
    beats_s = dataset.ground_truth(dataset.recordings()[0]).beats_s
    inside = beats_s[(beats_s >= 0) & (beats_s <= 12)]
    return float(60 * (len(inside) - 1) / (inside[-1] - inside[0]))


def write(path: Path, pictures: Iterable[np.ndarray], times_s: Iterable[float], codec: str, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = None
        for picture, time_s in zip(pictures, times_s, strict=True):
            if stream is None:
                stream = container.add_stream(codec, rate=30, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.thread_count = 1
                stream.codec_context.time_base = Fraction(1, 3000)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(3000 * time_s), Fraction(1, 3000)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def face_video(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> Path:
    path = tmp_path_factory.mktemp("face") / "face.mp4"
    return write(path, frames, np.arange(len(frames)) / 30, "libx264", crf="12", preset="ultrafast")


@pytest.fixture(scope="session")
def phone_video(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> Path:
    """Portrait, at a rate that varies: every tenth frame was dropped."""
    kept = [index for index in range(len(frames)) if index % 10 != 7]
    portrait = [np.pad(frames[i][:, 50:270], ((60, 60), (0, 0), (0, 0)), mode="edge") for i in kept]
    path = tmp_path_factory.mktemp("phone") / "phone.mp4"
    return write(path, portrait, [index / 30 for index in kept], "libx264", crf="12", preset="ultrafast")


@pytest.fixture(scope="session")
def slow_video(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> Path:
    path = tmp_path_factory.mktemp("slow") / "slow.mp4"
    return write(path, frames[::2], np.arange(len(frames[::2])) / 15, "libx264", crf="12", preset="ultrafast")


@pytest.fixture(scope="session")
def wall_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of noise on a grey wall: no face, and as skin no pulse."""
    rng = np.random.RandomState(0)
    pictures = [np.rint(rng.normal([150, 110, 90], 3, (96, 128, 3))).astype(np.uint8) for _ in range(300)]
    path = tmp_path_factory.mktemp("wall") / "wall.avi"
    return write(path, pictures, np.arange(300) / 30, "mpeg4", b="60000")
