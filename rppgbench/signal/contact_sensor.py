"""Faults of a contact sensor: missing samples, stuck spans, and leads whose rates disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.beats import mean_interval_s
from rppgbench.signal.ecg import r_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray, GroundTruth

PLAUSIBLE_BPM = (30.0, 240.0)
# A heart at 30 bpm beats once in 2 s: no beating heart leaves a wave flat for longer.
STUCK_S = 2.0
# Of the recording's usual range: a pulse on a baseline that drifts fifty times as far is still larger.
STUCK_SHARE = 1e-3
# A stuck converter's last bit may flicker up and down, which is no pulse where the usual range has so many steps.
STUCK_STEPS, LEAST_STEPS = 2, 100


def missing_share(truth: GroundTruth) -> float:
    """Share of the samples that are not finite."""
    return float(np.mean(~np.isfinite(truth.samples))) if len(truth.samples) else 1.0


def stuck_spans_s(truth: GroundTruth) -> list[tuple[float, float]]:
    """Spans in which an ECG or a BVP stays at one value for more than 2 s: times of their first and last samples.

    One value is a range of a thousandth of the recording's own (5th to 95th percentile), or of two steps of a converter
    of which that has a hundred or more. None for samples of heart rate: a rate may stay constant.
    """
    if truth.kind == "hr" or len(truth.samples) < 2 or truth.samples.shape != truth.times_s.shape:
        return []
    samples, times_s = np.asarray(truth.samples, dtype=np.float64), truth.times_s
    last = np.searchsorted(times_s, times_s + STUCK_S, side="right")
    first = np.flatnonzero(last < len(times_s))
    flat = first[_ranges(samples, first, last[first]) <= _one_value(samples)]
    if not len(flat):
        return []
    # Spans that share a sample are one.
    breaks = np.flatnonzero(flat[1:] > last[flat[:-1]])
    starts_s, ends_s = times_s[flat[np.r_[0, breaks + 1]]], times_s[last[flat[np.r_[breaks, len(flat) - 1]]]]
    return [(float(start_s), float(end_s)) for start_s, end_s in zip(starts_s, ends_s, strict=True)]


def _one_value(samples: FloatArray) -> float:
    """Range within which samples count as one value."""
    known = samples[np.isfinite(samples)]
    if not len(known):
        return 0.0
    low, high = np.percentile(known, [5, 95])
    usual = float(high - low)
    steps = np.diff(np.unique(known))
    step = float(steps[steps > 1e-9 * usual].min(initial=np.inf))  # less is rounding
    few = STUCK_STEPS * step if step * LEAST_STEPS <= usual else 0.0
    return max(STUCK_SHARE * usual, few * (1 + 1e-9))


def _ranges(samples: FloatArray, first: NDArray[np.intp], last: NDArray[np.intp]) -> FloatArray:
    """Highest less lowest of ``samples[first]`` to ``samples[last]``, NaN if one of them is."""
    found = np.empty(len(first))
    level = np.log2(last - first + 1).astype(int)
    high = low = samples
    for exponent in range(int(level.max(initial=0)) + 1):
        if exponent:  # of 2^exponent samples from each on
            half = 2 ** (exponent - 1)
            high, low = np.maximum(high[:-half], high[half:]), np.minimum(low[:-half], low[half:])
        rows = np.flatnonzero(level == exponent)
        left, right = first[rows], last[rows] - 2**exponent + 1
        found[rows] = np.maximum(high[left], high[right]) - np.minimum(low[left], low[right])
    return found


def mask_stuck_spans(truth: GroundTruth) -> GroundTruth:
    """Ground truth with NaN where the sensor is stuck."""
    spans = stuck_spans_s(truth)
    if not spans:
        return truth
    samples = np.array(truth.samples, dtype=np.float64)
    for start_s, end_s in spans:
        samples[(truth.times_s >= start_s) & (truth.times_s <= end_s)] = np.nan
    return replace(truth, samples=samples)


def beats_of_ecg_s(samples: FloatArray, times_s: FloatArray) -> FloatArray:
    """Times of the R-peaks of ``(N,)`` samples of one lead, not finite ones interpolated linearly.

    Raises:
        SignalError: fewer than two finite samples, or samples that ``r_peaks`` refuses.
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

    NaN if a lead has no two regular intervals: a lead that has come off contradicts no other.
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
                median_s = float(np.median(np.diff(inside_s)))
                rates[lead, window] = 60 / mean_interval_s(inside_s, 1 / median_s)
    return rates
