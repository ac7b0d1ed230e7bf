"""Grid means of decoded pictures, against plain means of full-resolution pixels."""

from __future__ import annotations

import av
import numpy as np
import pytest

from rppgbench.media.box import Box
from rppgbench.media.colour import colour_of, plane_array, to_rgb
from rppgbench.media.patch import patch_means, region_mean

HEIGHT, WIDTH = 96, 128
BOX = Box(32, 16, 64, 48)


def smooth_rgb() -> np.ndarray:
    """A picture without sharp edges and within the YUV gamut, so that subsampling its chroma loses little."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    red = 150 + 40 * np.sin(x / 25) + 10 * np.cos(y / 17)
    green = 120 + 30 * np.cos(x / 31 + 1) + 10 * np.sin(y / 23)
    blue = 100 + 25 * np.sin((x + y) / 29)
    return np.rint(np.stack([red, green, blue], -1)).astype(np.uint8)


def converted(pix_fmt: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(smooth_rgb(), format="rgb24").reformat(format=pix_fmt)


def expected_mean(picture: av.VideoFrame, box: Box) -> np.ndarray:
    """The linear map applied to plain means over the planes, in double precision, for a box on whole chroma samples."""
    means = []
    for index in range(3):
        plane = plane_array(picture, index).astype(float)
        across, down = WIDTH // plane.shape[1], HEIGHT // plane.shape[0]
        rows = slice(int(box.y) // down, int(box.y + box.height) // down)
        columns = slice(int(box.x) // across, int(box.x + box.width) // across)
        means.append(plane[rows, columns].mean())
    return np.asarray(colour_of(picture).to_rgb_matrix() @ [*means, 1.0])


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv440p", "yuv411p"])
def test_the_mean_of_cells_is_the_mean_of_the_planes(pix_fmt: str) -> None:
    picture = converted(pix_fmt)
    mean = patch_means(picture, BOX, (12, 16)).mean((0, 1), dtype=float)
    assert mean == pytest.approx(expected_mean(picture, BOX), abs=2e-3)
    assert region_mean(picture, [BOX]) == pytest.approx(expected_mean(picture, BOX), abs=1e-9)


@pytest.mark.parametrize(
    ("pix_fmt", "tolerance"),
    # Exact without YUV; 10 bits come by way of a rounding to 8; YUV has rounded each plane to 8 bits once.
    [("gbrp", 1e-3), ("rgb24", 1e-3), ("bgr0", 1e-3), ("yuv420p", 0.6), ("yuv444p", 0.6), ("yuv420p10le", 0.6)],
)
def test_agrees_with_the_pixels_that_were_put_in(pix_fmt: str, tolerance: float) -> None:
    picture = converted(pix_fmt)
    pixels = smooth_rgb()[16:64, 32:96].reshape(12, 4, 16, 4, 3).mean((1, 3))
    cells = patch_means(picture, BOX, (12, 16))
    assert np.abs(cells.mean((0, 1)) - pixels.mean((0, 1))).max() < tolerance
    assert np.abs(cells - pixels).max() < tolerance + (1.5 if "yuv" in pix_fmt else 0)
    assert np.abs(region_mean(picture, [BOX]) - pixels.mean((0, 1))).max() < tolerance


def test_is_not_rounded_where_the_rgb_picture_is() -> None:
    """Full-resolution RGB, each pixel rounded to 8 bits, has the same mean to within what rounding leaves."""
    picture = converted("yuv420p")
    rgb_mean = to_rgb(picture)[16:64, 32:96].reshape(-1, 3).mean(0)
    assert np.abs(patch_means(picture, BOX, (12, 16)).mean((0, 1)) - rgb_mean).max() < 0.1


def test_odd_boxes_and_odd_pictures() -> None:
    rgb = smooth_rgb()[:95, :127]
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(format="yuv420p")
    cells = patch_means(picture, Box(33, 17, 61, 45), (10, 10))
    assert np.abs(cells.mean((0, 1)) - rgb[17:62, 33:94].reshape(-1, 3).mean(0)).max() < 1.0


def test_a_box_between_pixels_shifts_a_ramp_by_what_it_is_off() -> None:
    ramp = np.repeat(np.arange(WIDTH, dtype=np.uint8)[None, :], HEIGHT, 0)
    picture = av.VideoFrame.from_ndarray(np.repeat(ramp[..., None], 3, -1), format="rgb24")
    for shift in (0.0, 0.25, 0.5, 0.9):
        mean = patch_means(picture, Box(20 + shift, 10, 40, 40), (8, 8)).mean()
        assert mean == pytest.approx(20 + shift + 19.5, abs=0.02)


def test_beyond_the_picture_its_edge_goes_on() -> None:
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, 0] = 200
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    cells = patch_means(picture, Box(-16, 0, 32, 32), (4, 4))
    assert np.allclose(cells[:, :2], 200) and np.allclose(cells[:, 3], 0)


def test_no_region_has_no_mean() -> None:
    assert np.isnan(region_mean(converted("yuv420p"), [])).all()
    assert np.isnan(region_mean(converted("rgb24"), [Box(10, 10, 0, 0)])).all()
