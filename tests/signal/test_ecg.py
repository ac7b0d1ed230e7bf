from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.signal.ecg import r_peaks


def beats(seed: int, hr_bpm: float, until_s: float) -> np.ndarray:
    intervals_s = 60 / hr_bpm * (1 + 0.05 * np.random.RandomState(seed).randn(int(until_s * hr_bpm / 60) + 5))
    times_s = 0.4 + np.cumsum(intervals_s)
    return times_s[times_s < until_s - 0.4]


@pytest.mark.parametrize("hr_bpm", [45, 72, 120, 180])
@pytest.mark.parametrize("sign", [1, -1], ids=["upright", "inverted"])
def test_r_peaks_of_a_simulated_ecg_are_found_within_2_ms(ecg, hr_bpm, sign):
    true_s = beats(hr_bpm, hr_bpm, 30)
    found_s = r_peaks(sign * ecg(true_s, np.arange(30 * 256) / 256), 256) / 256
    assert len(found_s) == len(true_s)
    np.testing.assert_allclose(found_s, true_s, atol=0.002)


def test_noise_and_a_change_of_amplitude_do_not_hide_beats(ecg):
    true_s = beats(1, 75, 60)
    times_s = np.arange(60 * 256) / 256
    noisy = ecg(true_s, times_s) * (1 + 0.4 * np.sin(2 * np.pi * 0.2 * times_s))
    noisy += 0.05 * np.random.RandomState(0).randn(len(times_s))
    found_s = r_peaks(noisy, 256) / 256
    assert len(found_s) == len(true_s)
    np.testing.assert_allclose(found_s, true_s, atol=0.006)


def test_a_lead_that_was_off_for_most_of_the_recording_keeps_the_beats_of_the_rest(ecg):
    true_s = beats(2, 80, 60)
    times_s = np.arange(60 * 256) / 256
    samples = ecg(true_s, times_s)
    off = (times_s > 10.0) & (times_s < 52.0)
    samples[off] = 0.0
    found_s = r_peaks(samples, 256) / 256
    expected_s = true_s[(true_s < 9.8) | (true_s > 52.2)]
    kept_s = found_s[(found_s < 9.8) | (found_s > 52.2)]
    np.testing.assert_allclose(kept_s, expected_s, atol=0.003)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "reason"),
    [
        (np.zeros(2560), 256, "constant"),
        (np.full(2560, np.nan), 256, "not finite"),
        (np.random.RandomState(0).randn(100), 256, "expected at least 2 s"),
        (np.random.RandomState(0).randn(1000), 30, "expected at least 60 Hz"),
    ],
)
def test_an_unusable_ecg_is_refused(samples, rate_hz, reason):
    with pytest.raises(SignalError, match=reason):
        r_peaks(samples, rate_hz)
