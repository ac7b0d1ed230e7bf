from __future__ import annotations

import numpy as np
import pytest

from rppgbench.signal.beats import beat_times, continue_pulse, mean_interval_s


@pytest.mark.parametrize("fps_hz", [15, 20, 29.97, 30, 60])
def test_beats_of_a_steady_pulse_are_within_a_millisecond(fps_hz):
    rate_hz, first_s = 1.1, 0.31
    time_s = np.arange(round(20 * fps_hz)) / fps_hz
    wave = np.cos(2 * np.pi * rate_hz * (time_s - first_s))
    (found_s,) = beat_times(wave[None], fps_hz, np.array([rate_hz]))
    np.testing.assert_allclose(found_s, first_s + np.arange(len(found_s)) / rate_hz, atol=1e-3)
    assert len(found_s) == 22


def test_modulated_intervals_follow_the_breath():
    time_s = np.arange(1800) / 30
    phase = 1.2 * time_s + 1.2 * 0.05 / (2 * np.pi * 0.25) * np.sin(2 * np.pi * 0.25 * time_s)
    true_s = np.interp(np.arange(1, 71), phase, time_s)
    (found_s,) = beat_times(np.cos(2 * np.pi * phase)[None], 30, np.array([1.2]))
    nearest = found_s[np.abs(found_s[:, None] - true_s).argmin(axis=0)]
    assert np.corrcoef(np.diff(nearest), np.diff(true_s))[0, 1] > 0.99


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_a_dicrotic_wave_is_not_counted_as_a_beat(share):
    phase = 2 * np.pi * 1.0 * np.arange(900) / 30
    wave = np.cos(phase) + share * np.cos(2 * phase - 1.5)
    (found_s,) = beat_times(wave[None], 30, np.array([1.0]))
    assert len(found_s) in (29, 30, 31)
    np.testing.assert_allclose(np.diff(found_s), 1.0, atol=0.02)


def test_rows_do_not_influence_each_other():
    waves = np.random.RandomState(0).randn(4, 600)
    rates_hz = np.array([0.8, 1.2, 2.0, 3.9])
    together = beat_times(waves, 30, rates_hz)
    for row in range(4):
        np.testing.assert_array_equal(together[row], beat_times(waves[row : row + 1], 30, rates_hz[row : row + 1])[0])


@pytest.mark.parametrize("rate_hz", [0.7, 1.5, 4.0])
def test_a_steady_pulse_is_continued_as_it_would_have_gone_on(rate_hz):
    time_s = np.arange(-60, 360) / 30
    steady = 2 + np.cos(2 * np.pi * rate_hz * time_s) + 0.3 * np.sin(4 * np.pi * rate_hz * time_s)
    continued = continue_pulse(steady[None, 60:-60], 30, np.array([rate_hz]), 60, 60)
    np.testing.assert_allclose(continued[0], steady, atol=2e-3)


def test_mean_interval_leaves_out_missed_and_doubled_beats():
    beats_s = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 5.5, 6.0, 7.0])
    assert mean_interval_s(beats_s, 1.0) == 1.0


@pytest.mark.parametrize("beats_s", [[], [1.0], [1.0, 2.0], [0.0, 3.0, 6.0]])
def test_mean_interval_of_too_few_is_nan(beats_s):
    assert np.isnan(mean_interval_s(np.array(beats_s), 1.0))
