"""Longer windows against the same seconds scored as one."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.evaluation.joined import score_joined
from rppgbench.evaluation.labels import Label, label_windows
from rppgbench.evaluation.score import predicted_rates, score_windows
from rppgbench.signal.heart_rate import HeartRateSettings

FPS_HZ, LENGTH_S = 30.0, 30.0
SETTINGS = HeartRateSettings()


def wandering(length_s: float, seed: int):
    """Phase of a pulse whose rate breathes at 0.25 Hz, swings at 0.09 Hz and drifts, in beats at time_s."""
    turn = np.random.RandomState(seed).uniform(0, 6)
    time_s = np.arange(-2, length_s + 2, 1 / 250)
    rr_s = 0.85 + 0.03 * np.sin(2 * np.pi * 0.25 * time_s + turn) + 0.03 * np.sin(2 * np.pi * 0.09 * time_s)
    return time_s, np.cumsum(1 / (rr_s + 0.0004 * time_s)) / 250


@pytest.fixture(scope="module", params=[0, 1, 2])
def minute(request):
    """A prediction and a sensor of 60 s, the same pulse with noise on the prediction."""
    time_s, phase = wandering(60.0, request.param)
    sensor = GroundTruth(samples=np.cos(2 * np.pi * phase), times_s=time_s, kind="bvp")
    frames_s = np.arange(1800) / FPS_HZ
    wave = np.cos(2 * np.pi * np.interp(frames_s, time_s, phase))
    return wave + 0.05 * np.random.RandomState(request.param).randn(1800), sensor


def joined(wave, sensor):
    starts_s = np.array([0.0, 30.0])
    labels = label_windows(sensor, starts_s, 900, FPS_HZ, SETTINGS)
    rates = predicted_rates(wave.reshape(2, 900), FPS_HZ, labels, SETTINGS)
    return score_joined(rates, labels, starts_s, LENGTH_S, 60.0, SETTINGS)


def test_two_joined_windows_score_as_one_of_twice_the_length(minute):
    wave, sensor = minute
    (found,) = joined(wave, sensor)
    labels = label_windows(sensor, np.zeros(1), 1800, FPS_HZ, SETTINGS)
    (whole,) = score_windows(wave[None], FPS_HZ, np.zeros(1), labels, SETTINGS)
    assert (found["start_s"], found["end_s"], found["status"]) == (0.0, 60.0, "scored")
    assert found["hr_pred_beats_bpm"] == pytest.approx(whole["hr_pred_beats_bpm"], abs=0.1)
    assert found["hr_true_beats_bpm"] == pytest.approx(whole["hr_true_beats_bpm"], abs=0.1)
    assert abs(found["beats_true"] - whole["beats_true"]) <= 1
    for name in ("lf_nu_pred", "lf_nu_true"):
        assert found[name] == pytest.approx(whole[name], abs=0.05)
    for name in ("rf_pred_hz", "rf_true_hz"):
        assert found[name] == pytest.approx(0.25, abs=0.01)
    assert found["sdnn_true_ms"] == pytest.approx(whole["sdnn_true_ms"], rel=0.03)
    assert found["snr_db"] is None


def test_a_beat_at_a_window_boundary_is_counted_once():
    """75 bpm with beats at 0, 0.8, ..., so that one falls just onto 30.4 - 0.4: both windows' edge sees a top there."""
    time_s = np.arange(-128, 64 * 62) / 64
    sensor = GroundTruth(samples=np.cos(2 * np.pi * 1.2 * time_s), times_s=time_s, kind="bvp")
    wave = np.cos(2 * np.pi * 1.2 * np.arange(1800) / FPS_HZ)
    (found,) = joined(wave, sensor)
    assert found["hr_pred_beats_bpm"] == pytest.approx(72, abs=0.02)
    assert found["intervals_pred_dropped"] == 0
    assert found["beats_pred"] == pytest.approx(72, abs=1)
    assert found["beats_matched_50ms"] == found["beats_true"]


def test_a_failed_or_excluded_window_fails_or_excludes_the_joined_one(minute):
    wave, sensor = minute
    starts_s = np.array([0.0, 30.0])
    labels = label_windows(sensor, starts_s, 900, FPS_HZ, SETTINGS)
    rates = predicted_rates(wave.reshape(2, 900), FPS_HZ, labels, SETTINGS)
    failed = [rates[0], SignalError("constant")]
    (row,) = score_joined(failed, labels, starts_s, LENGTH_S, 60.0, SETTINGS)
    assert (row["status"], row["reason"], row["beats_pred"]) == ("failed", "constant", None)
    silent = [Label(None, excluded="it is stuck"), labels[1]]
    (row,) = score_joined(rates, silent, starts_s, LENGTH_S, 60.0, SETTINGS)
    assert (row["status"], row["reason"], row["hr_true_bpm"]) == ("excluded", "it is stuck", None)


def test_windows_left_over_are_in_no_joined_window(minute):
    wave, sensor = minute
    starts_s = np.array([0.0])
    labels = label_windows(sensor, starts_s, 900, FPS_HZ, SETTINGS)
    rates = predicted_rates(wave[None, :900], FPS_HZ, labels, SETTINGS)
    assert score_joined(rates, labels, starts_s, LENGTH_S, 60.0, SETTINGS) == []


def test_a_sensor_of_rates_alone_gives_their_mean():
    sensor = GroundTruth(samples=np.repeat([70.0, 74.0], 30), times_s=np.arange(60.0), kind="hr")
    wave = np.cos(2 * np.pi * 1.2 * np.arange(1800) / FPS_HZ)
    (found,) = joined(wave, sensor)
    assert found["hr_true_bpm"] == pytest.approx(72)
    assert (found["beats_true"], found["lf_nu_true"], found["beats_matched_50ms"]) == (None, None, None)
    assert found["lf_nu_pred"] is None  # a steady pulse does not vary
