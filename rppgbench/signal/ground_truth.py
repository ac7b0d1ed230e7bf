"""Ground truth of the contact sensor: a pulse wave on the video's clock, and a heart rate per window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.contact_sensor import PLAUSIBLE_BPM, beats_of_ecg_s, mask_stuck_spans
from rppgbench.signal.filters import lowpass
from rppgbench.signal.harmonic import phase_locking
from rppgbench.signal.heart_rate import BAND_HZ, Estimator, HeartRate, estimate_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray, GroundTruth

# An R-peak becomes a Gaussian about as wide as a systolic wave, which video rates can carry.
PULSE_SIGMA_S = 0.09
LONGEST_GAP_S = 0.5
# Devices report a rate once a second or every few; breathing swings it, with a period of some 4 s, so that gaps longer
# than one swing are not bridged by their neighbours.
LONGEST_RATE_GAP_S = 5.0
# Between a rate and its harmonic, in units of the latter.
BELOW_HARMONIC = 0.75
# Of a movement at half a pulse's rate and a pulse, 3 in 100 windows of 30 s are phase-locked as well as that by chance.
LOCKED = 0.65


def window_hrs(
    truth: GroundTruth,
    starts_s: FloatArray,
    n_frames: int,
    fps_hz: float,
    band_hz: tuple[float, float] = BAND_HZ,
    use: Estimator = "beats",
) -> list[HeartRate | SignalError]:
    """Heart rates of the windows of ``n_frames`` that begin at ``starts_s``, ``(B,)``.

    ECG and BVP become waves on the video's clock and go through the estimators of predictions; of "hr" samples the mean
    within the window is every estimate, and its quality is NaN. Samples outside 30-240 bpm are left out, and a window
    with more than 5 s between others has no rate. A window without a rate has an error with the reason in its place. If
    a BVP's harmonic is higher than its pulse (as in sharp beats of a finger), the lower rate is taken and ``halved`` is
    True: a prediction of the same wave has twice the rate, and such windows are flagged.
    """
    starts_s = np.asarray(starts_s, dtype=np.float64)
    if truth.kind == "hr":
        return [_mean_rate(truth, start_s, start_s + n_frames / fps_hz) for start_s in starts_s]
    try:
        waves = pulse_wave(truth, starts_s[:, None] + np.arange(n_frames) / fps_hz)
    except SignalError as error:
        return [error] * len(starts_s)
    covered = np.all(np.isfinite(waves), axis=1)
    waves = np.where(covered[:, None], waves, 0.0)
    results = estimate_each(waves, fps_hz, band_hz, use=use, sensor=True)
    if truth.kind == "bvp":  # an ECG's rate is that of its R-peaks
        results = [
            _without_harmonic(result, waves[row], fps_hz, band_hz[0]) if isinstance(result, HeartRate) else result
            for row, result in enumerate(results)
        ]
    return [
        result if inside else SignalError("the contact sensor does not cover the window")
        for result, inside in zip(results, covered, strict=True)
    ]


def _without_harmonic(rate: HeartRate, wave: FloatArray, fps_hz: float, lowest_hz: float) -> HeartRate:
    """The rate of ``(T,)``, or half of it if that is the pulse and the highest peak its harmonic.

    The half must have a peak within 3 dB of the higher one, and their phases must be locked: a movement's are not.
    """
    if rate.rival_bpm is None or rate.rival_bpm > rate.spectrum_bpm:
        return rate
    lower = estimate_each(wave[None], fps_hz, (lowest_hz, BELOW_HARMONIC * rate.spectrum_bpm / 60))[0]
    if not isinstance(lower, HeartRate):
        return rate
    if phase_locking(wave[None], fps_hz, np.array([lower.spectrum_bpm / 60]))[0] < LOCKED:
        return rate
    return replace(lower, compatible_bpm=rate.compatible_bpm, halved=True)


def pulse_wave(truth: GroundTruth, grid_s: FloatArray) -> FloatArray:
    """Pulse wave at the times ``grid_s``, systole up, NaN if the sensor is silent or stuck for half a second.

    A BVP is low-passed against the grid's rate and interpolated on its own timestamps. An ECG becomes a Gaussian
    (sigma 90 ms) at each R-peak: its spikes would alias at video rates.

    Args:
        truth: Of kind "ecg" or "bvp".
        grid_s: ``(..., T)`` times on the video's clock, evenly spaced along T.

    Raises:
        SignalError: fewer than two finite samples, times that do not ascend, or an ECG without R-peaks.
    """
    grid_s = np.asarray(grid_s, dtype=np.float64)
    times_s, samples = _finite(mask_stuck_spans(truth))
    if truth.kind == "ecg":
        peaks_s = beats_of_ecg_s(samples, times_s)
        if not len(peaks_s):
            raise SignalError("no R-peaks in the ECG")
        wave = _gaussians(peaks_s, grid_s)
    elif truth.kind == "bvp":
        rate_hz = 1 / float(np.median(np.diff(times_s)))
        even_s = np.arange(times_s[0], times_s[-1] + 0.5 / rate_hz, 1 / rate_hz)
        even = np.interp(even_s, times_s, samples)
        grid_hz = (grid_s.shape[-1] - 1) / float(np.ptp(grid_s, axis=-1).max())
        cutoff_hz = 0.45 * grid_hz
        wave = np.interp(grid_s, even_s, lowpass(even, rate_hz, cutoff_hz) if rate_hz > grid_hz else even)
    else:
        raise SignalError(f"a contact sensor of kind {truth.kind!r} has no wave", hint="expected 'ecg' or 'bvp'")
    return np.where(_covered(times_s, grid_s), wave, np.nan)


def _mean_rate(truth: GroundTruth, start_s: float, end_s: float) -> HeartRate | SignalError:
    finite = np.isfinite(truth.samples) & np.isfinite(truth.times_s)
    inside = finite & (truth.times_s >= start_s) & (truth.times_s < end_s)
    if not inside.any():
        return SignalError("the contact sensor does not cover the window")
    low, high = PLAUSIBLE_BPM
    implausible = finite & ((truth.samples < low) | (truth.samples > high))
    edges_s = np.unique(np.r_[start_s, truth.times_s[finite & ~implausible].clip(start_s, end_s), end_s])
    longest = int(np.diff(edges_s).argmax())
    first_s, last_s = edges_s[longest], edges_s[longest + 1]
    if last_s - first_s > LONGEST_RATE_GAP_S or not (inside & ~implausible).any():
        span = f"from {first_s:.1f} s to {last_s:.1f} s"
        odd = truth.samples[implausible & (truth.times_s >= first_s) & (truth.times_s <= last_s)]
        if len(odd):
            return SignalError(f"no heart rate of {low:g} to {high:g} bpm {span}, but {odd[0]:g} bpm")
        return SignalError(f"the contact sensor tells no heart rate {span}")
    hr_bpm = float(truth.samples[inside & ~implausible].mean())
    return HeartRate(
        spectrum_bpm=hr_bpm,
        beats_bpm=hr_bpm,
        snr_db=float("nan"),
        rival_bpm=None,
        rival_ratio=0.0,
        compatible_bpm=hr_bpm,
    )


def _finite(truth: GroundTruth) -> tuple[FloatArray, FloatArray]:
    times_s, samples = (np.asarray(a, dtype=np.float64) for a in (truth.times_s, truth.samples))
    if times_s.shape != samples.shape or times_s.ndim != 1:
        raise SignalError(f"contact sensor: {samples.shape} samples at {times_s.shape} times, expected (N,) of both")
    finite = np.isfinite(samples) & np.isfinite(times_s)
    times_s, samples = times_s[finite], samples[finite]
    if len(times_s) < 2:
        raise SignalError(f"contact sensor: {len(times_s)} finite samples, expected at least 2")
    if (np.diff(times_s) <= 0).any():
        at = int(np.argmax(np.diff(times_s) <= 0))
        raise SignalError(f"contact sensor: times do not ascend at sample {at + 1} ({times_s[at]:g} s)")
    return times_s, samples


def _gaussians(peaks_s: FloatArray, grid_s: FloatArray) -> FloatArray:
    after = np.searchsorted(peaks_s, grid_s)
    wave = np.zeros_like(grid_s)
    for neighbour in (-2, -1, 0, 1):  # the next ones are further than 5 sigma away
        index = after + neighbour
        known = (index >= 0) & (index < len(peaks_s))
        distance = (grid_s - peaks_s[index.clip(0, len(peaks_s) - 1)]) / PULSE_SIGMA_S
        wave += np.where(known, np.exp(-0.5 * distance**2), 0.0)
    return wave


def _covered(times_s: FloatArray, grid_s: FloatArray) -> NDArray[np.bool_]:
    after = np.searchsorted(times_s, grid_s)
    edge_s = float(np.median(np.diff(times_s)))  # a frame may lie a sample before the first or after the last one
    inside = (grid_s >= times_s[0] - edge_s) & (grid_s <= times_s[-1] + edge_s)
    left, right = times_s[(after - 1).clip(0)], times_s[after.clip(0, len(times_s) - 1)]
    return np.asarray(inside & (right - left <= LONGEST_GAP_S))
