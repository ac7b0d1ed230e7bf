"""Window scores: rates, errors, beats, variability and correlations of predicted waves against labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.evaluation.labels import NO_BEATS
from rppgbench.signal.beat_agreement import TOLERANCES_S, beat_agreement
from rppgbench.signal.compatibility.estimator import ESTIMATORS
from rppgbench.signal.heart_rate import HeartRate, HeartRateSettings, estimate_each, ranked_rate_bpm
from rppgbench.signal.similarity import macc
from rppgbench.signal.variability import LEAST_LENGTH_S, Variability, plausible, variability_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.contracts import FloatArray
    from rppgbench.evaluation.labels import Label

__all__ = ["HeartRateSettings", "WindowScore", "predicted_rates", "score_windows"]


# Columns of a result row that depend on the window alone; ``evaluation.schema`` has their meanings. ``status`` is
# "failed" when the prediction has no heart rate, and "excluded" when the contact sensor has none, whatever the
# prediction. Both have a ``reason`` and no error. Columns of two waves or their beats are None where one is missing.
WindowScore = dict[str, Any]


def predicted_rates(
    waves: FloatArray, fps_hz: float, labels: Sequence[Label], settings: HeartRateSettings
) -> list[HeartRate | SignalError]:
    """Heart rates of ``(B, T)`` predicted waves, with SNR about the true rates by the ranked estimator."""
    true_bpm = [None if label.rate is None else ranked_rate_bpm(label.rate, settings) for label in labels]
    reference_bpm = np.array(true_bpm, dtype=np.float64)
    return estimate_each(waves, fps_hz, settings.band_hz, reference_bpm=reference_bpm, use=settings.use)


def score_windows(
    waves: FloatArray,
    fps_hz: float,
    starts_s: FloatArray,
    labels: Sequence[Label],
    settings: HeartRateSettings,
    *,
    truths: FloatArray | None = None,
    surrogate_waves: FloatArray | None = None,
    rates: Sequence[HeartRate | SignalError] | None = None,
) -> list[WindowScore]:
    """Scores of the windows of one recording, by the same code for prediction and contact sensor.

    Args:
        waves: ``(B, T)`` predicted waves, systole up; NaN where there was nothing to predict from.
        fps_hz: Sampling rate of T.
        starts_s: ``(B,)`` times of the first frames on the video's clock.
        labels: Labels of the windows, B of them.
        settings: Band and ranked estimator, those of the labels.
        truths: ``(B, T)`` waves of the contact sensor at the same times, NaN in its gaps.
        surrogate_waves: ``(B, T)`` waves of another subject's contact sensor, for the chance level of MACC.
        rates: Result of ``predicted_rates``, where computed already.

    Returns:
        One row per window, in order. ``error_bpm`` is prediction minus truth; ``snr_db`` is the prediction's, about the
        true rate by the ranked estimator.

    Raises:
        SignalError: the shapes of waves, starts and labels do not match.
    """
    waves, starts_s = np.asarray(waves, dtype=np.float64), np.asarray(starts_s, dtype=np.float64)
    _check(waves, starts_s, labels, truths, surrogate_waves)
    if not len(waves):
        return []
    length_s = waves.shape[1] / fps_hz
    predicted = predicted_rates(waves, fps_hz, labels, settings) if rates is None else rates
    maccs = [_maccs(waves, other, fps_hz, settings) for other in (truths, surrogate_waves)]
    return [
        score(
            window,
            (float(starts_s[window]), float(starts_s[window]) + length_s),
            rate,
            label,
            settings,
            maccs=(maccs[0][window], maccs[1][window]),
        )
        for window, (rate, label) in enumerate(zip(predicted, labels, strict=True))
    ]


def score(
    window: int,
    span_s: tuple[float, float],
    predicted: HeartRate | SignalError,
    label: Label,
    settings: HeartRateSettings,
    *,
    maccs: tuple[float | None, float | None] = (None, None),
) -> WindowScore:
    """Score of one window: its predicted rate and beats against its label.

    ``maccs`` are the MACC with the contact sensor's wave, and with another subject's.
    """
    known = None if isinstance(predicted, SignalError) else predicted
    hr_pred_bpm = ranked_rate_bpm(predicted, settings)
    hr_true_bpm = None if label.rate is None else ranked_rate_bpm(label.rate, settings)
    status, reason = "scored", None
    if hr_true_bpm is None:
        status, reason = "excluded", label.excluded or "contact sensor: no heart rate"
    elif hr_pred_bpm is None:
        status, reason = "failed", predicted.message if isinstance(predicted, SignalError) else NO_BEATS
    beats_s = None if known is None or known.beats_s is None else span_s[0] + known.beats_s
    return {
        "window": window,
        "start_s": span_s[0],
        "end_s": span_s[1],
        "hr_pred_beats_bpm": None if known is None else known.beats_bpm,
        "hr_pred_spectrum_bpm": None if known is None else known.spectrum_bpm,
        "hr_true_beats_bpm": None if label.rate is None else label.rate.beats_bpm,
        "hr_true_spectrum_bpm": None if label.rate is None else label.rate.spectrum_bpm,
        "hr_pred_bpm": hr_pred_bpm,
        "hr_true_bpm": hr_true_bpm,
        "error_bpm": hr_pred_bpm - hr_true_bpm if hr_pred_bpm is not None and hr_true_bpm is not None else None,
        "snr_db": None if known is None or np.isnan(known.snr_db) else known.snr_db,
        "macc": maccs[0],
        "macc_null": maccs[1],
        **_beats(beats_s, np.array(label.beats_s), span_s),
        **_intervals(beats_s, np.array(label.beats_s)),
        **_features(beats_s, label.variability, span_s[1] - span_s[0]),
        "label_flags": "; ".join(label.flags) or None,
        "status": status,
        "reason": reason,
    }


def _check(waves: FloatArray, starts_s: FloatArray, labels: Sequence[Label], *others: FloatArray | None) -> None:
    if waves.ndim != 2 or starts_s.shape != waves.shape[:1]:
        raise SignalError(
            f"waves of shape {waves.shape} and starts of shape {starts_s.shape}, expected (B, T) and (B,)"
        )
    if len(labels) != len(waves):
        raise SignalError(f"{len(labels)} labels for {len(waves)} waves, expected one a wave")
    for other in others:
        if other is not None and other.shape != waves.shape:
            raise SignalError(f"waves of the contact sensor of shape {other.shape}, expected {waves.shape}")


def _maccs(
    waves: FloatArray, others: FloatArray | None, fps_hz: float, settings: HeartRateSettings
) -> list[float | None]:
    """MACC of each wave, as the compatibility estimator defines it where one is set; None where undefined."""
    if others is None:
        return [None] * len(waves)
    compatible = ESTIMATORS[settings.compatible].macc(waves, others, fps_hz) if settings.compatible else None
    values = macc(waves, others, fps_hz) if compatible is None else compatible
    return [None if np.isnan(value) else float(value) for value in values]


def _beats(pred_s: FloatArray | None, true_s: FloatArray, span_s: tuple[float, float]) -> dict[str, Any]:
    """Columns of the agreement of predicted and true beats; None where one side has no beats."""
    matched = [f"beats_matched_{1000 * tolerance_s:.0f}ms" for tolerance_s in TOLERANCES_S]
    if pred_s is None or not len(true_s):
        return dict.fromkeys(("beats_pred", "beats_true", "beat_delay_s", *matched, "ibi_mae_ms"))
    agreement = beat_agreement(pred_s, true_s, span_s=span_s)
    return {
        "beats_pred": agreement.n_pred,
        "beats_true": agreement.n_true,
        "beat_delay_s": agreement.delay_s,
        **dict(zip(matched, agreement.n_matched, strict=True)),
        "ibi_mae_ms": agreement.ibi_mae_ms,
    }


def _intervals(pred_s: FloatArray | None, true_s: FloatArray) -> dict[str, Any]:
    """Columns of the number of intervals between beats, and of those that variability leaves out."""
    found: dict[str, Any] = {}
    for side, beats_s in (("pred", pred_s), ("true", true_s if len(true_s) else None)):
        intervals_s = None if beats_s is None else np.diff(beats_s)
        found[f"intervals_{side}"] = None if intervals_s is None else len(intervals_s)
        found[f"intervals_{side}_dropped"] = None if intervals_s is None else int((~plausible(intervals_s)).sum())
    return found


def _features(pred_s: FloatArray | None, true: Variability | None, length_s: float) -> dict[str, float | None]:
    """Columns of heart rate variability of prediction and truth."""
    pred = None
    if pred_s is not None and length_s >= LEAST_LENGTH_S:
        pred = variability_or_none(pred_s, length_s)
    found: dict[str, float | None] = {}
    for side, features in (("pred", pred), ("true", true)):
        found |= {
            f"sdnn_{side}_ms": None if features is None else features.sdnn_ms,
            f"rmssd_{side}_ms": None if features is None else features.rmssd_ms,
            f"rf_{side}_hz": None if features is None else features.rf_hz,
            f"lf_nu_{side}": None if features is None else features.lf_nu,
            f"lf_hf_{side}": None if features is None else features.lf_hf,
        }
    return found
