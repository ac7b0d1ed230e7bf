"""Variability against beats made by integral pulse frequency modulation, whose swings are known.

A beat falls whenever the integral of 1 / RR reaches a whole number. An interval then is about the mean of RR over
itself, so a swing of frequency f keeps sinc(f RR) of its amplitude: that is the closed form of the expected shares.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lombscargle

from rppgbench.errors import SignalError
from rppgbench.signal.beats import beat_times
from rppgbench.signal.variability import lomb_scargle, plausible, variability, variability_or_none


def modulated(length_s, *, mean_s=0.85, slow=(0.02, 0.1), fast=(0.02, 0.25), turn=0.0):
    """Phase and time of a pulse with two swings of RR: amplitude in s and frequency in Hz of each."""
    time_s = np.arange(-3, length_s + 3, 1 / 250)
    rr_s = mean_s + sum(a * np.sin(2 * np.pi * f * time_s + n + turn) for n, (a, f) in enumerate((slow, fast)))
    return np.cumsum(1 / rr_s) / 250, time_s


def beats(length_s, **swings):
    phase, time_s = modulated(length_s, **swings)
    at_s = np.interp(np.arange(np.ceil(phase[0]), phase[-1]), phase, time_s)
    return at_s[(at_s >= 0) & (at_s < length_s)]


def share(mean_s=0.85, slow=(0.02, 0.1), fast=(0.02, 0.25), turn=0.0):
    low, high = ((a * np.sinc(f * mean_s)) ** 2 for a, f in (slow, fast))
    return low / (low + high)


def hearts(n=60):
    random = np.random.RandomState(0)
    for _ in range(n):
        yield {
            "mean_s": random.uniform(0.55, 1.05),
            "slow": (random.uniform(0.01, 0.04), random.uniform(0.07, 0.12)),
            "fast": (random.uniform(0.01, 0.04), random.uniform(0.18, 0.35)),
            "turn": random.uniform(0, 6),
        }


def test_power_is_scipys():
    random = np.random.RandomState(0)
    times_s, values = np.sort(random.uniform(0, 30, 40)), random.randn(40)
    values -= values.mean()
    freq_hz = np.arange(0.04, 0.5, 0.003)
    np.testing.assert_allclose(
        lomb_scargle(times_s, values, freq_hz), lombscargle(times_s, values, 2 * np.pi * freq_hz), atol=1e-12
    )


@pytest.mark.parametrize("rate_hz", [0.5, 0.8, 1.0])
def test_power_of_even_samples_is_finite_up_to_half_their_rate(rate_hz):
    times_s = np.arange(40) / rate_hz
    values = (-1.0) ** np.arange(40)
    power = lomb_scargle(times_s, values, np.array([0.25 * rate_hz, 0.5 * rate_hz]))
    assert np.isfinite(power).all()
    assert power[1] == pytest.approx(20)  # a half of the sum of squares


@pytest.mark.parametrize(
    ("length_s", "bias", "spread", "worst", "rf_hz"),
    [(30.0, 0.03, 0.02, 0.06, 0.004), (60.0, 0.012, 0.01, 0.025, 0.001), (300.0, 0.004, 0.003, 0.01, 0.0005)],
)
def test_known_swings_are_found(length_s, bias, spread, worst, rf_hz):
    cases = list(hearts(20 if length_s > 60 else 60))
    found = [variability(beats(length_s, **case), length_s) for case in cases]
    error = np.array([f.lf_nu - share(**case) for f, case in zip(found, cases, strict=True)])
    assert abs(error.mean()) < bias
    assert error.std() < spread
    assert np.abs(error).max() < worst
    away_hz = np.array([f.rf_hz - case["fast"][1] for f, case in zip(found, cases, strict=True)])
    assert np.sqrt((away_hz**2).mean()) < rf_hz
    for f in found:
        assert f.hf_nu == pytest.approx(1 - f.lf_nu)
        assert f.lf_hf == pytest.approx(f.lf_nu / f.hf_nu)
        assert f.n_dropped == 0


def test_beats_of_a_wave_at_30_fps_have_the_same_variability():
    """Of a wave at 30 fps; those of whole frames would be off by 0.09 in LF (SD) and by 0.02 Hz in RF."""
    exact, framed = [], []
    for case in hearts():
        phase, time_s = modulated(30.0, **case)
        wave = np.cos(2 * np.pi * np.interp(np.arange(900) / 30, time_s, phase))
        exact.append(variability(beats(30.0, **case), 30.0))
        (found_s,) = beat_times(wave[None], 30.0, np.array([1 / case["mean_s"]]))
        framed.append(variability(found_s, 30.0))
    error = np.array([f.lf_nu - e.lf_nu for f, e in zip(framed, exact, strict=True)])
    assert np.sqrt((error**2).mean()) < 0.02
    assert np.corrcoef([f.lf_nu for f in framed], [e.lf_nu for e in exact])[0, 1] > 0.995
    assert np.median(np.abs([f.rf_hz - e.rf_hz for f, e in zip(framed, exact, strict=True)])) < 0.001


def test_a_slow_heart_does_not_count_its_fast_swings_twice():
    """Of beats 1.7 s apart, 0.22 Hz is seen at 1 / 1.7 - 0.22 = 0.37 Hz once more, which is in the HF band."""
    case = {"mean_s": 1.7, "slow": (0.05, 0.1), "fast": (0.05, 0.22)}
    assert variability(beats(120.0, **case), 120.0).lf_nu == pytest.approx(share(**case), abs=0.05)


def test_missed_and_doubled_beats_are_left_out():
    sound_s = beats(60.0)
    expected = variability(sound_s, 60.0)
    spoilt_s = np.sort(np.r_[np.delete(sound_s, [12, 40]), 0.5 * (sound_s[25] + sound_s[26])])
    found = variability(spoilt_s, 60.0)
    assert found.n_dropped == 4  # a missed beat spoils one interval, a doubled one two
    assert found.lf_nu == pytest.approx(expected.lf_nu, abs=0.05)
    assert found.rf_hz == pytest.approx(expected.rf_hz, abs=0.005)


def test_plausible_is_about_the_intervals_around():
    interval_s = np.r_[np.linspace(1.0, 0.5, 20), 0.95, 0.48, 0.2, 0.47]
    np.testing.assert_array_equal(np.flatnonzero(~plausible(interval_s)), [20, 22])
    assert not plausible(np.ones(4)).any()


def test_a_drift_of_the_rate_is_no_slow_swing():
    time_s = np.arange(0, 40, 1 / 250)
    phase = np.cumsum(1 / (0.9 - 0.005 * time_s + 0.01 * np.sin(2 * np.pi * 0.25 * time_s))) / 250
    at_s = np.interp(np.arange(1, phase[-1]), phase, time_s)
    assert variability(at_s[at_s < 30], 30.0).lf_nu < 0.1


def test_without_a_peak_in_the_fast_band_there_is_no_respiration():
    # Beats 2.6 s apart know nothing above 0.19 Hz, and a swing at 0.14 Hz only slopes down to there.
    found = variability(beats(30.0, mean_s=2.6, slow=(0.1, 0.135), fast=(0.0, 0.2)), 30.0)
    assert found.rf_hz is None
    assert 0 < found.lf_nu < 1


@pytest.mark.parametrize("length_s", [30.0, 60.0, 300.0])
def test_paced_breaths_are_found_in_a_wave_at_30_fps(length_s):
    for breath_hz in np.arange(0.17, 0.385, 0.03):
        for turn in (0.0, 2.0):
            phase, time_s = modulated(length_s, fast=(0.03, breath_hz), turn=turn)
            wave = np.cos(2 * np.pi * np.interp(np.arange(round(length_s * 30)) / 30, time_s, phase))
            (found_s,) = beat_times(wave[None], 30, np.array([1 / 0.85]))
            assert variability(found_s, length_s).rf_hz == pytest.approx(breath_hz, abs=0.005)


def test_moments_of_all_intervals_are_heartpys(heartpy):
    """But for SDNN's denominator, which is n there."""
    for case in hearts(10):
        at_s = beats(60.0, **case)
        reference, found = heartpy.time_domain(np.diff(at_s)), variability(at_s, 60.0)
        n = len(at_s) - 1
        assert found.n_intervals == n
        assert found.n_dropped == 0
        assert (at_s[-1] - at_s[0]) / n * 1e3 == pytest.approx(reference["ibi"], rel=1e-9)
        assert found.rmssd_ms == pytest.approx(reference["rmssd"], rel=1e-9)
        assert found.sdnn_ms == pytest.approx(reference["sdnn"] * np.sqrt(n / (n - 1)), rel=1e-9)


def test_moments_without_a_doubled_beat_are_heartpys(heartpy):
    """HeartPy leaves out beats, and the intervals on both sides of each: of a doubled beat these are the same here."""
    sound_s = beats(60.0)
    at_s = np.sort(np.r_[sound_s, 0.5 * (sound_s[25] + sound_s[26]), 0.5 * (sound_s[40] + sound_s[41])])
    kept, step_ms = heartpy.without_beats(np.diff(at_s), [26, 42])
    found, reference = variability(at_s, 60.0), heartpy.time_domain(kept, step_ms)
    assert (found.n_intervals, found.n_dropped) == (len(at_s) - 1, 4)
    assert found.rmssd_ms == pytest.approx(reference["rmssd"], rel=1e-9)
    assert found.sdnn_ms == pytest.approx(reference["sdnn"] * np.sqrt(len(kept) / (len(kept) - 1)), rel=1e-9)


def test_shares_and_breaths_are_nearer_to_the_truth_than_heartpys(heartpy):
    cases = list(hearts(30))
    at_s = [beats(30.0, **case) for case in cases]
    found = [variability(each, 30.0) for each in at_s]
    true_share = np.array([share(**case) for case in cases])
    error = np.array([each.lf_nu for each in found]) - true_share
    reference_error = np.array([heartpy.frequency_domain(np.diff(each))["lf_nu"] / 100 for each in at_s]) - true_share
    assert error.std() < 0.5 * reference_error.std()
    assert np.abs(reference_error).max() < 0.2  # far from each other neither is: both measure the same
    true_hz = np.array([case["fast"][1] for case in cases])
    error_hz = np.abs([each.rf_hz for each in found] - true_hz)
    reference_error_hz = np.abs([heartpy.breathing_hz(np.diff(each)) for each in at_s] - true_hz)
    assert np.median(reference_error_hz) < 0.02
    assert np.median(error_hz) < 0.2 * np.median(reference_error_hz)


def test_moments_of_known_jitter():
    """Independent intervals of SD s have an SDNN of s and an RMSSD of sqrt(2) s."""
    interval_s = 0.8 + 0.03 * np.random.RandomState(0).randn(4000)
    found = variability(np.cumsum(interval_s), float(interval_s.sum()))
    assert found.sdnn_ms == pytest.approx(30, rel=0.03)
    assert found.rmssd_ms == pytest.approx(30 * np.sqrt(2), rel=0.03)


def test_noise_for_a_wave_has_an_answer_or_none():
    for seed in range(20):
        wave = np.random.RandomState(seed).randn(900)
        (found_s,) = beat_times(wave[None], 30, np.array([1.5]))
        found = variability_or_none(found_s, 30.0)
        assert found is None or (0 < found.lf_nu < 1 and found.sdnn_ms > 0 and found.rmssd_ms > 0)


# Between any two intervals of about 1 s is one so far from the running median as to be left out.
NEVER_IN_A_ROW_S = np.r_[np.tile([1.0, 1.5, 1.01, 0.01, 0.99, 0.005, 1.0, 0.003, 1.01, 0.005, 0.99, 0.01], 6), 1.0, 1.5]


@pytest.mark.parametrize(
    ("beats_s", "length_s", "reason"),
    [
        (np.full(40, np.nan), 30.0, r"regular beats in 0\.0 s"),
        (np.cumsum(NEVER_IN_A_ROW_S), 40.0, "in a row"),
        (np.arange(0, 20, 0.8), 20.0, "too short for variability: 20 s, expected at least 25 s"),
        (beats(22.0), 30.0, r"regular beats in 2\d\.\d s of 30 s, expected at least 24 s"),
        (np.array([]), 30.0, r"regular beats in 0\.0 s"),
        (np.arange(0, 30, 0.75), 30.0, "do not vary"),
        (np.cumsum(3.4 + 0.1 * np.sin(np.arange(18))), 60.0, "beats 3.4 s apart cannot tell HF"),
    ],
    ids=["not finite", "never in a row", "short", "few", "none", "steady", "slow"],
)
def test_beats_without_variability_are_refused(beats_s, length_s, reason):
    with pytest.raises(SignalError, match=reason):
        variability(beats_s, length_s)
    assert variability_or_none(beats_s, length_s) is None
