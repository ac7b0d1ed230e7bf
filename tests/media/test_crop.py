"""Crops of one frame, and of whole recordings on a uniform clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rppgbench.errors import MediaError
from rppgbench.media.crop import crop, write_crops
from rppgbench.media.decode import Frame
from rppgbench.media.face_detection import Box

SIZE = (8, 8)


def write(path: Path, pictures: list[np.ndarray], times_ms: list[int]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time_ms in zip(pictures, times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbered(n: int) -> list[np.ndarray]:
    return [np.full((32, 48, 3), index, np.uint8) for index in range(n)]


def numbers_in(path: Path) -> list[int]:
    crops = np.load(path, mmap_mode="r")
    assert crops.dtype == np.uint8 and crops.shape[1:] == (*SIZE, 3)
    return [int(picture[0, 0, 0]) for picture in crops]


def nearest(times_ms: list[int], n_frames: int) -> list[int]:
    """Frame nearest to each tick, by exhaustive search, of a clock of 30 Hz, the earlier of two."""
    distances_s = np.abs(np.array(times_ms) / 1000 - np.arange(n_frames)[:, None] / 30)
    return distances_s.round(9).argmin(axis=1).tolist()


def test_a_crop_keeps_the_mean_colour() -> None:
    rgb = np.random.RandomState(0).randint(0, 256, (60, 80, 3)).astype(np.uint8)
    frame = Frame(0, 0.0, av.VideoFrame.from_ndarray(rgb, format="rgb24"))
    small = crop(frame, Box(10, 5, 48, 48), (16, 16))
    assert small.shape == (16, 16, 3) and small.dtype == np.uint8
    pixels = rgb[5:53, 10:58].reshape(16, 3, 16, 3, 3).mean((1, 3))
    assert np.abs(small - pixels).max() <= 0.501
    assert np.abs(small.mean((0, 1)) - pixels.mean((0, 1))).max() < 0.1


@pytest.mark.parametrize(("fps", "n"), [(30, 30), (60, 60), (15, 15), (20, 20), (61, 61)])
def test_every_rate_ends_on_the_clock(tmp_path: Path, fps: int, n: int) -> None:
    times_ms = [round(1000 * index / fps) for index in range(n)]
    path = write(tmp_path / "clip.mkv", numbered(n), times_ms)
    n_frames = write_crops(path, Box(0, 0, 32, 32), SIZE, 30.0, tmp_path / "crops.npy")
    numbers = numbers_in(tmp_path / "crops.npy")
    assert n_frames == len(numbers)
    assert abs(n_frames - 30) <= 1
    assert numbers == nearest(times_ms, n_frames)


def test_a_variable_rate_is_read_by_its_timestamps(tmp_path: Path) -> None:
    times_ms = [0, 33, 66, 400, 433, 466, 500, 900, 933, 966]
    path = write(tmp_path / "phone.mkv", numbered(10), times_ms)
    n_frames = write_crops(path, Box(0, 0, 32, 32), SIZE, 30.0, tmp_path / "crops.npy")
    numbers = numbers_in(tmp_path / "crops.npy")
    assert numbers == nearest(times_ms, n_frames)


def test_a_long_gap_repeats_the_frames_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "gap.mkv", numbered(4), [0, 100, 1100, 1200])
    assert write_crops(path, Box(0, 0, 32, 32), SIZE, 10.0, tmp_path / "crops.npy") == 13
    assert numbers_in(tmp_path / "crops.npy") == [0] + 6 * [1] + 5 * [2] + [3]


def test_times_of_the_source_stand_in_for_an_encoded_copys(tmp_path: Path) -> None:
    path = write(tmp_path / "copy.mkv", numbered(6), [0, 33, 66, 100, 133, 166])
    times_s = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    write_crops(path, Box(0, 0, 32, 32), SIZE, 10.0, tmp_path / "crops.npy", times_s=times_s)
    assert numbers_in(tmp_path / "crops.npy") == [0, 1, 2, 3, 4, 5]
    with pytest.raises(MediaError, match="has 6 frames, expected 5"):
        write_crops(path, Box(0, 0, 32, 32), SIZE, 10.0, tmp_path / "crops.npy", times_s=times_s[:5])
