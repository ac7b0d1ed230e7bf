"""How late the face's pulse is behind the contact sensor's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import correlate, correlation_lags

from rppgbench.signal.filters import bandpass
from rppgbench.signal.ground_truth import pulse_wave
from rppgbench.signal.sensor import beats_of_ecg_s

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, GroundTruth

BAND_HZ = (0.7, 3.5)
STRETCH_S = 10.0  # one estimate of the delay each; their median is taken
# How late the face may be behind the sensor: the heart's R-peak comes 0.1-0.4 s before the pulse reaches the face, a
# finger's or an ear's pulse at about the same time as the face's.
BVP_BOUNDS_S = (-0.3, 0.3)
# From R-peak to the top of the face's pulse is longer in slow hearts; never so long that the next beat comes first.
ECG_BOUND_S, ECG_BOUND_BEATS, ECG_LATEST_S = 0.5, 0.7, 0.7


def median_delay_s(truth: GroundTruth, skin: FloatArray, fps_hz: float) -> float | None:
    """How late the face's pulse is behind the contact sensor, in seconds: one number a recording.

    The lag of the highest correlation between the sensor's wave and the skin's colour, ln R - ln G (which rises at
    systole and knows little of light and motion), in each 10 s, or in all of a shorter recording; their median. It is
    looked for within 0 to 0.5 s for an ECG (in slow hearts 0.7 of a beat, up to 0.7 s) and 0.3 s to either side for a
    BVP. None where no stretch has it.

    Args:
        truth: Of kind "ecg" or "bvp".
        skin: ``(T, 3)`` mean R, G, B of the skin in the reference video.
        fps_hz: Sampling rate of T.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        colour = np.log(skin[:, 0]) - np.log(skin[:, 1])
    wave = pulse_wave(truth, np.arange(len(skin)) / fps_hz)
    n = min(round(STRETCH_S * fps_hz), len(skin))
    bounds_s = _bounds_s(truth)
    delays = []
    for start in range(0, len(skin) - n + 1, n):
        ours, theirs = colour[start : start + n], wave[start : start + n]
        if np.isfinite(ours).all() and np.isfinite(theirs).all():
            lag_s = _lag_s(ours, theirs, fps_hz, bounds_s)
            delays += [] if lag_s is None else [lag_s]
    return float(np.median(delays)) if delays else None


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
