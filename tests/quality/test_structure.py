"""SSIM of luma, against closed forms and a plain reading of its formula."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.quality.structure import ssim

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def grey(levels):
    """A grey clip: BT.601 of three equal channels is their level."""
    return np.repeat(np.asarray(levels)[..., None], 3, axis=-1)


def test_the_same_has_one():
    video = np.random.RandomState(0).randint(256, size=(2, 3, 16, 20, 3), dtype=np.uint8)
    np.testing.assert_allclose(ssim(video, video), np.ones((2, 3)), atol=1e-12)


def test_flat_pictures_in_closed_form():
    """Without structure only the means count: (2 ab + C1) / (a^2 + b^2 + C1)."""
    dark, light = grey(np.full((1, 16, 16), 60, np.uint8)), grey(np.full((1, 16, 16), 90, np.uint8))
    assert ssim(dark, light)[0] == pytest.approx((2 * 60 * 90 + C1) / (60**2 + 90**2 + C1), rel=1e-9)


def test_one_window_by_hand():
    """In a picture of 11 x 11 only the middle pixel's window is whole."""
    random = np.random.RandomState(1)
    one, other = (random.randint(256, size=(1, 11, 11), dtype=np.uint8) for _ in range(2))
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(taps, taps) / taps.sum() ** 2
    x, y = one[0].astype(float), other[0].astype(float)
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    var_x, var_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
    covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
    expected = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    expected /= (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    assert ssim(grey(one), grey(other))[0] == pytest.approx(expected, rel=1e-6)


def test_bytes_and_floats_are_one_measure():
    random = np.random.RandomState(2)
    one, other = (random.randint(256, size=(2, 12, 12, 3), dtype=np.uint8) for _ in range(2))
    np.testing.assert_allclose(ssim(one / 255, other), ssim(one, other), rtol=1e-9)


def test_noise_costs_structure_and_a_shift_of_level_costs_little():
    random = np.random.RandomState(3)
    clean = random.uniform(0.3, 0.7, size=(1, 32, 32, 3))
    noise = random.standard_normal(clean.shape)
    values = [ssim(clean + sigma * noise, clean)[0] for sigma in (0.01, 0.03, 0.1, 0.3)]
    assert (np.diff(values) < 0).all()
    shift = np.sqrt(np.mean((0.1 * noise) ** 2))
    assert ssim(clean + shift, clean)[0] > values[2] + 0.1


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(SignalError, match=r"10 x 12 pixels, expected 11"):
        ssim(np.zeros((1, 12, 10, 3)), np.zeros((1, 12, 10, 3)))
    with pytest.raises(SignalError, match="cannot be compared"):
        ssim(np.zeros((1, 12, 12, 3)), np.zeros((2, 12, 12, 3)))
