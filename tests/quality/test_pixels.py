"""PSNR of each frame, and luma, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.quality.pixels import luma, psnr_db


@pytest.mark.parametrize("shape", [(4, 5, 3), (7, 4, 5, 3), (2, 7, 4, 5, 3)])
def test_a_constant_error_in_closed_form(shape):
    """10 grey levels off everywhere: 20 log10(255/10) = 28.13 dB."""
    found = psnr_db(np.full(shape, 110, np.uint8), np.full(shape, 100, np.uint8))
    assert found.shape == shape[:-3]
    np.testing.assert_allclose(found, 20 * math.log10(255 / 10), atol=1e-4)


def test_bytes_do_not_wrap_round():
    low, high = np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)
    assert psnr_db(low, high) == psnr_db(high, low) == pytest.approx(0, abs=1e-6)


def test_one_colour_of_one_pixel_counts_with_all():
    """One of 48 values off by half the range: 10 log10(48 / 0.25)."""
    clean = np.zeros((2, 4, 4, 3), np.float32)
    spoilt = clean.copy()
    spoilt[1, 2, 3, 0] = 0.5
    assert psnr_db(spoilt, clean).tolist() == [math.inf, pytest.approx(10 * math.log10(48 / 0.25))]


def test_an_equal_video_is_infinite():
    video = np.random.RandomState(0).randint(256, size=(3, 4, 4, 3), dtype=np.uint8)
    assert np.isposinf(psnr_db(video, video)).all()


def test_bytes_against_floats():
    video = np.random.RandomState(0).randint(250, size=(3, 4, 4, 3), dtype=np.uint8)
    assert np.isposinf(psnr_db(video, video.astype(np.float32) / np.float32(255))).all()
    np.testing.assert_allclose(psnr_db(video / 255 + 0.1, video), 20.0, atol=1e-4)


def test_each_frame_has_its_own_psnr():
    clean = np.zeros((2, 3, 4, 4, 3), np.float32)
    errors = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    found = psnr_db(clean + errors[..., None, None, None], clean)
    np.testing.assert_allclose(found, -20 * np.log10(errors), atol=1e-4)


def test_videos_of_different_shapes_are_refused():
    with pytest.raises(SignalError, match=r"\(2, 4, 4, 3\) and \(3, 4, 4, 3\)"):
        psnr_db(np.zeros((2, 4, 4, 3)), np.zeros((3, 4, 4, 3)))
    with pytest.raises(SignalError):
        psnr_db(np.zeros((1, 4, 4, 3)), np.zeros((4, 4, 3)))  # would broadcast


def test_luma_is_that_of_bt601():
    """ITU-R BT.601: Y = 0.299 R + 0.587 G + 0.114 B."""
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 7, 7]]], np.uint8)
    np.testing.assert_allclose(luma(colours), [[76.245, 149.685, 29.07, 7]], rtol=1e-12)
    np.testing.assert_allclose(luma(colours / 255), luma(colours), rtol=1e-12)
