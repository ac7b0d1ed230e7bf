from __future__ import annotations

import numpy as np
import pytest

from rppgbench.signal.spectrum import highest_peak, power_near, power_spectrum

BAND_HZ = (0.7, 4.0)


@pytest.mark.parametrize("offset", [0.0, 0.1, 0.25, 0.5, 0.77])
def test_parabola_finds_a_tone_anywhere_between_the_bins(offset):
    step_hz = power_spectrum(np.zeros((1, 900)), 30).freq_hz[1]
    rate_hz = (200 + offset) * step_hz
    tone = np.cos(2 * np.pi * rate_hz * np.arange(900) / 30 + 1)
    found_hz, _ = highest_peak(power_spectrum(tone[None], 30), BAND_HZ)
    assert found_hz[0] == pytest.approx(rate_hz, abs=0.002 / 30)


@pytest.mark.parametrize(("fps_hz", "length_s"), [(15, 10), (30, 8), (30, 300), (60, 30)])
def test_bins_are_fine_enough(fps_hz, length_s):
    spectrum = power_spectrum(np.zeros((1, fps_hz * length_s)), fps_hz)
    assert spectrum.freq_hz[1] <= min(0.008, 1 / (4 * length_s))
    assert spectrum.resolution_hz == pytest.approx(1 / length_s)


def test_the_slope_of_a_drift_below_the_band_is_no_peak():
    time_s = np.arange(900) / 30
    drift = 30 * np.sin(2 * np.pi * 0.66 * time_s)
    found_hz, _ = highest_peak(power_spectrum((drift + np.sin(2 * np.pi * 1.5 * time_s))[None], 30), BAND_HZ)
    assert found_hz[0] == pytest.approx(1.5, abs=0.005)


def test_a_flat_spectrum_has_no_peak():
    found_hz, power = highest_peak(power_spectrum(np.zeros((2, 900)), 30), BAND_HZ)
    assert np.isnan(found_hz).all()
    assert np.isnan(power).all()


def test_power_near_looks_only_near():
    time_s = np.arange(900) / 30
    wave = np.sin(2 * np.pi * 1.0 * time_s) + 0.5 * np.sin(2 * np.pi * 2.0 * time_s)
    spectrum = power_spectrum(wave[None], 30)
    strong_hz, strong = power_near(spectrum, np.array([1.02]), np.array([0.05]))
    weak_hz, weak = power_near(spectrum, np.array([2.02]), np.array([0.05]))
    assert strong_hz[0] == pytest.approx(1.0, abs=0.005)
    assert weak_hz[0] == pytest.approx(2.0, abs=0.005)
    assert weak[0] / strong[0] == pytest.approx(0.25, rel=0.02)  # half the amplitude
