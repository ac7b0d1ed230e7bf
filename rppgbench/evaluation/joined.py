"""Longer windows made of consecutive ones: five minutes tell of variability what half a minute cannot."""

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
    """Scores of windows of ``joined_s``, each of as many consecutive windows of ``length_s`` as fit into it.

    Both sides' beats are strung together, and rate, intervals and variability derived from them anew; the spectral rate
    and a compatibility estimator's are the means of the windows'. A window that is excluded excludes the longer one,
    one that failed makes it fail. There is no SNR and no correlation: those are of single waves. What is left over at
    the end of a recording counts nowhere.

    Args:
        rates: B of them, of the prediction.
        labels: B of them, of the contact sensor.
        starts_s: ``(B,)`` times of the windows on the video's clock, one after the other.
        length_s: How long each lasts.
        joined_s: A multiple of ``length_s``.
        settings: Those of the rates.
    """
    n = round(joined_s / length_s)
    found = []
    for number in range(len(rates) // n):
        of = slice(number * n, (number + 1) * n)
        start_s = float(starts_s[of][0])
        ours = _joined_prediction(rates[of], starts_s[of], settings)
        label = _joined_label(labels[of], joined_s)
        found.append(score(number, (start_s, start_s + joined_s), ours, label, settings))
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
    """One rate of several windows; from the mean of theirs where there are no beats."""
    spectrum_bpm = float(np.mean([rate.spectrum_bpm for rate in rates]))
    beats_s = _strung(beats, spectrum_bpm / 60)
    intervals_s = np.diff(beats_s)
    intervals_s = intervals_s[plausible(intervals_s)]  # of those around: over minutes a rate may double
    by_beats = [rate.beats_bpm for rate in rates if rate.beats_bpm is not None]
    usual_bpm = float(np.mean(by_beats)) if by_beats and not len(beats_s) else None
    compatible_bpm = [rate.compatible_bpm for rate in rates if rate.compatible_bpm is not None]
    return HeartRate(
        spectrum_bpm=spectrum_bpm,
        beats_bpm=60 / float(intervals_s.mean()) if len(intervals_s) > 1 else usual_bpm,
        snr_db=float("nan"),
        rival_bpm=None,
        rival_ratio=0.0,
        beats_s=beats_s,
        compatible_bpm=float(np.mean(compatible_bpm)) if compatible_bpm else None,
    )


def _strung(beats: Sequence[FloatArray], rate_hz: float) -> FloatArray:
    """All beats in order; where two windows meet, a beat that both have seen is one."""
    beats_s = np.concatenate(list(beats))
    seams = np.unique(np.cumsum([len(own) for own in beats])[:-1] - 1)
    seams = seams[(seams >= 0) & (seams < len(beats_s) - 1)]
    twice = seams[(beats_s[seams + 1] - beats_s[seams]) * rate_hz < REFRACTORY_SHARE]
    beats_s[twice] = 0.5 * (beats_s[twice] + beats_s[twice + 1])
    return np.delete(beats_s, twice + 1)


def _beats(rate: HeartRate) -> FloatArray:
    return np.empty(0) if rate.beats_s is None else rate.beats_s
