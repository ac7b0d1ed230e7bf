"""How far a contact sensor can be believed: where it is stuck or silent, and whether its leads agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.beats import mean_interval_s
from rppgbench.signal.ecg import r_peaks

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, GroundTruth

# A heart at 30 bpm beats once in 2 s: a living one leaves no wave flat for longer.
STUCK_S = 2.0


def missing_share(truth: GroundTruth) -> float:
    """Share of the samples that are not finite."""
    return float(np.mean(~np.isfinite(truth.samples))) if len(truth.samples) else 1.0


def stuck_spans_s(truth: GroundTruth) -> list[tuple[float, float]]:
    """Where an ECG or a BVP has one and the same value for more than 2 s: first and last such sample on its clock.

    Of samples of heart rate none: a rate may well stay where it is.
    """
    if truth.kind == "hr" or not len(truth.samples) or truth.samples.shape != truth.times_s.shape:
        return []
    edges = np.flatnonzero(np.diff(truth.samples) != 0)  # not-a-numbers differ from all, themselves included
    first, last = np.r_[0, edges + 1], np.r_[edges, len(truth.samples) - 1]
    spans = np.stack([truth.times_s[first], truth.times_s[last]], axis=1)
    return [(float(start_s), float(end_s)) for start_s, end_s in spans[spans[:, 1] - spans[:, 0] > STUCK_S]]


def without_stuck(truth: GroundTruth) -> GroundTruth:
    """The same with NaN where the sensor is stuck."""
    spans = stuck_spans_s(truth)
    if not spans:
        return truth
    samples = np.array(truth.samples, dtype=np.float64)
    for start_s, end_s in spans:
        samples[(truth.times_s >= start_s) & (truth.times_s <= end_s)] = np.nan
    return replace(truth, samples=samples)


def beats_of_ecg_s(samples: FloatArray, times_s: FloatArray) -> FloatArray:
    """Times of the R-peaks of ``(N,)`` samples of one lead, straight lines through what is not finite.

    Raises:
        SignalError: fewer than two finite samples, or what ``r_peaks`` refuses.
    """
    finite = np.isfinite(samples) & np.isfinite(times_s)
    if finite.sum() < 2:
        raise SignalError(f"contact sensor: {finite.sum()} finite samples, expected at least 2")
    known_s = times_s[finite]
    rate_hz = 1 / float(np.median(np.diff(known_s)))
    even_s = np.arange(known_s[0], known_s[-1] + 0.5 / rate_hz, 1 / rate_hz)
    return np.asarray(even_s[0] + r_peaks(np.interp(even_s, known_s, samples[finite]), rate_hz) / rate_hz)


def lead_rates_bpm(truth: GroundTruth, starts_s: FloatArray, length_s: float) -> FloatArray:
    """``(leads, B)`` heart rates by the R-peaks of each lead of an ECG within each window, the scored lead first.

    NaN where a lead shows no two regular intervals: a lead that has come off contradicts no other.
    """
    rates = np.full((1 + len(truth.leads), len(starts_s)), np.nan)
    for lead, samples in enumerate([truth.samples, *truth.leads.values()]):
        try:
            beats_s = beats_of_ecg_s(np.asarray(samples, dtype=np.float64), truth.times_s)
        except SignalError:
            continue
        for window, start_s in enumerate(starts_s):
            inside_s = beats_s[(beats_s >= start_s) & (beats_s < start_s + length_s)]
            if len(inside_s) > 2:
                usual_s = float(np.median(np.diff(inside_s)))
                rates[lead, window] = 60 / mean_interval_s(inside_s, 1 / usual_s)
    return rates
