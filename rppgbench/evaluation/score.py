"""From predicted waves to one score per window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.evaluation.labels import NO_BEATS
from rppgbench.signal.beats import beat_times
from rppgbench.signal.heart_rate import HeartRate, HeartRateSettings, estimate_each, ranked
from rppgbench.signal.variability import LEAST_LENGTH_S, Variability, variability_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.contracts import FloatArray
    from rppgbench.evaluation.labels import Label

__all__ = ["HeartRateSettings", "WindowScore", "score_windows"]


class WindowScore(TypedDict):
    """One window's share of a row of results.

    ``status`` is "failed" when the prediction has no heart rate, and "excluded" when the contact sensor has none: that
    is no entry's fault. Both have their ``reason`` and no error. ``label_flags`` are why the label may be wrong,
    joined by "; ". Features of variability are None where there are too few beats for them.
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
    rf_pred_hz: float | None
    rf_true_hz: float | None
    lf_nu_pred: float | None
    lf_nu_true: float | None
    lf_hf_pred: float | None
    lf_hf_true: float | None
    label_flags: str | None
    status: Literal["scored", "failed", "excluded"]
    reason: str | None


def score_windows(
    waves: FloatArray, fps_hz: float, starts_s: FloatArray, labels: Sequence[Label], settings: HeartRateSettings
) -> list[WindowScore]:
    """Scores of the windows of one recording, by the same code for prediction and contact sensor.

    Args:
        waves: ``(B, T)`` predicted waves, systole up; NaN where there was nothing to predict from.
        fps_hz: Sampling rate of T.
        starts_s: ``(B,)`` times of the first frames on the video's clock.
        labels: B of them, what the contact sensor says of each window.
        settings: The band, and which estimator is ranked; those of the labels.

    Returns:
        One row per window, in order. ``error_bpm`` is prediction minus truth; ``snr_db`` is the prediction's, about the
        true rate that is ranked.

    Raises:
        SignalError: ``waves``, ``starts_s`` and ``labels`` do not fit together.
    """
    waves, starts_s = np.asarray(waves, dtype=np.float64), np.asarray(starts_s, dtype=np.float64)
    if waves.ndim != 2 or starts_s.shape != waves.shape[:1]:
        raise SignalError(
            f"waves of shape {waves.shape} and starts of shape {starts_s.shape}, expected (B, T) and (B,)"
        )
    if len(labels) != len(waves):
        raise SignalError(f"{len(labels)} labels for {len(waves)} waves, expected one a wave")
    if not len(waves):
        return []
    T = waves.shape[1]
    true_bpm = [None if label.rate is None else ranked(label.rate, settings) for label in labels]
    predicted = estimate_each(waves, fps_hz, settings.band_hz, reference_bpm=np.array(true_bpm, dtype=np.float64))
    features = _variabilities(waves, fps_hz, predicted)
    return [
        _score(
            window,
            (float(starts_s[window]), float(starts_s[window]) + T / fps_hz),
            rate,
            features[window],
            label,
            settings,
        )
        for window, (rate, label) in enumerate(zip(predicted, labels, strict=True))
    ]


def _variabilities(
    waves: FloatArray, fps_hz: float, rates: Sequence[HeartRate | SignalError]
) -> list[Variability | None]:
    """Of each wave; None where it has no heart rate or too few beats."""
    found: list[Variability | None] = [None] * len(rates)
    length_s = waves.shape[1] / fps_hz
    rate_hz = {row: rate.spectrum_bpm / 60 for row, rate in enumerate(rates) if isinstance(rate, HeartRate)}
    if rate_hz and length_s >= LEAST_LENGTH_S:
        beats = beat_times(waves[list(rate_hz)], fps_hz, np.array(list(rate_hz.values())))
        for row, beats_s in zip(rate_hz, beats, strict=True):
            found[row] = variability_or_none(beats_s, length_s)
    return found


def _score(
    window: int,
    span_s: tuple[float, float],
    ours: HeartRate | SignalError,
    features: Variability | None,
    label: Label,
    settings: HeartRateSettings,
) -> WindowScore:
    theirs, sensed = label.rate, label.variability
    hr_pred_bpm, hr_true_bpm = ranked(ours, settings), None if theirs is None else ranked(theirs, settings)
    status: Literal["scored", "failed", "excluded"] = "scored"
    reason = None
    if hr_true_bpm is None:
        status, reason = "excluded", label.excluded or "contact sensor: no heart rate"
    elif hr_pred_bpm is None:
        status, reason = "failed", ours.message if isinstance(ours, SignalError) else NO_BEATS
    return WindowScore(
        window=window,
        start_s=span_s[0],
        end_s=span_s[1],
        hr_pred_beats_bpm=None if isinstance(ours, SignalError) else ours.beats_bpm,
        hr_pred_spectrum_bpm=None if isinstance(ours, SignalError) else ours.spectrum_bpm,
        hr_true_beats_bpm=None if theirs is None else theirs.beats_bpm,
        hr_true_spectrum_bpm=None if theirs is None else theirs.spectrum_bpm,
        hr_pred_bpm=hr_pred_bpm,
        hr_true_bpm=hr_true_bpm,
        error_bpm=hr_pred_bpm - hr_true_bpm if hr_pred_bpm is not None and hr_true_bpm is not None else None,
        snr_db=None if isinstance(ours, SignalError) or np.isnan(ours.snr_db) else ours.snr_db,
        rf_pred_hz=None if features is None else features.rf_hz,
        rf_true_hz=None if sensed is None else sensed.rf_hz,
        lf_nu_pred=None if features is None else features.lf_nu,
        lf_nu_true=None if sensed is None else sensed.lf_nu,
        lf_hf_pred=None if features is None else features.lf_hf,
        lf_hf_true=None if sensed is None else sensed.lf_hf,
        label_flags="; ".join(label.flags) or None,
        status=status,
        reason=reason,
    )
