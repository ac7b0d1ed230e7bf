"""Times of the beats of a pulse wave, finer than its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.filters import apply_gain, bandpass_gain, detrend, smooth_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

    Index = NDArray[np.intp]

# In units of the rate: wide enough for breathing to modulate the intervals, too narrow for a dicrotic wave to pass as
# a beat of its own, and for noise to add many.
PASSBAND = (0.65, 1.5)
ORDER = 3
# In periods: intervals that hardly pass the filter are those of missed or doubled beats.
PLAUSIBLE_INTERVAL = (0.7, 1.4)
# Beats closer than this share of the period cannot both be beats; those that rise less than this share of the
# window's median are ripples.
REFRACTORY_SHARE = 0.6
PROMINENCE_SHARE = 0.2
# A parabola through three samples at 60 Hz places the top of a 4-Hz wave within 0.1 ms.
FINE_HZ = 60.0
# Length by which a row is continued, and periods over which the continuing pulse is fitted.
CONTINUATION_S = 4.0
PERIODS_FITTED = 1.5


def beat_times(waves: FloatArray, fps_hz: float, rate_hz: FloatArray) -> list[FloatArray]:
    """Times of the systolic peaks of each row, in seconds after its first sample.

    The wave is band-passed without delay about its own rate, sampled more finely, and each maximum placed by a
    parabola.

    Args:
        waves: ``(B, T)``, finite, systole up.
        fps_hz: Sampling rate of T.
        rate_hz: ``(B,)`` beats per second, from the wave's spectrum.
    """
    upsample = max(1, int(np.ceil(FINE_HZ / fps_hz)))
    T = waves.shape[-1]
    before = round(CONTINUATION_S * fps_hz)
    length = smooth_length(T + 2 * before)
    continued = continue_pulse(detrend(waves), fps_hz, rate_hz, before, length - T - before)
    low_hz, high_hz = (edge * rate_hz[:, None] for edge in PASSBAND)
    gain = bandpass_gain(np.fft.rfftfreq(length, 1 / fps_hz), low_hz, high_hz, ORDER)
    fine = apply_gain(continued, gain, upsample=upsample)
    # One sample more at either end, so that a maximum in the first or last frame is found.
    fine = fine[:, before * upsample - 1 : (before + T - 1) * upsample + 2]
    fine_hz = fps_hz * upsample
    rows, peaks = _prominent(fine, *_maxima(fine))
    rows, peaks = _without_refractory(fine, rows, peaks, REFRACTORY_SHARE * fine_hz / rate_hz)
    left, here, right = fine[rows, peaks - 1], fine[rows, peaks], fine[rows, peaks + 1]
    times_s = (peaks - 1 + 0.5 * (left - right) / (left - 2 * here + right)) / fine_hz
    return np.split(times_s, np.searchsorted(rows, np.arange(1, len(waves))))


def mean_interval_s(beats_s: FloatArray, rate_hz: float) -> float:
    """Mean inter-beat interval in seconds without those of missed and doubled beats; NaN if fewer than two remain."""
    interval_s = beats_s[1:] - beats_s[:-1]
    shortest, longest = PLAUSIBLE_INTERVAL
    plausible = interval_s[(interval_s * rate_hz >= shortest) & (interval_s * rate_hz <= longest)]
    return float(plausible.mean()) if len(plausible) > 1 else float("nan")


def continue_pulse(waves: FloatArray, fps_hz: float, rate_hz: FloatArray, before: int, after: int) -> FloatArray:
    """Rows continued at both ends by the steady pulse that fits the nearest periods, with its second harmonic.

    Reflected ends would shift the first and last beat by up to a tenth of a period, and with them the mean interval.
    """
    outside = max(before, after)
    fitted = min(waves.shape[1], round(CONTINUATION_S * fps_hz))
    periods = rate_hz[:, None] * (np.arange(-outside, fitted) / fps_hz)
    phase = 2 * np.pi * periods
    first = np.exp(1j * phase)
    second = first * first
    steady = np.stack([np.ones_like(phase), first.real, first.imag, second.real, second.imag], axis=1)
    known = steady[:, :, outside:]  # (B, 5, fitted)
    weighted = known * np.exp(-((periods[:, None, outside:] / PERIODS_FITTED) ** 2))
    normal = weighted @ known.transpose(0, 2, 1)
    # Near half the sampling rate the harmonic's sine vanishes; the ridge then leaves it out.
    normal += 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(5)
    # From the other end, time runs backwards and the same steady pulse is fitted.
    ends = np.stack([waves[:, :fitted], waves[:, ::-1][:, :fitted]], axis=2)
    share = np.linalg.solve(normal, weighted @ ends)  # (B, 5, 2)
    beyond = share.transpose(0, 2, 1) @ steady[:, :, :outside]  # (B, 2, outside), nearest last
    return np.concatenate([beyond[:, 0, outside - before :], waves, beyond[:, 1, ::-1][:, :after]], axis=1)


def _maxima(fine: FloatArray) -> tuple[Index, Index]:
    """Rows and columns of the local maxima above 0, row by row."""
    rises = fine[:, 1:] > fine[:, :-1]
    rows, before = np.nonzero(rises[:, :-1] & ~rises[:, 1:] & (fine[:, 1:-1] > 0))
    return rows, before + 1


def _prominent(fine: FloatArray, rows: Index, peaks: Index) -> tuple[Index, Index]:
    """Maxima whose rise over the troughs beside them is not far below the row's median."""
    if not len(peaks):
        return rows, peaks
    height = fine[rows, peaks]
    same_row = rows[1:] == rows[:-1]
    trough = np.minimum.reduceat(np.ravel(fine), rows * fine.shape[1] + peaks)[:-1]
    # A row's first and last maximum have a trough on one side only; beyond, it is unknown.
    prominence = np.full(len(peaks), np.inf)
    prominence[1:][same_row] = (height[1:] - trough)[same_row]
    prominence[:-1][same_row] = np.minimum(prominence[:-1], height[:-1] - trough)[same_row]
    first = np.searchsorted(rows, np.arange(len(fine) + 1))
    middle = ((first[:-1] + first[1:]) // 2).clip(max=len(peaks) - 1)
    median = prominence[np.lexsort((prominence, rows))][middle]
    kept = prominence >= PROMINENCE_SHARE * np.where(np.isfinite(median), median, 0.0)[rows]
    return rows[kept], peaks[kept]


def _without_refractory(fine: FloatArray, rows: Index, peaks: Index, least: FloatArray) -> tuple[Index, Index]:
    """Maxima without the lower one of the closest two of a row, until all have distances of ``least[row]`` samples."""
    while True:
        gap = np.where(rows[1:] == rows[:-1], (peaks[1:] - peaks[:-1]) / least[rows[1:]], np.inf)
        close = np.flatnonzero(gap < 1)
        if not len(close):
            return rows, peaks
        # One pair of each row at a time: dropping a maximum widens the gaps beside it.
        order = close[np.lexsort((gap[close], rows[close]))]
        closest = order[np.r_[True, rows[order[1:]] != rows[order[:-1]]]]
        height = fine[rows, peaks]
        lower = np.where(height[closest] < height[closest + 1], closest, closest + 1)
        rows, peaks = np.delete(rows, lower), np.delete(peaks, lower)
