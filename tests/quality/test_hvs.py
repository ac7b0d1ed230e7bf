"""PSNR-HVS-M against its published tables, a plain reading of its definition, and known cases of visibility."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.quality import hvs
from rppgbench.quality.hvs import MASKING, QUANTISATION, SENSITIVITY, psnr_hvs_m_db, visible_error


def grey(levels):
    """A grey clip about [0, 1] of grey levels: BT.601 of three equal channels is their level."""
    return np.repeat(np.asarray(levels, dtype=np.float64)[..., None] / 255, 3, axis=-1)


def test_the_tables_are_those_that_were_published():
    """Some numbers of the authors' tables, with their six digits."""
    np.testing.assert_allclose(SENSITIVITY[0, :3], [1.608443, 2.339554, 2.573509], atol=1e-6)
    np.testing.assert_allclose(SENSITIVITY[7, 5:], [0.257351, 0.249855, 0.259950], atol=1e-6)
    np.testing.assert_allclose(MASKING[0, :4], [0.390625, 0.826446, 1.0, 0.390625], atol=1e-6)


def dct_basis():
    """(8, 8): row k is the k-th cosine."""
    x = np.arange(8)
    rows = [np.sqrt((1 if k == 0 else 2) / 8) * np.cos((2 * x + 1) * k * np.pi / 16) for k in range(8)]
    return np.array(rows)


def plainly(one, other):
    """The mean visible error of two pictures of grey levels, (H, W), one coefficient after another."""
    basis, total, count = dct_basis(), 0.0, 0
    for top in range(0, one.shape[0] - 7, 8):
        for left in range(0, one.shape[1] - 7, 8):
            blocks = [picture[top : top + 8, left : left + 8] for picture in (one, other)]
            spectra = [basis @ block @ basis.T for block in blocks]
            strengths = []
            for block, spectrum in zip(blocks, spectra, strict=True):
                energy = sum(
                    spectrum[i, j] ** 2 * (10 / QUANTISATION[i, j]) ** 2
                    for i in range(8) for j in range(8) if (i, j) != (0, 0)
                )  # fmt: skip
                corners = [(0, 0), (0, 4), (4, 0), (4, 4)]
                quarters = sum(np.var(block[i : i + 4, j : j + 4], ddof=1) for i, j in corners)
                whole = np.var(block, ddof=1)
                strengths.append(math.sqrt(energy * (quarters / (4 * whole) if whole > 0 else 0) / 16 / 64))
            for i in range(8):
                for j in range(8):
                    error = abs(spectra[0][i, j] - spectra[1][i, j])
                    if (i, j) != (0, 0):
                        error = max(error - max(strengths) / (10 / QUANTISATION[i, j]) ** 2, 0)
                    total += (error * SENSITIVITY[i, j]) ** 2
                    count += 1
    return total / count


@pytest.mark.parametrize("shape", [(8, 8), (24, 16), (19, 30)])
def test_it_is_a_plain_reading_of_its_definition(shape):
    random = np.random.RandomState(0)
    x, y = np.meshgrid(*map(np.arange, shape), indexing="ij")
    one = 120 + 40 * np.sin(x / 3) * np.cos(y / 5) + random.standard_normal(shape) * np.linspace(0, 20, shape[1])
    other = one + 6 * random.standard_normal(shape)
    expected = plainly(one, other)
    assert expected > 0
    np.testing.assert_allclose(visible_error(grey(other[None]), grey(one[None])), [expected], rtol=1e-9)
    np.testing.assert_allclose(
        psnr_hvs_m_db(grey(other[None]), grey(one[None])), [10 * math.log10(255**2 / expected)], atol=1e-9
    )


def test_frames_do_not_depend_on_their_batch(monkeypatch):
    random = np.random.RandomState(1)
    one, other = (random.randint(256, size=(2, 5, 16, 16, 3), dtype=np.uint8) for _ in range(2))
    alone = [[psnr_hvs_m_db(one[i, j][None], other[i, j][None])[0] for j in range(5)] for i in range(2)]
    monkeypatch.setattr(hvs, "_CHUNK_FRAMES", 3)
    np.testing.assert_allclose(psnr_hvs_m_db(one, other), alone, rtol=1e-12)


def test_a_shift_of_level_is_psnr_but_for_the_weight_of_the_mean():
    """The mean is not masked: 64 pixels off by 5 are 40 in the first coefficient, times its weight."""
    flat = np.full((1, 16, 16), 100.0)
    expected = 10 * math.log10(255**2 / ((40 * SENSITIVITY[0, 0]) ** 2 / 64))
    np.testing.assert_allclose(psnr_hvs_m_db(grey(flat + 5), grey(flat)), [expected], atol=1e-6)


def test_an_equal_picture_and_an_error_masked_by_texture_are_infinite():
    random = np.random.RandomState(2)
    texture = 128 + 40 * random.standard_normal((1, 16, 16))
    assert np.isposinf(psnr_hvs_m_db(grey(texture), grey(texture))).all()
    x = np.arange(16)
    ripple = 0.2 * np.cos((2 * x + 1) * 3 * np.pi / 16)  # without a mean in any block
    assert np.isposinf(psnr_hvs_m_db(grey(texture + ripple), grey(texture))).all()


def test_noise_is_seen_on_flat_skin_and_not_in_texture():
    random = np.random.RandomState(3)
    noise, texture = 3 * random.standard_normal((1, 32, 32)), 30 * random.standard_normal((1, 32, 32))
    flat = np.full((1, 32, 32), 128.0)
    on_flat = psnr_hvs_m_db(grey(flat + noise), grey(flat))[0]
    assert psnr_hvs_m_db(grey(flat + texture + noise), grey(flat + texture))[0] > on_flat + 3


def test_more_noise_is_never_nearer():
    random = np.random.RandomState(4)
    clean = 128 + 20 * random.standard_normal((1, 32, 32))
    noise = random.standard_normal(clean.shape)
    values = [psnr_hvs_m_db(grey(clean + sigma * noise), grey(clean))[0] for sigma in (2, 4, 8, 16, 32)]
    assert (np.diff(values) < 0).all()


def test_small_or_different_shapes_are_refused():
    with pytest.raises(SignalError, match="7 x 9 pixels, expected 8"):
        psnr_hvs_m_db(np.zeros((1, 9, 7, 3)), np.zeros((1, 9, 7, 3)))
    with pytest.raises(SignalError, match="cannot be compared"):
        psnr_hvs_m_db(np.zeros((1, 8, 8, 3)), np.zeros((2, 8, 8, 3)))
