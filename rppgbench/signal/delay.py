"""Delay of the face's pulse behind the contact sensor's; docs/estimators.md ("Delay behind the contact sensor")."""

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
SEGMENT_S = 10.0  # one estimate of the delay each; their median is taken
# Bounds of the delay: the heart's R-peak comes 0.1-0.4 s before the pulse reaches the face, a
# finger's or an ear's pulse at about the same time as the face's.
BVP_BOUNDS_S = (-0.3, 0.3)
# From R-peak to the top of the face's pulse it is longer in slow hearts, but the next beat never comes first.
ECG_BOUND_S, ECG_BOUND_BEATS, ECG_LATEST_S = 0.5, 0.7, 0.7
# Largest offset of clocks that is searched, and largest difference of a segment's delay from the one found.
SEARCH_S, NEAR_S = 2.0, 0.15
# The sensor's pulse never explains all of a colour's variance: sites differ, and the sensor has noise too.
SHARED_VARIANCE = 0.9
# Of the root of the number of independent samples, with which the difference of two fits by chance grows (Vuong,
# Econometrica 57(2), 1989).
CLEAR_MARGIN = 0.75


def median_delay_s(truth: GroundTruth, skin: FloatArray, fps_hz: float) -> float | None:
    """Median delay of the face's pulse behind the contact sensor over a recording's segments of 10 s, in seconds.

    Of a regular rhythm it is known modulo one beat, and is the one within the physiological bounds. If another beat
    within 2 s fits clearly better, its delay is given: then the clocks are offset. None if no segment has a delay.

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
    other_s = _other_beats_delay_s(colour, wave, fps_hz, bounds_s)
    if other_s is not None:
        wave, bounds_s = pulse_wave(truth, frames_s - other_s), (-NEAR_S, NEAR_S)
    delays = []
    for colour_part, wave_part in _segments(colour, wave, round(SEGMENT_S * fps_hz), 0):
        lag_s = _lag_s(colour_part, wave_part, fps_hz, bounds_s)
        delays += [] if lag_s is None else [lag_s]
    return float(np.median(delays)) + (other_s or 0.0) if delays else None


def _segments(colour: FloatArray, wave: FloatArray, n: int, shared: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Finite segments of both, of ``n`` frames (or of all), each with ``shared`` frames of the next."""
    n = min(n, len(colour))
    for start in range(0, len(colour) - n + 1, max(n - shared, 1)):
        colour_part, wave_part = colour[start : start + n], wave[start : start + n]
        if np.isfinite(colour_part).all() and np.isfinite(wave_part).all():
            yield colour_part, wave_part


def _other_beats_delay_s(
    colour: FloatArray, wave: FloatArray, fps_hz: float, bounds_s: tuple[float, float]
) -> float | None:
    """The lag in seconds outside of the bounds that fits clearly better than every other beat's; None without one."""
    reach = round(SEARCH_S * fps_hz)
    lags_s = np.arange(-reach, reach + 1) / fps_hz
    fit, n_independent = np.zeros(len(lags_s)), 0.0
    for colour_part, wave_part in _segments(colour, wave, round(SEGMENT_S * fps_hz) + 2 * reach, 2 * reach):
        if len(colour_part) > 3 * reach:
            n = 2 * (BAND_HZ[1] - BAND_HZ[0]) * (len(colour_part) - 2 * reach) / fps_hz
            fit += n * _fit(colour_part, wave_part, fps_hz, reach)
            n_independent += n
    best = int(fit.argmax())
    if best in (0, len(fit) - 1) or bounds_s[0] <= lags_s[best] <= bounds_s[1]:
        return None
    rises = np.diff(fit) > 0  # a beat's own lags go down from its top to the trough on either side
    left = best - int(np.argmin(np.r_[rises[:best][::-1], False]))
    right = best + int(np.argmax(np.r_[rises[best:], True]))
    others = np.r_[fit[:left], fit[right + 1 :]].max(initial=0.0)
    return float(lags_s[best]) if fit[best] - others > CLEAR_MARGIN * np.sqrt(n_independent) else None


def _fit(colour: FloatArray, wave: FloatArray, fps_hz: float, reach: int) -> FloatArray:
    """Log-likelihood per sample of the middle of ``colour`` given ``wave`` at lags of ``-reach`` to ``reach`` frames.

    That of a regression with noise of unknown strength: in a sum over segments, a bad one counts for little.
    """
    colour, wave = bandpass(np.stack([colour, wave]), fps_hz, *BAND_HZ)
    middle = colour[reach : len(colour) - reach]
    shifted = np.lib.stride_tricks.sliding_window_view(wave, len(middle))[::-1]
    norms = np.sqrt(np.square(shifted).sum(axis=1) * np.square(middle).sum())
    r = (shifted @ middle / norms.clip(np.finfo(float).tiny)).clip(0, 1)
    return np.asarray(-0.5 * np.log1p(-SHARED_VARIANCE * r**2))


def _bounds_s(truth: GroundTruth) -> tuple[float, float]:
    if truth.kind != "ecg":
        return BVP_BOUNDS_S
    beats_s = beats_of_ecg_s(truth.samples, truth.times_s)
    beat_s = float(np.median(np.diff(beats_s))) if len(beats_s) > 1 else 0.0
    return 0.0, max(ECG_BOUND_S, min(ECG_BOUND_BEATS * beat_s, ECG_LATEST_S))


def _lag_s(colour: FloatArray, wave: FloatArray, fps_hz: float, bounds_s: tuple[float, float]) -> float | None:
    """Lag in seconds of ``colour`` behind ``wave`` with the highest correlation within the bounds, finer than a frame.

    None if the correlation is highest at a bound and rises beyond it: then there is no peak within.
    """
    colour, wave = bandpass(np.stack([colour, wave]), fps_hz, *BAND_HZ)
    values = correlate(colour, wave)
    lags = correlation_lags(len(colour), len(wave))
    inside = np.flatnonzero((lags >= bounds_s[0] * fps_hz) & (lags <= bounds_s[1] * fps_hz))
    best = int(inside[np.argmax(values[inside])])
    before, here, after = values[best - 1 : best + 2]
    if here < max(before, after) or here <= 0:
        return None
    curvature = before - 2 * here + after
    fraction = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float((lags[best] + np.clip(fraction, -0.5, 0.5)) / fps_hz)
