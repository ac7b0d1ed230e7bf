from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from rppgbench.errors import SignalError
from rppgbench.signal.heart_rate import HeartRateSettings, estimate_each, estimate_rate


@pytest.mark.parametrize("fps_hz", [15, 20, 29.97, 30, 60])
@pytest.mark.parametrize("length_s", [10, 30, 60])
def test_noise_free_pulses_are_measured_to_a_tenth_of_a_beat(pulse, fps_hz, length_s):
    rates_bpm = np.repeat(np.arange(42, 241, 6.0), 5)
    waves = np.array([pulse(hr_bpm, fps_hz, length_s, turn=i % 5 / 5) for i, hr_bpm in enumerate(rates_bpm)])
    found = estimate_each(waves, fps_hz)
    np.testing.assert_allclose([rate.spectrum_bpm for rate in found], rates_bpm, atol=0.1)
    np.testing.assert_allclose([rate.beats_bpm for rate in found], rates_bpm, atol=0.1)


@pytest.mark.parametrize(("fps_hz", "length_s"), [(15, 10), (29.97, 10), (30, 17.3), (30, 30), (60, 60)])
def test_no_rate_falls_between_the_bins(pulse, fps_hz, length_s):
    """Every 0.37 bpm, at phases of their own: the transform's own bins are 1 to 6 bpm apart."""
    rates_bpm = np.arange(42.05, 240, 0.37)
    turns = np.random.RandomState(0).uniform(0, 1, len(rates_bpm))
    waves = np.array([pulse(bpm, fps_hz, length_s, turn) for bpm, turn in zip(rates_bpm, turns, strict=True)])
    found = estimate_each(waves, fps_hz)
    np.testing.assert_allclose([rate.spectrum_bpm for rate in found], rates_bpm, atol=0.1)
    np.testing.assert_allclose([rate.beats_bpm for rate in found], rates_bpm, atol=0.1)


def test_a_wandering_rate_is_60_over_its_mean_interval():
    time_s = np.arange(900) / 30
    phase = 1.0 * time_s + 0.004 * time_s**2  # 60 to 74.4 bpm
    beats_s = np.interp(np.arange(1, 34), phase, time_s)
    found = estimate_rate(np.cos(2 * np.pi * phase), 30)
    assert found.beats_bpm == pytest.approx(60 / np.diff(beats_s).mean(), abs=0.3)


@pytest.mark.parametrize(
    ("noise", "worst_bpm"), [(0.5, 0.5), (1.0, 1.0)], ids=["half the amplitude", "the whole amplitude"]
)
def test_white_noise_moves_neither_estimate_far(pulse, noise, worst_bpm):
    random = np.random.RandomState(0)
    rates_bpm = random.uniform(48, 150, 40)
    waves = np.array([pulse(hr_bpm, 30, 30) for hr_bpm in rates_bpm]) + noise * random.randn(40, 900)
    found = estimate_each(waves, 30)
    assert np.abs([rate.spectrum_bpm for rate in found] - rates_bpm).mean() < worst_bpm
    assert np.abs([rate.beats_bpm for rate in found] - rates_bpm).mean() < worst_bpm


def test_scale_and_offset_do_not_matter(pulse):
    wave = pulse(71.3, 30, 30) + 0.2 * np.random.RandomState(0).randn(900)
    plain, scaled = estimate_rate(wave, 30), estimate_rate(1e-5 * wave + 7, 30)
    assert scaled.beats_bpm == pytest.approx(plain.beats_bpm, abs=1e-6)
    assert scaled.spectrum_bpm == pytest.approx(plain.spectrum_bpm, abs=1e-6)


def test_rows_do_not_influence_each_other(pulse):
    waves = np.array([pulse(60 + row, 30, 20) for row in range(70)]) + np.random.RandomState(0).randn(70, 600)
    waves[11] = np.nan
    together = estimate_each(waves, 30)
    for row in (0, 10, 12, 33, 69):
        assert together[row] == estimate_rate(waves[row], 30)


def test_a_harmonic_as_strong_as_the_fundamental_is_named():
    phase = 2 * np.pi * 0.98 * np.arange(900) / 30
    equal = estimate_rate(np.cos(phase) + 0.95 * np.cos(2 * phase), 30)
    assert equal.spectrum_bpm == pytest.approx(58.8, abs=0.1)
    assert equal.rival_bpm == pytest.approx(117.6, abs=1)
    assert equal.rival_ratio == pytest.approx(0.95**2, rel=0.03)
    swapped = estimate_rate(0.95 * np.cos(phase) + np.cos(2 * phase), 30)
    assert swapped.spectrum_bpm == pytest.approx(117.6, abs=0.1)
    assert swapped.rival_bpm == pytest.approx(58.8, abs=1)
    clear = estimate_rate(np.cos(phase) + 0.3 * np.cos(2 * phase), 30)
    assert clear.rival_bpm is None
    assert clear.rival_ratio == pytest.approx(0.09, rel=0.05)


def test_rates_are_searched_within_the_band():
    time_s = np.arange(900) / 30
    wave = 3 * np.sin(2 * np.pi * 0.9 * time_s) + np.sin(2 * np.pi * 2.0 * time_s)
    assert estimate_rate(wave, 30).spectrum_bpm == pytest.approx(54, abs=0.2)
    assert estimate_rate(wave, 30, (1.2, 4.0)).spectrum_bpm == pytest.approx(120, abs=0.2)


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (np.full(900, 3.0), "constant"),
        (np.linspace(0, 1, 900), "a straight line"),
        (np.r_[np.ones(899), np.nan], "not finite in 1 of 900 samples"),
        (np.r_[np.zeros(898), np.inf, -np.inf], "not finite in 2 of 900 samples"),
        (np.sin(np.arange(60)), r"too short: 2\.0 s, expected at least 5\.7 s"),
        (np.array([]), "too short"),
    ],
)
def test_a_wave_without_a_heart_rate_is_refused(wave, reason):
    with pytest.raises(SignalError, match=reason):
        estimate_rate(wave, 30)


def test_a_band_without_a_peak_says_so():
    with pytest.raises(SignalError, match=r"no spectral peak between 72 and 72\.6 bpm"):
        estimate_rate(np.sin(2 * np.pi * 1.24 * np.arange(900) / 30), 30, (1.2, 1.21))  # a slope, no top


def test_a_batch_goes_on_past_a_bad_row(pulse):
    waves = np.array([pulse(60, 30, 10), np.full(300, np.nan), pulse(90, 30, 10)])
    first, second, third = estimate_each(waves, 30)
    assert (round(first.beats_bpm), round(third.beats_bpm)) == (60, 90)
    assert isinstance(second, SignalError)


def test_wrong_shapes_are_refused():
    with pytest.raises(SignalError, match=r"expected \(T,\)"):
        estimate_rate(np.zeros((2, 900)), 30)
    with pytest.raises(SignalError, match=r"expected \(B, T\)"):
        estimate_each(np.zeros(900), 30)


@pytest.mark.parametrize("band_hz", [(4.0, 0.7), (0.0, 4.0), (1.0, 1.0)])
def test_settings_refuse_an_impossible_band(band_hz):
    with pytest.raises(ValidationError, match="the lower first"):
        HeartRateSettings(band_hz=band_hz)
