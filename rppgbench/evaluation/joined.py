"""Scores of joined windows: consecutive windows merged into a longer one, for heart rate variability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.evaluation.labels import NO_BEATS, Label
from rppgbench.evaluation.score import WindowScore, score
from rppgbench.signal.beats import REFRACTORY_SHARE
from rppgbench.signal.heart_rate import HeartRate, HeartRateSettings, ranked_rate_bpm
from rppgbench.signal.variability import plausible, variability_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.contracts import FloatArray


def score_joined(
    rates: Sequence[HeartRate | SignalError],
    labels: Sequence[Label],
    starts_s: FloatArray,
    length_s: float,
    joined_s: float,
    settings: HeartRateSettings,
) -> list[WindowScore]:
    """Scores of joined windows of ``joined_s``, each of ``joined_s / length_s`` consecutive windows.

    The beats of prediction and label are merged, and rate, intervals and variability derived from them anew; the
    spectral rate and that of a compatibility estimator are means over the windows. A joined window is excluded when one
    of its windows is, and failed when one of them failed. SNR and correlations are None: they are of single waves.
    Windows left over at the end of a recording are in no joined window.

    Args:
        rates: Predicted heart rates, B of them.
        labels: Labels of the same windows.
        starts_s: ``(B,)`` starts of the windows on the video's clock, ascending.
        length_s: Duration of a window.
        joined_s: Duration of a joined window, a multiple of ``length_s``.
        settings: Heart rate settings that the rates were estimated with.
    """
    n = round(joined_s / length_s)
    found = []
    for number in range(len(rates) // n):
        of = slice(number * n, (number + 1) * n)
        start_s = float(starts_s[of][0])
        predicted = _joined_prediction(rates[of], starts_s[of], settings)
        label = _joined_label(labels[of], joined_s)
        found.append(score(number, (start_s, start_s + joined_s), predicted, label, settings))
    return found


def _joined_prediction(
    rates: Sequence[HeartRate | SignalError], starts_s: FloatArray, settings: HeartRateSettings
) -> HeartRate | SignalError:
    known = [rate for rate in rates if isinstance(rate, HeartRate)]
    for rate in rates:
        if isinstance(rate, SignalError):
            return rate
        if ranked_rate_bpm(rate, settings) is None:
            return SignalError(NO_BEATS)
    first_s = starts_s[0]
    beats = [start_s - first_s + _beats(rate) for rate, start_s in zip(known, starts_s, strict=True)]
    return _joined_rate(known, beats)


def _joined_label(labels: Sequence[Label], joined_s: float) -> Label:
    for label in labels:
        if label.rate is None:
            return Label(None, excluded=label.excluded)
    rate = _joined_rate([label.rate for label in labels if label.rate], [np.array(label.beats_s) for label in labels])
    beats_s = np.empty(0) if rate.beats_s is None else rate.beats_s
    return Label(
        rate,
        variability=variability_or_none(beats_s, joined_s),
        flags=tuple(dict.fromkeys(flag for label in labels for flag in label.flags)),
        beats_s=tuple(beats_s.tolist()),
    )


def _joined_rate(rates: Sequence[HeartRate], beats: Sequence[FloatArray]) -> HeartRate:
    """Heart rate of several windows from their merged beats; the mean of their rates where there are no beats."""
    spectrum_bpm = float(np.mean([rate.spectrum_bpm for rate in rates]))
    beats_s = _merged_beats(beats, spectrum_bpm / 60)
    intervals_s = np.diff(beats_s)
    intervals_s = intervals_s[plausible(intervals_s)]  # by their neighbours: a rate may double over minutes
    by_beats = [rate.beats_bpm for rate in rates if rate.beats_bpm is not None]
    mean_beats_bpm = float(np.mean(by_beats)) if by_beats and not len(beats_s) else None
    compatible_bpm = [rate.compatible_bpm for rate in rates if rate.compatible_bpm is not None]
    return HeartRate(
        spectrum_bpm=spectrum_bpm,
        beats_bpm=60 / float(intervals_s.mean()) if len(intervals_s) > 1 else mean_beats_bpm,
        snr_db=float("nan"),
        rival_bpm=None,
        rival_ratio=0.0,
        beats_s=beats_s,
        compatible_bpm=float(np.mean(compatible_bpm)) if compatible_bpm else None,
    )


def _merged_beats(beats: Sequence[FloatArray], rate_hz: float) -> FloatArray:
    """All beats in order; two beats of one heartbeat, either side of a window boundary, are merged into their mean."""
    beats_s = np.concatenate(list(beats))
    boundaries = np.unique(np.cumsum([len(of_window) for of_window in beats])[:-1] - 1)
    boundaries = boundaries[(boundaries >= 0) & (boundaries < len(beats_s) - 1)]
    doubled = boundaries[(beats_s[boundaries + 1] - beats_s[boundaries]) * rate_hz < REFRACTORY_SHARE]
    beats_s[doubled] = 0.5 * (beats_s[doubled] + beats_s[doubled + 1])
    return np.delete(beats_s, doubled + 1)


def _beats(rate: HeartRate) -> FloatArray:
    return np.empty(0) if rate.beats_s is None else rate.beats_s
