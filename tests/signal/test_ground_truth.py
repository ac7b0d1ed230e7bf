from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.signal.ground_truth import PULSE_SIGMA_S, pulse_wave, window_hrs


def rate_within(truth, start_s, end_s):
    """Heart rate of one window at 30 frames a second; raises its error."""
    (rate,) = window_hrs(truth, [start_s], round((end_s - start_s) * 30), 30.0)
    if isinstance(rate, SignalError):
        raise rate
    return rate


@pytest.fixture
def bvp():
    """A contact BVP of 66 bpm at 64 Hz that starts 1.3 s before the video."""
    times_s = -1.3 + np.arange(64 * 60) / 64
    return GroundTruth(samples=5 + np.cos(2 * np.pi * 1.1 * times_s), times_s=times_s, kind="bvp")


@pytest.fixture
def ecg_truth(ecg):
    """An ECG of 60 s at 256 Hz that starts 0.7 s before the video, beats 0.8 s apart."""
    beats_s = np.arange(-0.5, 58.5, 0.8)
    times_s = -0.7 + np.arange(256 * 60) / 256
    return GroundTruth(samples=ecg(beats_s, times_s), times_s=times_s, kind="ecg", beats_s=beats_s)


def test_a_bvp_is_read_off_its_own_clock(bvp):
    grid_s = 2.0 + np.arange(900) / 30
    np.testing.assert_allclose(pulse_wave(bvp, grid_s), 5 + np.cos(2 * np.pi * 1.1 * grid_s), atol=0.01)


def test_a_bvp_is_low_passed_before_it_is_sampled_at_the_videos_rate(bvp):
    noisy = GroundTruth(
        samples=bvp.samples + np.cos(2 * np.pi * 29.0 * bvp.times_s), times_s=bvp.times_s, kind="bvp"
    )  # 29 Hz would alias to 1 Hz at 30 Hz
    grid_s = 2.0 + np.arange(900) / 30
    np.testing.assert_allclose(pulse_wave(noisy, grid_s), pulse_wave(bvp, grid_s), atol=0.02)


def test_an_ecg_becomes_a_gaussian_at_each_r_peak(ecg_truth):
    grid_s = 5.0 + np.arange(600) / 30
    distance_s = (grid_s[:, None] - ecg_truth.beats_s) / PULSE_SIGMA_S
    np.testing.assert_allclose(pulse_wave(ecg_truth, grid_s), np.exp(-0.5 * distance_s**2).sum(axis=1), atol=0.02)


@pytest.mark.parametrize("hr_bpm", [45.0, 75.0, 140.0, 200.0])
def test_heart_rate_of_an_ecg_is_that_of_its_beats(ecg, hr_bpm):
    times_s = np.arange(256 * 32) / 256 - 1
    beats_s = np.arange(-0.8, 30.8, 60 / hr_bpm)
    truth = GroundTruth(samples=ecg(beats_s, times_s), times_s=times_s, kind="ecg")
    found = rate_within(truth, 0.0, 30.0)
    assert found.beats_bpm == pytest.approx(hr_bpm, abs=0.1)
    assert found.spectrum_bpm == pytest.approx(hr_bpm, abs=0.1)


def test_windows_are_where_they_say(ecg):
    times_s = np.arange(256 * 60) / 256
    beats_s = np.r_[np.arange(0.5, 30, 1.0), np.arange(30.5, 59, 0.5)]  # 60, then 120 bpm
    truth = GroundTruth(samples=ecg(beats_s, times_s), times_s=times_s, kind="ecg")
    early, late = window_hrs(truth, np.array([2.0, 34.0]), 600, 30.0)
    assert early.beats_bpm == pytest.approx(60, abs=0.2)
    assert late.beats_bpm == pytest.approx(120, abs=0.2)


def test_samples_of_heart_rate_are_averaged_within_the_window():
    truth = GroundTruth(samples=np.arange(60.0, 120.0), times_s=np.arange(60.0), kind="hr")
    found = rate_within(truth, 10.0, 20.0)
    assert found.beats_bpm == found.spectrum_bpm == np.arange(70, 80).mean()
    assert np.isnan(found.snr_db)
    with pytest.raises(SignalError, match="does not cover"):
        rate_within(truth, 100.0, 110.0)


def rates(samples, times_s):
    return GroundTruth(samples=np.asarray(samples, dtype=float), times_s=np.asarray(times_s, dtype=float), kind="hr")


@pytest.mark.parametrize("wrong_bpm", [0.0, 400.0, np.nan])
def test_a_rate_that_no_heart_has_is_no_sample(wrong_bpm):
    samples = np.full(60, 72.0)
    samples[[3, 17, 18]] = wrong_bpm
    assert rate_within(rates(samples, np.arange(60)), 0.0, 30.0).beats_bpm == 72
    samples[10:16] = wrong_bpm
    span = "from 9.0 s to 16.0 s"
    why = "sensor tells no heart rate " if np.isnan(wrong_bpm) else "no heart rate of 30 to 240 bpm "
    with pytest.raises(SignalError, match=why + span):
        rate_within(rates(samples, np.arange(60)), 0.0, 30.0)
    assert rate_within(rates(samples, np.arange(60)), 30.0, 60.0).beats_bpm == 72


def test_a_sensor_that_shows_nothing_but_impossible_rates_says_so():
    with pytest.raises(SignalError, match=r"no heart rate of 30 to 240 bpm from 0\.0 s to 30\.0 s, but 1\.2 bpm"):
        rate_within(rates(np.full(60, 1.2), np.arange(60)), 0.0, 30.0)
    with pytest.raises(SignalError, match=r"but 1\.2 bpm"):
        rate_within(rates(np.full(60, 1.2), np.arange(60)), 0.0, 4.0)


def test_a_rate_every_few_seconds_will_do_and_one_alone_will_not():
    often = np.arange(0.0, 60, 5)
    assert rate_within(rates(np.full(12, 72.0), often), 2.0, 32.0).beats_bpm == 72
    with pytest.raises(SignalError, match=r"tells no heart rate from 14\.0 s to 30\.0 s"):
        rate_within(rates([72.0], [14.0]), 0.0, 30.0)
    with pytest.raises(SignalError, match=r"tells no heart rate from 24\.0 s to 30\.0 s"):
        rate_within(rates(np.full(25, 72.0), np.arange(25)), 0.0, 30.0)


@pytest.mark.parametrize("start_s", [-5.0, 50.0], ids=["before", "after"])
def test_a_window_that_the_sensor_does_not_cover_is_refused(bvp, start_s):
    with pytest.raises(SignalError, match="does not cover"):
        rate_within(bvp, start_s, start_s + 20)


def test_a_gap_spoils_only_the_windows_it_is_in(bvp):
    keep = (bvp.times_s < 10) | (bvp.times_s > 11)
    gap = GroundTruth(samples=bvp.samples[keep], times_s=bvp.times_s[keep], kind="bvp")
    spoilt, sound = window_hrs(gap, np.array([2.0, 20.0]), 600, 30.0)
    assert isinstance(spoilt, SignalError)
    assert sound.beats_bpm == pytest.approx(66, abs=0.1)


def test_missing_samples_are_gaps(bvp):
    samples = bvp.samples.copy()
    samples[(bvp.times_s > 10) & (bvp.times_s < 11)] = np.nan
    wave = pulse_wave(GroundTruth(samples=samples, times_s=bvp.times_s, kind="bvp"), np.arange(900) / 30)
    assert 28 <= np.isnan(wave).sum() <= 32


@pytest.mark.parametrize(
    ("samples", "times_s", "reason"),
    [
        (np.full(5, np.nan), np.arange(5.0), "0 finite samples"),
        (np.ones(4), np.array([0, 1, 1, 2.0]), r"do not ascend at sample 2 \(1 s\)"),
        (np.ones(4), np.arange(3.0), r"expected \(N,\) of both"),
    ],
)
def test_unusable_samples_say_why(samples, times_s, reason):
    truth = GroundTruth(samples=samples, times_s=times_s, kind="bvp")
    with pytest.raises(SignalError, match=reason):
        pulse_wave(truth, np.arange(300) / 30)
    (result,) = window_hrs(truth, np.array([0.0]), 300, 30.0)
    assert isinstance(result, SignalError)


@pytest.mark.parametrize("harmonic", [0.9, 1.1, 1.3])
def test_a_harmonic_higher_than_its_rate_does_not_double_it(harmonic):
    times_s = -1 + np.arange(64 * 40) / 64
    phase = 2 * np.pi * 1.1 * times_s
    sharp = GroundTruth(samples=np.cos(phase) + harmonic * np.cos(2 * phase - 0.4), times_s=times_s, kind="bvp")
    found = rate_within(sharp, 2.0, 32.0)
    assert found.spectrum_bpm == pytest.approx(66, abs=0.1)
    assert found.beats_bpm == pytest.approx(66, abs=0.2)


def test_sharp_beats_of_a_recorded_finger_are_counted_once(heartpy):
    """In 17 of these 22 windows the highest peak of the spectrum is at twice the rate of HeartPy's beats."""
    samples, rate_hz = heartpy.example(2)
    truth = GroundTruth(samples=samples, times_s=np.arange(len(samples)) / rate_hz, kind="bvp")
    peaks, accepted = heartpy.beats(samples, rate_hz)
    peaks_s = peaks[accepted] / rate_hz
    starts_s = 30.0 * np.arange(int(len(samples) / rate_hz / 30))
    for start_s, rate in zip(starts_s, window_hrs(truth, starts_s, 900, 30.0), strict=True):
        beats_s = peaks_s[(peaks_s >= start_s) & (peaks_s < start_s + 30)]
        assert rate.spectrum_bpm == pytest.approx(60 / np.median(np.diff(beats_s)), rel=0.2)
