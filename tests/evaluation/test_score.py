from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.evaluation.score import HeartRateSettings, score_windows

FPS_HZ, T = 30.0, 900


@pytest.fixture
def truth():
    """75 bpm, on a clock that covers 0 to 95 s."""
    times_s = np.arange(64 * 95) / 64
    return GroundTruth(samples=np.cos(2 * np.pi * 1.25 * times_s), times_s=times_s, kind="bvp")


def tone(hr_bpm: float) -> np.ndarray:
    return np.cos(2 * np.pi * hr_bpm / 60 * np.arange(T) / FPS_HZ + 0.5)


def test_errors_are_prediction_minus_truth(truth):
    rows = score_windows(
        np.array([tone(75), tone(81), tone(70)]), FPS_HZ, np.array([0.0, 30, 60]), truth, HeartRateSettings()
    )
    assert [row["window"] for row in rows] == [0, 1, 2]
    assert [(row["start_s"], row["end_s"]) for row in rows] == [(0, 30), (30, 60), (60, 90)]
    np.testing.assert_allclose([row["error_bpm"] for row in rows], [0, 6, -5], atol=0.1)
    assert {row["status"] for row in rows} == {"scored"}


def test_quality_is_about_the_true_rate(truth):
    right, wrong = score_windows(np.array([tone(75), tone(120)]), FPS_HZ, np.zeros(2), truth, HeartRateSettings())
    assert right["snr_db"] > 20
    assert wrong["snr_db"] < -20


@pytest.mark.parametrize("use", ["beats", "spectrum"])
def test_the_ranked_estimator_is_the_protocols(truth, use):
    time_s = np.arange(T) / FPS_HZ
    wandering = np.cos(2 * np.pi * (1.0 * time_s + 0.01 * time_s**2))
    (row,) = score_windows(wandering[None], FPS_HZ, np.zeros(1), truth, HeartRateSettings(use=use))
    assert row["hr_pred_bpm"] == row[f"hr_pred_{use}_bpm"]
    assert row["hr_true_bpm"] == row[f"hr_true_{use}_bpm"]
    assert row["error_bpm"] == row["hr_pred_bpm"] - row["hr_true_bpm"]
    assert row["hr_pred_beats_bpm"] != row["hr_pred_spectrum_bpm"]


def test_a_failed_window_is_a_row_with_its_reason(truth):
    waves = np.array([np.full(T, np.nan), np.zeros(T), tone(75)])
    rows = score_windows(waves, FPS_HZ, np.array([0.0, 30, 60]), truth, HeartRateSettings())
    assert [row["status"] for row in rows] == ["failed", "failed", "scored"]
    assert rows[0]["reason"] == "not finite in 900 of 900 samples"
    assert rows[1]["reason"] == "constant"
    for row in rows[:2]:
        assert row["hr_true_bpm"] == pytest.approx(75, abs=0.1)
        assert row["hr_pred_bpm"] is row["error_bpm"] is row["snr_db"] is None


def test_a_window_without_truth_is_excluded_not_failed(truth):
    waves = np.array([tone(75), np.full(T, np.nan)])
    rows = score_windows(waves, FPS_HZ, np.array([80.0, 80.0]), truth, HeartRateSettings())
    assert [row["status"] for row in rows] == ["excluded", "excluded"]
    assert rows[0]["reason"] == "contact sensor: the contact sensor does not cover the window"
    assert rows[0]["error_bpm"] is None


def test_the_same_wave_as_the_sensor_has_no_error():
    random = np.random.RandomState(0)
    times_s = np.arange(T) / FPS_HZ
    wave = np.cos(2 * np.pi * (1.1 * times_s + 0.1 * np.sin(0.8 * times_s))) + 0.3 * random.randn(T)
    truth = GroundTruth(samples=wave, times_s=times_s, kind="bvp")
    (row,) = score_windows(wave[None], FPS_HZ, np.zeros(1), truth, HeartRateSettings())
    assert row["error_bpm"] == pytest.approx(0, abs=1e-3)  # the sensor's wave is interpolated on its own clock


def test_shapes_that_do_not_fit_are_refused(truth):
    with pytest.raises(SignalError, match=r"expected \(B, T\) and \(B,\)"):
        score_windows(np.zeros((2, T)), FPS_HZ, np.zeros(3), truth, HeartRateSettings())
