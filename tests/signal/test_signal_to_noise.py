from __future__ import annotations

import numpy as np
import pytest

from rppgbench.signal.signal_to_noise import snr_db
from rppgbench.signal.spectrum import power_spectrum

FPS_HZ, T = 30, 1800
TIME_S = np.arange(T) / FPS_HZ


def test_ratio_of_two_tones_is_that_of_their_powers():
    wave = np.sin(2 * np.pi * 1.0 * TIME_S) + 0.1 * np.sin(2 * np.pi * 3.2 * TIME_S)
    assert snr_db(power_spectrum(wave[None], FPS_HZ), np.array([60.0]))[0] == pytest.approx(20, abs=0.05)


def test_the_harmonic_counts_as_pulse_within_a_fifth_of_a_hertz_and_the_fundamental_within_a_tenth():
    noise = 0.1 * np.sin(2 * np.pi * 3.5 * TIME_S)
    near = {
        offset_hz: np.sin(2 * np.pi * 1.0 * TIME_S) + np.sin(2 * np.pi * offset_hz * TIME_S) + noise
        for offset_hz in (2.12, 2.28, 1.15)
    }
    harmonic, beyond, beside = (
        snr_db(power_spectrum(wave[None], FPS_HZ), np.array([60.0]))[0] for wave in near.values()
    )
    assert harmonic == pytest.approx(10 * np.log10(2 / 0.01), abs=0.1)
    assert beyond == pytest.approx(10 * np.log10(1 / 1.01), abs=0.1)
    assert beside == pytest.approx(10 * np.log10(1 / 1.01), abs=0.1)


def test_white_noise_gives_the_share_of_the_band_that_counts_as_pulse():
    spectrum = power_spectrum(np.random.RandomState(0).randn(400, T), FPS_HZ)
    power_share = 10 ** (snr_db(spectrum, np.full(400, 90.0)) / 10)
    assert np.mean(power_share / (1 + power_share)) == pytest.approx(0.6 / 3.5, rel=0.05)


def test_power_outside_half_to_four_hertz_counts_on_neither_side():
    wave = np.sin(2 * np.pi * 1.0 * TIME_S) + 0.1 * np.sin(2 * np.pi * 3.2 * TIME_S)
    outside = wave + 5 * np.sin(2 * np.pi * 6.0 * TIME_S) + 5 * np.sin(2 * np.pi * 0.2 * TIME_S)
    assert snr_db(power_spectrum(outside[None], FPS_HZ), np.array([60.0]))[0] == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("hr_bpm", [np.nan, 20.0, 260.0])
def test_no_reference_no_ratio(hr_bpm):
    wave = np.sin(2 * np.pi * 1.0 * TIME_S)
    assert np.isnan(snr_db(power_spectrum(wave[None], FPS_HZ), np.array([hr_bpm]))[0])
