from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.media.clock import grid, to_uniform

TONE_HZ = 1.2


def frequency_hz(wave: np.ndarray, fps_hz: float) -> float:
    """Peak of a Hann-windowed periodogram, zero-padded to steps of 0.0002 Hz."""
    wave = (wave - wave.mean()) * np.hanning(len(wave))
    size = int(fps_hz / 0.0002)
    power = np.abs(np.fft.rfft(wave, size))
    return float(np.fft.rfftfreq(size, 1 / fps_hz)[np.argmax(power)])


def test_grid_holds_whole_periods():
    np.testing.assert_allclose(grid(0, 30, 30), np.arange(900) / 30)
    assert len(grid(0, 29.98, 30)) == 899
    assert len(grid(10, 10.01, 30)) == 0
    np.testing.assert_allclose(grid(2.5, 3.5, 4), [2.5, 2.75, 3.0, 3.25])
    with pytest.raises(SignalError):
        grid(0, 1, 0)


@pytest.mark.parametrize("source_hz", [60, 61, 30, 30000 / 1001, 20, 15])
def test_tone_keeps_its_frequency_on_the_30_hz_clock(source_hz):
    times_s = np.arange(int(30 * source_hz)) / source_hz
    clock_s, wave = to_uniform(times_s, np.sin(2 * np.pi * TONE_HZ * times_s), 30.0, duration_s=30.0)
    assert len(clock_s) == 900
    assert np.isfinite(wave).all()
    assert frequency_hz(wave, 30.0) == pytest.approx(TONE_HZ, abs=1e-3)


def test_tone_keeps_its_frequency_at_a_jittered_rate():
    random = np.random.default_rng(1)
    times_s = np.cumsum(random.uniform(0.02, 0.06, 750))
    times_s -= times_s[0]
    _, wave = to_uniform(times_s, np.sin(2 * np.pi * TONE_HZ * times_s), 30.0)
    assert frequency_hz(wave, 30.0) == pytest.approx(TONE_HZ, abs=1e-3)


def test_linear_values_are_met_exactly_and_columns_kept():
    times_s = np.array([0.0, 0.11, 0.2, 0.33, 0.4])
    values = np.stack([times_s, 2 - 3 * times_s], axis=1)
    clock_s, result = to_uniform(times_s, values, 10.0, duration_s=0.4)
    np.testing.assert_allclose(result, np.stack([clock_s, 2 - 3 * clock_s], axis=1), atol=1e-12)


def test_long_gap_is_missing_and_short_one_is_bridged():
    times_s = np.array([0.0, 0.1, 0.2, 0.9, 1.0, 1.4, 1.5])
    clock_s, wave = to_uniform(times_s, times_s, 10.0, duration_s=1.6, max_gap_s=0.5)
    missing = np.isnan(wave)
    np.testing.assert_allclose(clock_s[missing], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    np.testing.assert_allclose(wave[~missing][:-1], clock_s[~missing][:-1], atol=1e-9)


def test_samples_that_are_not_finite_count_as_missing():
    times_s = np.arange(40) / 10
    values = np.sin(times_s)
    values[10:20] = np.nan
    _, wave = to_uniform(times_s, values, 10.0)
    np.testing.assert_array_equal(np.isnan(wave), np.isnan(values))
    assert np.isnan(to_uniform(times_s, np.full(40, np.nan), 10.0)[1]).all()


def test_only_one_period_is_added_at_the_ends():
    times_s = 1.0 + np.arange(20) / 10
    clock_s, wave = to_uniform(times_s, np.ones(20), 10.0, duration_s=4.0)
    np.testing.assert_allclose(clock_s[np.isfinite(wave)], np.arange(9, 31) / 10, atol=1e-9)


def test_bad_times_are_refused():
    with pytest.raises(SignalError, match="do not ascend at sample 2"):
        to_uniform([0.0, 0.1, 0.1], [1, 2, 3], 30.0)
    with pytest.raises(SignalError, match="2 values for 3 times"):
        to_uniform([0.0, 0.1, 0.2], [1, 2], 30.0)
    with pytest.raises(SignalError, match="T >= 1"):
        to_uniform([], [], 30.0)
