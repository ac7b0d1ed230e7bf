"""How late the face's pulse is behind the contact sensor's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import correlate, correlation_lags

from rppgbench.signal.contact_sensor import beats_of_ecg_s
from rppgbench.signal.filters import bandpass
from rppgbench.signal.ground_truth import pulse_wave

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rppgbench.contracts import FloatArray, GroundTruth

BAND_HZ = (0.7, 3.5)
STRETCH_S = 10.0  # one estimate of the delay each; their median is taken
# How late the face may be behind the sensor: the heart's R-peak comes 0.1-0.4 s before the pulse reaches the face, a
# finger's or an ear's pulse at about the same time as the face's.
BVP_BOUNDS_S = (-0.3, 0.3)
# From R-peak to the top of the face's pulse is longer in slow hearts; never so long that the next beat comes first.
ECG_BOUND_S, ECG_BOUND_BEATS, ECG_LATEST_S = 0.5, 0.7, 0.7
# How far clocks may be apart for another beat's delay to be found, and how far stretches may differ from it.
SEARCH_S, NEAR_S = 2.0, 0.15
# Never is all of a colour's variance the sensor's pulse: sites differ, and the sensor has noise too.
SHARED_VARIANCE = 0.9
# Of the root of the number of independent samples, with which the difference of two fits by chance grows (Vuong,
# Econometrica 57(2), 1989). By simulation (60 s, half the colour's variance noise), of delays of 0.6 and 1.5 s of a BVP
# 1 in 6 is found at an SDNN of 15 ms and all from 30 ms on, of an ECG 1 in 4 at 30 ms and 9 in 10 from 50 ms on, and
# hardly a beat is mistaken for another.
CLEARLY = 0.75


def median_delay_s(truth: GroundTruth, skin: FloatArray, fps_hz: float) -> float | None:
    """How late the face's pulse is behind the contact sensor, in seconds: one number a recording.

    The lag of the highest correlation between the sensor's wave and the skin's colour, ln R - ln G (which rises at
    systole and knows little of light and motion), in each 10 s, or in all of a shorter recording; their median. It is
    looked for within 0 to 0.5 s for an ECG (in slow hearts 0.7 of a beat, up to 0.7 s) and 0.3 s to either side for a
    BVP: of a regular rhythm it is known modulo one beat. Where the rhythm varies enough to tell that another beat fits
    clearly better, up to 2 s to either side, that one's delay is given: then the clocks are apart. None where no
    stretch has it.

    Args:
        truth: Of kind "ecg" or "bvp".
        skin: ``(T, 3)`` mean R, G, B of the skin in the reference video.
        fps_hz: Sampling rate of T.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        colour = np.log(skin[:, 0]) - np.log(skin[:, 1])
    frames_s = np.arange(len(skin)) / fps_hz
    wave = pulse_wave(truth, frames_s)
    bounds_s = _bounds_s(truth)
    elsewhere_s = _clear_elsewhere_s(colour, wave, fps_hz, bounds_s)
    if elsewhere_s is not None:
        wave, bounds_s = pulse_wave(truth, frames_s - elsewhere_s), (-NEAR_S, NEAR_S)
    delays = []
    for ours, theirs in _stretches(colour, wave, round(STRETCH_S * fps_hz), 0):
        lag_s = _lag_s(ours, theirs, fps_hz, bounds_s)
        delays += [] if lag_s is None else [lag_s]
    return float(np.median(delays)) + (elsewhere_s or 0.0) if delays else None


def _stretches(colour: FloatArray, wave: FloatArray, n: int, shared: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Both in each ``n`` frames, ``shared`` of them with the next, or in all of fewer; none that is not finite."""
    n = min(n, len(colour))
    for start in range(0, len(colour) - n + 1, max(n - shared, 1)):
        ours, theirs = colour[start : start + n], wave[start : start + n]
        if np.isfinite(ours).all() and np.isfinite(theirs).all():
            yield ours, theirs


def _clear_elsewhere_s(
    colour: FloatArray, wave: FloatArray, fps_hz: float, bounds_s: tuple[float, float]
) -> float | None:
    """The lag outside of the bounds that fits clearly better than every other beat's, None when none does."""
    reach = round(SEARCH_S * fps_hz)
    lags_s = np.arange(-reach, reach + 1) / fps_hz
    fit, n_independent = np.zeros(len(lags_s)), 0.0
    for ours, theirs in _stretches(colour, wave, round(STRETCH_S * fps_hz) + 2 * reach, 2 * reach):
        if len(ours) > 3 * reach:
            n = 2 * (BAND_HZ[1] - BAND_HZ[0]) * (len(ours) - 2 * reach) / fps_hz
            fit += n * _fit(ours, theirs, fps_hz, reach)
            n_independent += n
    best = int(fit.argmax())
    if best in (0, len(fit) - 1) or bounds_s[0] <= lags_s[best] <= bounds_s[1]:
        return None
    rises = np.diff(fit) > 0  # a beat's own lags go down from its top to the trough on either side
    left = best - int(np.argmin(np.r_[rises[:best][::-1], False]))
    right = best + int(np.argmax(np.r_[rises[best:], True]))
    others = np.r_[fit[:left], fit[right + 1 :]].max(initial=0.0)
    return float(lags_s[best]) if fit[best] - others > CLEARLY * np.sqrt(n_independent) else None


def _fit(ours: FloatArray, theirs: FloatArray, fps_hz: float, reach: int) -> FloatArray:
    """How well ``theirs`` explains the middle of ``ours`` at each lag of ``-reach`` to ``reach`` frames.

    The log-likelihood of a regression with noise of unknown strength, per independent sample: summed over stretches, a
    bad one counts for little.
    """
    ours, theirs = bandpass(np.stack([ours, theirs]), fps_hz, *BAND_HZ)
    middle = ours[reach : len(ours) - reach]
    shifted = np.lib.stride_tricks.sliding_window_view(theirs, len(middle))[::-1]
    norms = np.sqrt(np.square(shifted).sum(axis=1) * np.square(middle).sum())
    r = (shifted @ middle / norms.clip(np.finfo(float).tiny)).clip(0, 1)
    return np.asarray(-0.5 * np.log1p(-SHARED_VARIANCE * r**2))


def _bounds_s(truth: GroundTruth) -> tuple[float, float]:
    if truth.kind != "ecg":
        return BVP_BOUNDS_S
    beats_s = beats_of_ecg_s(truth.samples, truth.times_s)
    beat_s = float(np.median(np.diff(beats_s))) if len(beats_s) > 1 else 0.0
    return 0.0, max(ECG_BOUND_S, min(ECG_BOUND_BEATS * beat_s, ECG_LATEST_S))


def _lag_s(ours: FloatArray, theirs: FloatArray, fps_hz: float, bounds_s: tuple[float, float]) -> float | None:
    """Lag of ``ours`` behind ``theirs`` with the highest correlation within the bounds, to a fraction of a frame.

    None when the correlation is highest at a bound and goes on rising: then there is no peak here to speak of.
    """
    ours, theirs = bandpass(np.stack([ours, theirs]), fps_hz, *BAND_HZ)
    values = correlate(ours, theirs)
    lags = correlation_lags(len(ours), len(theirs))
    inside = np.flatnonzero((lags >= bounds_s[0] * fps_hz) & (lags <= bounds_s[1] * fps_hz))
    best = int(inside[np.argmax(values[inside])])
    before, here, after = values[best - 1 : best + 2]
    if here < max(before, after) or here <= 0:
        return None
    curvature = before - 2 * here + after
    fraction = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float((lags[best] + np.clip(fraction, -0.5, 0.5)) / fps_hz)
