from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.evaluation.labels import Label, label_windows
from rppgbench.evaluation.score import HeartRateSettings, score_windows
from rppgbench.signal.heart_rate import HeartRate
from rppgbench.signal.variability import Variability

FPS_HZ, T = 30.0, 900
SETTINGS = HeartRateSettings()


@pytest.fixture
def truth():
    """75 bpm, on a clock that covers 0 to 95 s."""
    times_s = np.arange(64 * 95) / 64
    return GroundTruth(samples=np.cos(2 * np.pi * 1.25 * times_s), times_s=times_s, kind="bvp")


def tone(hr_bpm: float) -> np.ndarray:
    return np.cos(2 * np.pi * hr_bpm / 60 * np.arange(T) / FPS_HZ + 0.5)


def score(waves, starts_s, truth, settings=SETTINGS):
    labels = label_windows(truth, starts_s, waves.shape[1], FPS_HZ, settings)
    return score_windows(waves, FPS_HZ, starts_s, labels, settings)


def test_errors_are_prediction_minus_truth(truth):
    rows = score(np.array([tone(75), tone(81), tone(70)]), np.array([0.0, 30, 60]), truth)
    assert [row["window"] for row in rows] == [0, 1, 2]
    assert [(row["start_s"], row["end_s"]) for row in rows] == [(0, 30), (30, 60), (60, 90)]
    np.testing.assert_allclose([row["error_bpm"] for row in rows], [0, 6, -5], atol=0.1)
    assert {row["status"] for row in rows} == {"scored"}


def test_quality_is_about_the_true_rate(truth):
    right, wrong = score(np.array([tone(75), tone(120)]), np.zeros(2), truth)
    assert right["snr_db"] > 20
    assert wrong["snr_db"] < -20


@pytest.mark.parametrize("use", ["beats", "spectrum"])
def test_the_ranked_estimator_is_the_protocols(truth, use):
    time_s = np.arange(T) / FPS_HZ
    wandering = np.cos(2 * np.pi * (1.0 * time_s + 0.01 * time_s**2))
    (row,) = score(wandering[None], np.zeros(1), truth, HeartRateSettings(use=use))
    assert row["hr_pred_bpm"] == row[f"hr_pred_{use}_bpm"]
    assert row["hr_true_bpm"] == row[f"hr_true_{use}_bpm"]
    assert row["error_bpm"] == row["hr_pred_bpm"] - row["hr_true_bpm"]
    assert row["hr_pred_beats_bpm"] != row["hr_pred_spectrum_bpm"]


def test_a_failed_window_is_a_row_with_its_reason(truth):
    waves = np.array([np.full(T, np.nan), np.zeros(T), tone(75)])
    rows = score(waves, np.array([0.0, 30, 60]), truth)
    assert [row["status"] for row in rows] == ["failed", "failed", "scored"]
    assert rows[0]["reason"] == "not finite in 900 of 900 samples"
    assert rows[1]["reason"] == "constant"
    for row in rows[:2]:
        assert row["hr_true_bpm"] == pytest.approx(75, abs=0.1)
        assert row["hr_pred_bpm"] is row["error_bpm"] is row["snr_db"] is None


def test_a_window_without_truth_is_excluded_not_failed(truth):
    waves = np.array([tone(75), np.full(T, np.nan)])
    rows = score(waves, np.array([80.0, 80.0]), truth)
    assert [row["status"] for row in rows] == ["excluded", "excluded"]
    assert rows[0]["reason"] == "the contact sensor does not cover the window"
    assert rows[0]["error_bpm"] is None


def test_the_same_wave_as_the_sensor_has_no_error():
    random = np.random.RandomState(0)
    times_s = np.arange(T) / FPS_HZ
    wave = np.cos(2 * np.pi * (1.1 * times_s + 0.1 * np.sin(0.8 * times_s))) + 0.3 * random.randn(T)
    truth = GroundTruth(samples=wave, times_s=times_s, kind="bvp")
    (row,) = score(wave[None], np.zeros(1), truth)
    assert row["error_bpm"] == pytest.approx(0, abs=1e-3)  # the sensor's wave is interpolated on its own clock


def test_features_of_variability_stand_beside_the_sensors():
    """Breathing at 0.25 Hz swings the intervals by 4 %; the prediction is the sensor's wave, 0.2 s late and noisy."""
    times_s = np.arange(64 * 34) / 64 - 2
    truth = GroundTruth(samples=breathing(times_s), times_s=times_s, kind="bvp")
    frames_s = np.arange(T) / FPS_HZ
    wave = breathing(frames_s - 0.2) + 0.05 * np.random.RandomState(0).randn(T)
    (row,) = score(wave[None], np.zeros(1), truth)
    assert row["rf_true_hz"] == pytest.approx(0.25, abs=0.005)
    assert row["rf_pred_hz"] == pytest.approx(0.25, abs=0.01)
    assert row["lf_nu_true"] < 0.2
    assert row["lf_nu_pred"] == pytest.approx(row["lf_nu_true"], abs=0.05)
    for side in ("pred", "true"):
        assert row[f"lf_hf_{side}"] == pytest.approx(row[f"lf_nu_{side}"] / (1 - row[f"lf_nu_{side}"]))


def breathing(times_s):
    phase = 1.2 * times_s + 1.2 * 0.04 / (2 * np.pi * 0.25) * np.sin(2 * np.pi * 0.25 * times_s)
    return np.cos(2 * np.pi * phase)


def test_short_windows_have_rates_and_no_variability():
    times_s = np.arange(64 * 34) / 64 - 2
    truth = GroundTruth(samples=breathing(times_s), times_s=times_s, kind="bvp")
    (row,) = score(breathing(np.arange(600) / FPS_HZ)[None], np.zeros(1), truth)
    assert row["status"] == "scored"
    assert [row[name] for name in row if name[:3] in ("rf_", "lf_")] == [None] * 6


def test_flags_and_exclusions_are_those_of_the_label(truth):
    rate = HeartRate(spectrum_bpm=70.0, beats_bpm=71.0, snr_db=float("nan"), rival_bpm=None, rival_ratio=0.0)
    features = Variability(
        rf_hz=None, lf_nu=0.25, hf_nu=0.75, lf_hf=1 / 3, sdnn_ms=40.0, rmssd_ms=30.0, n_intervals=34, n_dropped=0
    )
    labels = [Label(rate, features, ("estimators differ", "loader: odd")), Label(None, excluded="it is stuck")]
    flagged, excluded = score_windows(
        np.array([tone(75), tone(75)]), FPS_HZ, np.array([0.0, 30.0]), labels, HeartRateSettings()
    )
    assert (flagged["status"], flagged["label_flags"]) == ("scored", "estimators differ; loader: odd")
    assert flagged["error_bpm"] == pytest.approx(4, abs=0.1)
    assert (flagged["rf_true_hz"], flagged["lf_nu_true"], flagged["lf_hf_true"]) == (None, 0.25, 1 / 3)
    assert (flagged["sdnn_true_ms"], flagged["rmssd_true_ms"]) == (40.0, 30.0)
    assert (excluded["status"], excluded["reason"]) == ("excluded", "it is stuck")
    assert excluded["label_flags"] is excluded["hr_true_bpm"] is excluded["error_bpm"] is None


def test_shapes_that_do_not_fit_are_refused():
    label = Label(None, excluded="it is stuck")
    with pytest.raises(SignalError, match=r"expected \(B, T\) and \(B,\)"):
        score_windows(np.zeros((2, T)), FPS_HZ, np.zeros(3), [label] * 2, SETTINGS)
    with pytest.raises(SignalError, match="3 labels for 2 waves"):
        score_windows(np.zeros((2, T)), FPS_HZ, np.zeros(2), [label] * 3, SETTINGS)
    with pytest.raises(SignalError, match=r"contact sensor of shape \(1, 900\), expected \(2, 900\)"):
        score_windows(np.zeros((2, T)), FPS_HZ, np.zeros(2), [label] * 2, SETTINGS, truths=np.zeros((1, T)))


def test_beats_are_counted_and_timed(truth):
    """A prediction 0.2 s late, of the same 75 bpm: none of its beats is wrong."""
    late = np.cos(2 * np.pi * 1.25 * (np.arange(T) / FPS_HZ - 0.2))
    (row,) = score(late[None], np.zeros(1), truth)
    assert row["beat_delay_s"] == pytest.approx(0.2, abs=2e-3)
    assert row["beats_pred"] == row["beats_true"] == row["beats_matched_50ms"] == row["beats_matched_150ms"]
    assert row["beats_true"] in (36, 37)
    assert row["ibi_mae_ms"] < 1
    assert (row["intervals_pred"], row["intervals_pred_dropped"]) == (37, 0)
    assert (row["intervals_true"], row["intervals_true_dropped"]) == (37, 0)


def test_macc_is_with_the_own_truth_and_with_a_surrogate_wave():
    waves = np.array([tone(75), tone(75)])
    labels = [Label(None, excluded="not of interest here")] * 2
    own, other = np.array([tone(75), np.full(T, np.nan)]), np.array([tone(100), tone(100)])
    rows = score_windows(waves, FPS_HZ, np.zeros(2), labels, SETTINGS, truths=own, surrogate_waves=other)
    assert rows[0]["macc"] == pytest.approx(1)
    assert rows[0]["macc_null"] < 0.2
    assert (rows[1]["macc"], rows[1]["macc_null"]) == (None, rows[0]["macc_null"])


def test_columns_of_beats_are_none_where_a_side_has_none(truth):
    silent = Label(None, excluded="it is stuck")
    (row,) = score_windows(tone(75)[None], FPS_HZ, np.zeros(1), [silent], SETTINGS)
    assert (row["beats_pred"], row["beats_true"], row["beats_matched_50ms"], row["ibi_mae_ms"]) == (None,) * 4
    assert (row["intervals_pred"], row["intervals_true"]) == (36, None)
    (row,) = score(np.full((1, T), np.nan), np.zeros(1), truth)
    assert (row["beats_pred"], row["intervals_pred"], row["intervals_true"]) == (None, None, 37)
