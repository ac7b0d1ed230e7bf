"""Mean colours over time of videos whose colours are known."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import pytest

from rppgbench.media.face_detection import Box
from rppgbench.media.skin import SkinSettings
from rppgbench.media.traces import aligned_to_cells, background_strips, measure_traces, skin_means

FPS, N = 20, 60
SKIN, WALL = np.array([190.4, 135.3, 105.6]), np.array([90.3, 110.6, 150.4])
BOX = Box(96, 56, 128, 128)


def pulse() -> np.ndarray:
    """(T, 3): half a grey level of a 1.5-Hz pulse in green, less in the others."""
    t = np.arange(N) / FPS
    return np.sin(2 * np.pi * 1.5 * t)[:, None] * [0.2, 0.5, 0.3]


def pictures() -> list[np.ndarray]:
    """A disc of skin that pulses on a wall that does not, with noise of two levels so that half a level survives."""
    rng = np.random.RandomState(0)
    y, x = np.mgrid[:240, :320]
    disc = ((x - 159.5) ** 2 + (y - 119.5) ** 2 <= 60**2)[..., None]
    return [
        np.rint(np.where(disc, SKIN + offset, WALL) + rng.normal(0, 2, (240, 320, 3))).astype(np.uint8)
        for offset in pulse()
    ]


@pytest.fixture(scope="module")
def lossless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("traces") / "disc.avi", "utvideo", "gbrp")


def write(path: Path, codec: str, pix_fmt: str, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.height, stream.width, stream.pix_fmt = 240, 320, pix_fmt
        stream.thread_count = 1
        for picture in pictures():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_known_colour_comes_back(lossless: Path) -> None:
    traces = measure_traces(lossless, BOX)
    assert traces.times_s == pytest.approx(np.arange(N) / FPS, abs=1e-6)
    # Noise of two levels over the 11,000 pixels of the disc leaves 0.02 levels.
    assert np.abs(traces.skin - (SKIN + pulse())).max() < 0.1
    assert np.abs(traces.background - WALL).max() < 0.1
    assert (traces.skin_share > 0.3).all()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_a_known_colour_comes_back_through_yuv(tmp_path: Path, pix_fmt: str) -> None:
    path = write(tmp_path / "disc.mp4", "libx264", pix_fmt, qp="0", preset="ultrafast")
    traces = measure_traces(path, BOX)
    # swscale's own conversion to YUV on the way in may be off by a level throughout; the pulse is not.
    assert np.abs(traces.skin - (SKIN + pulse())).max() < 1.5
    assert np.abs((traces.skin - traces.skin.mean(0)) - pulse()).max() < 0.15


def test_frames_are_skin_takes_every_pixel(lossless: Path) -> None:
    traces = measure_traces(lossless, Box(0, 0, 320, 240), frames_are_skin=True)
    plain = np.array([picture.reshape(-1, 3).mean(0) for picture in pictures()])
    assert np.abs(traces.skin - plain).max() < 0.01
    assert (traces.skin_share == 1).all()
    assert np.isnan(traces.background).all()


def test_the_same_bits_every_time(lossless: Path) -> None:
    first, second = measure_traces(lossless, BOX), measure_traces(lossless, BOX)
    assert first.skin.tobytes() == second.skin.tobytes()
    assert first.background.tobytes() == second.background.tobytes()


def test_no_skin_is_nan_and_not_a_mean_of_everything() -> None:
    black = np.zeros((32, 32, 3), np.float32)
    (mean, share), *_ = skin_means([(0.0, black)], SkinSettings())
    assert np.isnan(mean).all() and share == 0.0


def test_frames_without_a_face_are_nan_and_the_others_are_not() -> None:
    patch = np.random.RandomState(0).normal(SKIN, 3, (32, 32, 3)).astype(np.float32)
    samples = [(0.0, patch), (0.1, patch), (0.2, None), (0.3, patch), (0.4, patch), (0.9, None)]
    means = list(skin_means(samples, SkinSettings()))
    assert [math.isnan(mean[0]) for mean, _ in means] == [False, False, True, False, False, True]


def test_weights_fade_from_mask_to_mask() -> None:
    """From a picture with wall at its sides to one that is all skin the skin's share rises on a straight line."""
    rng = np.random.RandomState(0)
    full = (SKIN + rng.normal(0, 3, (40, 40, 3))).astype(np.float32)
    sides = full.copy()
    sides[:, :4] = sides[:, 36:] = WALL
    samples = [(0.0, sides), (0.05, sides), (0.1, sides), (0.15, sides), (0.2, full)]
    shares = [share for _, share in skin_means(samples, SkinSettings(every_s=0.2, memory_s=0.0))]
    assert np.diff(shares) == pytest.approx((shares[-1] - shares[0]) / 4)
    # A normal distribution leaves 70 % of the skin, which is first 32 and then 40 of the 40 columns.
    assert shares[0] == pytest.approx(0.7 * 0.8, abs=0.06)
    assert shares[-1] == pytest.approx(0.7, abs=0.06)


def test_masks_have_a_memory() -> None:
    """The share follows a step of the masks as an equal mean at first, and then as exp(-t / memory) does."""
    rng = np.random.RandomState(0)
    full = (SKIN + rng.normal(0, 3, (40, 40, 3))).astype(np.float32)
    sides = full.copy()
    sides[:, :4] = sides[:, 36:] = WALL
    times_s = 0.5 * np.arange(40)
    samples = [(t, sides if t < 10 else full) for t in times_s]
    shares = np.array([share for _, share in skin_means(samples, SkinSettings(every_s=0.5, memory_s=2.0))])
    before, after = shares[0], shares[0] + (shares[-1] - shares[0]) / (1 - math.exp(-10 / 2))
    expected = before + (after - before) * (1 - np.exp(-(times_s[20:] - 9.5) / 2))
    assert shares[:20] == pytest.approx(np.full(20, before))
    assert shares[20:] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("box", [Box(3, 5, 300, 300), Box(0, 0, 61.3, 40), Box(0, 0, 1920, 1080), Box(0, 0, 5, 5)])
def test_cells_are_whole_even_pixels_about_the_same_centre(box: Box) -> None:
    cells, (rows, columns) = aligned_to_cells(box)
    assert cells.center == pytest.approx(box.center)
    for size, count, whole in ((cells.height, rows, box.height), (cells.width, columns, box.width)):
        assert (size / count) % 2 == 0
        assert abs(size - whole) <= size / count
    assert min(rows, columns) <= 64


def test_strips_lie_beside_the_box_or_are_none() -> None:
    left, right = background_strips(BOX, 320, 240)
    assert left.x + left.width < BOX.x and right.x > BOX.x + BOX.width
    assert left.x >= 0 and right.x + right.width <= 320
    assert max(left.y + left.height, right.y + right.height) <= BOX.y + 0.6 * BOX.height
    assert background_strips(Box(10, 10, 300, 220), 320, 240) == []
