from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from rppgbench.signal.filters import apply_gain, bandpass, bandpass_gain, detrend, lowpass, smooth_length


def test_detrend_is_scipys_linear_detrend():
    waves = np.random.RandomState(0).randn(3, 101).cumsum(axis=1)
    np.testing.assert_allclose(detrend(waves), signal.detrend(waves, axis=1), atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_gain_is_that_of_scipys_analogue_butterworth(order):
    freq_hz = np.linspace(0.05, 12, 200)
    b, a = signal.butter(order, [2 * np.pi * 0.7, 2 * np.pi * 4.0], "bandpass", analog=True)
    expected = np.abs(signal.freqs(b, a, 2 * np.pi * freq_hz)[1])
    np.testing.assert_allclose(bandpass_gain(freq_hz, 0.7, 4.0, order), expected, rtol=1e-9)


def test_nothing_passes_at_zero_frequency():
    assert bandpass_gain(np.array([0.0]), 0.7, 4.0, 3) == 0
    assert np.abs(bandpass(np.full((1, 300), 7.0), 30, 0.7, 4.0)).max() < 1e-12


@pytest.mark.parametrize("rate_hz", [0.7, 1.3, 2.0, 4.0, 6.0])
def test_bandpass_scales_a_tone_by_the_gain_and_does_not_delay_it(rate_hz):
    time_s = np.arange(1800) / 30
    tone = np.cos(2 * np.pi * rate_hz * time_s + 0.4)
    expected = tone * bandpass_gain(np.array(rate_hz), 0.7, 4.0, 3)
    middle = slice(450, 1350)  # the ends are the continuation's
    np.testing.assert_allclose(bandpass(tone, 30, 0.7, 4.0)[middle], expected[middle], atol=2e-3)


def test_bandpass_is_linear_and_row_by_row():
    waves = np.random.RandomState(1).randn(5, 300)
    filtered = bandpass(waves, 30, 0.7, 4.0)
    np.testing.assert_allclose(
        bandpass(2 * waves[0] - waves[1], 30, 0.7, 4.0), 2 * filtered[0] - filtered[1], atol=1e-12
    )
    np.testing.assert_array_equal(bandpass(waves[3:4], 30, 0.7, 4.0)[0], filtered[3])


@pytest.mark.parametrize("T", [1, 2, 3, 48, 299])
def test_bandpass_keeps_the_length_however_short(T):
    assert bandpass(np.random.RandomState(2).randn(T), 30, 0.7, 4.0).shape == (T,)


def test_lowpass_keeps_the_pulse_and_drops_what_would_alias():
    time_s = np.arange(64 * 30) / 64
    slow, fast = np.sin(2 * np.pi * 1.5 * time_s), np.sin(2 * np.pi * 25 * time_s)
    middle = slice(128, -128)
    np.testing.assert_allclose(lowpass(5 + slow + fast, 64, 13.5)[middle], (5 + slow)[middle], atol=0.05)


@pytest.mark.parametrize("N", [40, 41])
def test_upsampled_period_goes_through_the_samples_of_the_original(N):
    period = np.random.RandomState(3).randn(N)
    fine = apply_gain(period, np.ones(N // 2 + 1), upsample=4)
    assert fine.shape == (4 * N,)
    np.testing.assert_allclose(fine[::4], period, atol=1e-12)


def test_smooth_length_is_the_least_even_product_of_2_3_and_5():
    def is_smooth(n: int) -> bool:
        for factor in (2, 3, 5):
            while n % factor == 0:
                n //= factor
        return n == 1

    for n in (1, 2, 3, 7, 97, 128, 899, 1079, 4321):
        assert smooth_length(n) == next(m for m in range(n, 4 * n + 4) if m % 2 == 0 and is_smooth(m))
