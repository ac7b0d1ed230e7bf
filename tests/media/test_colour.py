from __future__ import annotations

import av
import numpy as np
import pytest

from rppgbench.media.colour import LUMA_WEIGHTS, Colour, colour_of, to_luma, to_rgb
from rppgbench.media.decode import frames, probe


def expected_rgb(y: int, cb: int, cr: int, matrix: str, range_: str) -> np.ndarray:
    """Equations of ITU-R BT.601 and BT.709, written from Y' = Kr R + Kg G + Kb B."""
    red, blue = LUMA_WEIGHTS[matrix]
    if range_ == "limited":
        luma, db, dr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    else:
        luma, db, dr = y / 255, (cb - 128) / 255, (cr - 128) / 255
    r, b = luma + 2 * (1 - red) * dr, luma + 2 * (1 - blue) * db
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return 255 * np.array([r, g, b])


def flat(samples: tuple[int, int, int], width: int, height: int, pix_fmt: str) -> av.VideoFrame:
    picture = av.VideoFrame(width, height, pix_fmt)
    for plane, value in zip(picture.planes, samples, strict=True):
        wide = plane.line_size >= 2 * plane.width and pix_fmt.endswith("le")
        sample = (4 * value).to_bytes(2, "little") if wide else bytes([value])
        plane.update(sample * (plane.buffer_size // len(sample)))
    return picture


@pytest.mark.parametrize("samples", [(150, 100, 160), (90, 120, 150), (200, 110, 140)])
@pytest.mark.parametrize(("tag", "matrix"), [(1, "bt709"), (6, "bt601")])
@pytest.mark.parametrize(("range_tag", "range_"), [(1, "limited"), (2, "full")])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p"])
def test_tagged_flat_colour_within_one_level(write_video, samples, tag, matrix, range_tag, range_, pix_fmt):
    path = write_video(
        stamps=[0], pix_fmt=pix_fmt, tags=(tag, range_tag), picture=lambda _: flat(samples, 64, 48, pix_fmt)
    )
    info = probe(path)
    assert (info.color_matrix, info.color_range, info.color_assumed) == (matrix, range_, False)
    rgb = next(frames(path)).rgb()
    np.testing.assert_array_equal(rgb, np.broadcast_to(rgb[0, 0], rgb.shape))
    assert np.abs(rgb[0, 0] - expected_rgb(*samples, matrix, range_)).max() <= 1


@pytest.mark.parametrize(("size", "matrix"), [((640, 480), "bt601"), ((480, 640), "bt601"), ((1280, 720), "bt709")])
def test_untagged_video_goes_by_its_size_and_says_so(write_video, size, matrix):
    path = write_video(stamps=[0], size=size, picture=lambda _: flat((120, 110, 150), *size, "yuv420p"))
    info = probe(path)
    assert (info.color_matrix, info.color_range, info.color_assumed) == (matrix, "limited", True)
    rgb = next(frames(path)).rgb()[5, 5]
    assert np.abs(rgb - expected_rgb(120, 110, 150, matrix, "limited")).max() <= 1


def test_ten_bit_within_one_level():
    picture = flat((150, 100, 160), 64, 48, "yuv420p10le")
    assert np.abs(to_rgb(picture)[20, 20] - expected_rgb(150, 100, 160, "bt601", "limited")).max() <= 1
    assert abs(int(to_luma(picture)[20, 20]) - 150) <= 1


def test_full_range_pixel_format_is_full_range():
    assert colour_of(flat((1, 2, 3), 64, 48, "yuvj420p")) == Colour("bt601", "full", assumed=True)


def test_rgb_is_exact_and_its_luma_is_bt601():
    rgb = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="gbrp")
    np.testing.assert_array_equal(to_rgb(picture), rgb)
    assert np.abs(to_luma(picture) - rgb @ [0.299, 0.587, 0.114]).max() <= 0.6


def test_odd_sizes_keep_chroma_in_place():
    # Left half one colour, right half another, in a picture with odd sides: the edge stays where it is.
    picture = flat((120, 100, 128), 33, 21, "yuv420p")
    chroma = np.frombuffer(memoryview(picture.planes[2]), np.uint8).reshape(picture.planes[2].height, -1).copy()
    chroma[:, 8:] = 170
    picture.planes[2].update(chroma.tobytes())
    rgb = to_rgb(picture)
    assert rgb.shape == (21, 33, 3)
    left, right = (expected_rgb(120, 100, cr, "bt601", "limited") for cr in (128, 170))
    assert np.abs(rgb[:, :14] - left).max() <= 1
    assert np.abs(rgb[:, 18:] - right).max() <= 1


def test_matrix_is_the_inverse_of_the_standard():
    # BT.601 limited: white is (235, 128, 128) and black (16, 128, 128).
    matrix = Colour("bt601", "limited", assumed=False).to_rgb_matrix()
    np.testing.assert_allclose(matrix @ [235, 128, 128, 1], 255)
    np.testing.assert_allclose(matrix @ [16, 128, 128, 1], 0, atol=1e-12)
