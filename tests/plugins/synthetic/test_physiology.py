"""Heart, breath and blood volume against what they were simulated from."""

import numpy as np
import pytest
import scipy.interpolate
import scipy.signal

from rppgbench_synthetic.physiology import simulate

DURATION_S = 300.0
BODIES = [
    simulate(7, f"s{number}", "rest", hr_bpm, DURATION_S) for number, hr_bpm in enumerate((52.0, 71.0, 98.0, 133.0))
]


def intervals_s(body):
    inside = body.beats_s[(body.beats_s >= 0) & (body.beats_s <= DURATION_S)]
    return inside[1:], np.diff(inside)


@pytest.mark.parametrize("body", BODIES)
def test_beats_have_the_heart_rate_asked_for(body):
    _, ibi_s = intervals_s(body)
    assert 60.0 / ibi_s.mean() == pytest.approx(body.hr_bpm, rel=0.02)


@pytest.mark.parametrize("body", BODIES)
def test_variability_shrinks_with_the_square_of_the_interval(body):
    # Two sines and a drift: sqrt(a1^2 + a2^2 + 8^2) ms of the ranges they are drawn from, at an interval of 0.85 s.
    _, ibi_s = intervals_s(body)
    sdnn_ms = 1000.0 * ibi_s.std() / (60.0 / body.hr_bpm / 0.85) ** 2
    assert 15.0 < sdnn_ms < 70.0


@pytest.mark.parametrize("body", BODIES)
def test_breathing_is_the_peak_of_the_high_frequency_band(body):
    at_s, ibi_s = intervals_s(body)
    grid_s = np.arange(at_s[0], at_s[-1], 0.25)
    tachogram = scipy.interpolate.CubicSpline(at_s, ibi_s)(grid_s)
    freq_hz, power = scipy.signal.periodogram(tachogram, fs=4.0, window="hann", nfft=8192)
    high = (freq_hz > 0.15) & (freq_hz < 0.40)
    assert freq_hz[high][power[high].argmax()] == pytest.approx(body.respiration_hz, abs=0.02)


@pytest.mark.parametrize("body", BODIES)
def test_blood_volume_peaks_a_fifth_of_a_beat_after_its_delay(body):
    beats_s, ibi_s = intervals_s(body)
    starts_s, lengths_s = beats_s[:-1], ibi_s[1:]
    times_s = starts_s[:, None] + body.pulse_delay_s + np.linspace(0.0, 0.6, 200) * lengths_s[:, None]
    peaks_s = np.take_along_axis(times_s, body.face_pulse(times_s).argmax(axis=1)[:, None], axis=1)[:, 0]
    late = (peaks_s - starts_s - body.pulse_delay_s) / lengths_s
    # The dicrotic wave pulls the systolic peak, at 0.20, and delayed beats are a little longer or shorter.
    assert np.all(np.abs(late - 0.21) < 0.05)


def test_blood_volume_has_zero_mean_and_unit_height():
    pulse = BODIES[1].face_pulse(np.arange(0.0, DURATION_S, 0.01))
    assert abs(pulse.mean()) < 0.02
    assert np.percentile(pulse, 99) - np.percentile(pulse, 1) == pytest.approx(1.0, abs=0.15)


def test_a_person_stays_the_same_in_the_next_session():
    rest = simulate(0, "s01", "rest", 60.0, 30.0)
    exercise = simulate(0, "s01", "exercise", 60.0, 30.0)
    other = simulate(0, "s02", "rest", 60.0, 30.0)
    assert rest.pulse_delay_s == exercise.pulse_delay_s != other.pulse_delay_s
    assert exercise.respiration_hz > rest.respiration_hz
    assert not np.array_equal(rest.beats_s[:20], exercise.beats_s[:20])
