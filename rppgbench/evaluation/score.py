"""From predicted waves to one score per window."""

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


# One window's share of a row of results; ``evaluation.schema`` says what each column means. ``status`` is "failed" when
# the prediction has no heart rate, and "excluded" when the contact sensor has none: that is no entry's fault. Both have
# their ``reason`` and no error. What comes of two waves or of their beats is None where one of them is missing.
WindowScore = dict[str, Any]


def predicted_rates(
    waves: FloatArray, fps_hz: float, labels: Sequence[Label], settings: HeartRateSettings
) -> list[HeartRate | SignalError]:
    """Heart rates of ``(B, T)`` predicted waves, their SNR about the true rates that are ranked."""
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
    strangers: FloatArray | None = None,
    rates: Sequence[HeartRate | SignalError] | None = None,
) -> list[WindowScore]:
    """Scores of the windows of one recording, by the same code for prediction and contact sensor.

    Args:
        waves: ``(B, T)`` predicted waves, systole up; NaN where there was nothing to predict from.
        fps_hz: Sampling rate of T.
        starts_s: ``(B,)`` times of the first frames on the video's clock.
        labels: B of them, what the contact sensor says of each window.
        settings: The band, and which estimator is ranked; those of the labels.
        truths: ``(B, T)`` waves of the contact sensor at the same times, NaN where it is silent.
        strangers: ``(B, T)`` waves of another subject's contact sensor, against which a correlation is chance.
        rates: What ``predicted_rates`` gives, where it is known already.

    Returns:
        One row per window, in order. ``error_bpm`` is prediction minus truth; ``snr_db`` is the prediction's, about the
        true rate that is ranked.

    Raises:
        SignalError: what was given does not fit together.
    """
    waves, starts_s = np.asarray(waves, dtype=np.float64), np.asarray(starts_s, dtype=np.float64)
    _check(waves, starts_s, labels, truths, strangers)
    if not len(waves):
        return []
    length_s = waves.shape[1] / fps_hz
    predicted = predicted_rates(waves, fps_hz, labels, settings) if rates is None else rates
    likeness = [_likeness(waves, other, fps_hz, settings) for other in (truths, strangers)]
    return [
        score(
            window,
            (float(starts_s[window]), float(starts_s[window]) + length_s),
            rate,
            label,
            settings,
            likeness=(likeness[0][window], likeness[1][window]),
        )
        for window, (rate, label) in enumerate(zip(predicted, labels, strict=True))
    ]


def score(
    window: int,
    span_s: tuple[float, float],
    ours: HeartRate | SignalError,
    label: Label,
    settings: HeartRateSettings,
    *,
    likeness: tuple[float | None, float | None] = (None, None),
) -> WindowScore:
    """The score of one window: what was predicted in it against its label.

    ``likeness`` is what ``macc`` gives for the contact sensor's wave, and for another subject's.
    """
    known = None if isinstance(ours, SignalError) else ours
    hr_pred_bpm = ranked_rate_bpm(ours, settings)
    hr_true_bpm = None if label.rate is None else ranked_rate_bpm(label.rate, settings)
    status, reason = "scored", None
    if hr_true_bpm is None:
        status, reason = "excluded", label.excluded or "contact sensor: no heart rate"
    elif hr_pred_bpm is None:
        status, reason = "failed", ours.message if isinstance(ours, SignalError) else NO_BEATS
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
        "macc": likeness[0],
        "macc_null": likeness[1],
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


def _likeness(
    waves: FloatArray, others: FloatArray | None, fps_hz: float, settings: HeartRateSettings
) -> list[float | None]:
    """What ``macc`` gives for each wave, or a compatibility estimator's kind of it; None where it is undefined."""
    if others is None:
        return [None] * len(waves)
    theirs = ESTIMATORS[settings.compatible].macc(waves, others, fps_hz) if settings.compatible else None
    values = macc(waves, others, fps_hz) if theirs is None else theirs
    return [None if np.isnan(value) else float(value) for value in values]


def _beats(ours_s: FloatArray | None, theirs_s: FloatArray, span_s: tuple[float, float]) -> dict[str, Any]:
    """How far the beats of both sides are the same; nothing where one of them has none to compare."""
    matched = [f"beats_matched_{1000 * tolerance_s:.0f}ms" for tolerance_s in TOLERANCES_S]
    if ours_s is None or not len(theirs_s):
        return dict.fromkeys(("beats_pred", "beats_true", "beat_delay_s", *matched, "ibi_mae_ms"))
    agreement = beat_agreement(ours_s, theirs_s, span_s=span_s)
    return {
        "beats_pred": agreement.n_pred,
        "beats_true": agreement.n_true,
        "beat_delay_s": agreement.delay_s,
        **dict(zip(matched, agreement.n_matched, strict=True)),
        "ibi_mae_ms": agreement.ibi_mae_ms,
    }


def _intervals(ours_s: FloatArray | None, theirs_s: FloatArray) -> dict[str, Any]:
    """How many intervals there are between beats, and how many of them variability leaves out."""
    found: dict[str, Any] = {}
    for side, beats_s in (("pred", ours_s), ("true", theirs_s if len(theirs_s) else None)):
        intervals_s = None if beats_s is None else np.diff(beats_s)
        found[f"intervals_{side}"] = None if intervals_s is None else len(intervals_s)
        found[f"intervals_{side}_dropped"] = None if intervals_s is None else int((~plausible(intervals_s)).sum())
    return found


def _features(ours_s: FloatArray | None, theirs: Variability | None, length_s: float) -> dict[str, float | None]:
    """The columns of variability on both sides."""
    ours = None
    if ours_s is not None and length_s >= LEAST_LENGTH_S:
        ours = variability_or_none(ours_s, length_s)
    found: dict[str, float | None] = {}
    for side, features in (("pred", ours), ("true", theirs)):
        found |= {
            f"sdnn_{side}_ms": None if features is None else features.sdnn_ms,
            f"rmssd_{side}_ms": None if features is None else features.rmssd_ms,
            f"rf_{side}_hz": None if features is None else features.rf_hz,
            f"lf_nu_{side}": None if features is None else features.lf_nu,
            f"lf_hf_{side}": None if features is None else features.lf_hf,
        }
    return found
