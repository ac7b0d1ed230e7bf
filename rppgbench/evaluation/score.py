"""From predicted waves to one score per window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.signal.heart_rate import HeartRate, HeartRateSettings, estimate_each, ranked

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, GroundTruth

__all__ = ["HeartRateSettings", "WindowScore", "score_windows"]


class WindowScore(TypedDict):
    """One window's share of a row of results.

    ``status`` is "failed" when the prediction has no heart rate, and "excluded" when the contact sensor has none: that
    is no entry's fault. Both have their ``reason`` and no error.
    """

    window: int
    start_s: float
    end_s: float
    hr_pred_beats_bpm: float | None
    hr_pred_spectrum_bpm: float | None
    hr_true_beats_bpm: float | None
    hr_true_spectrum_bpm: float | None
    hr_pred_bpm: float | None
    hr_true_bpm: float | None
    error_bpm: float | None
    snr_db: float | None
    status: Literal["scored", "failed", "excluded"]
    reason: str | None


def score_windows(
    waves: FloatArray, fps_hz: float, starts_s: FloatArray, truth: GroundTruth, settings: HeartRateSettings
) -> list[WindowScore]:
    """Scores of the windows of one recording, by the same code for prediction and contact sensor.

    Args:
        waves: ``(B, T)`` predicted waves, systole up; NaN where there was nothing to predict from.
        fps_hz: Sampling rate of T.
        starts_s: ``(B,)`` times of the first frames on the video's clock.
        truth: What the contact sensor said.
        settings: The band, and which estimator is ranked.

    Returns:
        One row per window, in order. ``error_bpm`` is prediction minus truth; ``snr_db`` is the prediction's, about the
        true rate that is ranked.

    Raises:
        SignalError: ``waves`` and ``starts_s`` do not fit together.
    """
    waves, starts_s = np.asarray(waves, dtype=np.float64), np.asarray(starts_s, dtype=np.float64)
    if waves.ndim != 2 or starts_s.shape != waves.shape[:1]:
        raise SignalError(
            f"waves of shape {waves.shape} and starts of shape {starts_s.shape}, expected (B, T) and (B,)"
        )
    if not len(waves):
        return []
    T = waves.shape[1]
    true = window_hrs(truth, starts_s, T, fps_hz, settings.band_hz)
    reference_bpm = np.array([ranked(rate, settings) for rate in true], dtype=np.float64)  # None becomes NaN
    predicted = estimate_each(waves, fps_hz, settings.band_hz, reference_bpm=reference_bpm)
    return [
        _score(window, float(start_s), float(start_s) + T / fps_hz, ours, theirs, settings)
        for window, (start_s, ours, theirs) in enumerate(zip(starts_s, predicted, true, strict=True))
    ]


def _why(rate: HeartRate | SignalError) -> str:
    """Why there is no rate: the only one that may be missing from an estimate is that of the beats."""
    return rate.message if isinstance(rate, SignalError) else "no two beats a regular interval apart"


def _score(
    window: int,
    start_s: float,
    end_s: float,
    ours: HeartRate | SignalError,
    theirs: HeartRate | SignalError,
    settings: HeartRateSettings,
) -> WindowScore:
    hr_pred_bpm, hr_true_bpm = ranked(ours, settings), ranked(theirs, settings)
    status: Literal["scored", "failed", "excluded"] = "scored"
    reason = None
    if hr_true_bpm is None:
        status, reason = "excluded", f"contact sensor: {_why(theirs).removeprefix('contact sensor: ')}"
    elif hr_pred_bpm is None:
        status, reason = "failed", _why(ours)
    return WindowScore(
        window=window,
        start_s=start_s,
        end_s=end_s,
        hr_pred_beats_bpm=None if isinstance(ours, SignalError) else ours.beats_bpm,
        hr_pred_spectrum_bpm=None if isinstance(ours, SignalError) else ours.spectrum_bpm,
        hr_true_beats_bpm=None if isinstance(theirs, SignalError) else theirs.beats_bpm,
        hr_true_spectrum_bpm=None if isinstance(theirs, SignalError) else theirs.spectrum_bpm,
        hr_pred_bpm=hr_pred_bpm,
        hr_true_bpm=hr_true_bpm,
        error_bpm=hr_pred_bpm - hr_true_bpm if hr_pred_bpm is not None and hr_true_bpm is not None else None,
        snr_db=None if isinstance(ours, SignalError) or np.isnan(ours.snr_db) else ours.snr_db,
        status=status,
        reason=reason,
    )
