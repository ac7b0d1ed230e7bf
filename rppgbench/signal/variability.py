"""Heart rate variability of a window, from its beats: the features of Yu et al. 2019, Table 2.

Accuracy, and the comparison with HeartPy, are in docs/statistics.md ("Variability of a window").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# Bands of the Task Force (1996).
LF_HZ = (0.04, 0.15)
HF_HZ = (0.15, 0.40)
# A window must hold one period of the slowest swing.
LEAST_LENGTH_S = 1 / LF_HZ[0]
# Times the running median of so many intervals: shorter or longer ones are of doubled or missed beats.
PLAUSIBLE_INTERVAL = (0.7, 1.4)
MEDIAN_OF = 5
# Least share of the window in plausible intervals.
LEAST_SHARE = 0.8
# Both bands are whole multiples of this; a finer step divides it.
COARSE_HZ = 0.01
# Steps per 1 / length of the window, which is its resolution.
OVERSAMPLING = 5
# Variance of intervals below which they count as constant, in s^2: (10 us)^2, the rounding of times in seconds.
CONSTANT_S2 = 1e-10


@dataclass(frozen=True, kw_only=True)
class Variability:
    """Variability of the intervals between beats.

    ``lf_nu`` and ``hf_nu`` are the shares of LF (0.04-0.15 Hz) and HF (0.15-0.40 Hz) in their sum, ``lf_hf`` is their
    ratio. ``rf_hz`` is the respiration's frequency: that of the highest peak in the HF band (Poh et al., IEEE TBME
    58(1), 2011), None without a peak.

    ``sdnn_ms`` is the standard deviation of the kept intervals, with n - 1 in the denominator; ``rmssd_ms`` is the root
    mean square of the differences of successive ones, with none left out between them. ``n_dropped`` of the window's
    ``n_intervals`` were left out as implausible.
    """

    rf_hz: float | None
    lf_nu: float
    hf_nu: float
    lf_hf: float
    sdnn_ms: float
    rmssd_ms: float
    n_intervals: int
    n_dropped: int


def variability(beats_s: FloatArray, length_s: float) -> Variability:
    """Variability of ``length_s`` seconds with beats at ``beats_s``, ``(N,)`` ascending; the same code for all sensors.

    Intervals outside 0.7 to 1.4 times the running median of five are left out. The rest, each at the middle between its
    beats and without their straight line, go into a Lomb-Scargle periodogram, which takes uneven times. HF ends at half
    the mean heart rate, if that is below 0.40 Hz.

    Raises:
        SignalError: a window below 25 s, or one covered by plausible intervals for less than 80 %; a pulse that is
            steady or below 20 bpm.
    """
    if length_s < LEAST_LENGTH_S - 1e-9:
        raise SignalError(f"too short for variability: {length_s:g} s, expected at least {LEAST_LENGTH_S:g} s")
    beats_s = np.asarray(beats_s, dtype=np.float64)
    ibi_s = beats_s[1:] - beats_s[:-1]
    kept = plausible(ibi_s)
    interval_s = ibi_s[kept]
    n, covered_s = len(interval_s), float(interval_s.sum())
    if covered_s < LEAST_SHARE * length_s:
        raise SignalError(
            f"regular beats in {covered_s:.1f} s of {length_s:g} s, expected at least {LEAST_SHARE * length_s:g} s"
        )
    mean_s = covered_s / n
    deviation_s = interval_s - mean_s
    variation_s2 = float(deviation_s @ deviation_s)
    if variation_s2 < CONSTANT_S2 * n:
        raise SignalError("intervals between beats do not vary")
    change_s = (ibi_s[1:] - ibi_s[:-1])[kept[1:] & kept[:-1]]
    if not len(change_s):
        raise SignalError("no two regular intervals between beats in a row")
    freq_hz, first_hf = _grid_hz(mean_s, length_s)
    times_s = (beats_s[:-1] + 0.5 * ibi_s)[kept]
    power = lomb_scargle(times_s, _without_line(times_s, deviation_s), freq_hz)
    step_power = 0.5 * (power[1:] + power[:-1])
    lf, hf = float(step_power[:first_hf].sum()), float(step_power[first_hf:].sum())
    return Variability(
        rf_hz=_peak_hz(freq_hz, power, first_hf),
        lf_nu=lf / (lf + hf),
        hf_nu=hf / (lf + hf),
        lf_hf=lf / hf,
        sdnn_ms=1e3 * math.sqrt(variation_s2 / (n - 1)),
        rmssd_ms=1e3 * math.sqrt(float(change_s @ change_s) / len(change_s)),
        n_intervals=len(ibi_s),
        n_dropped=len(ibi_s) - n,
    )


def variability_or_none(beats_s: FloatArray, length_s: float) -> Variability | None:
    """Variability of the window; None if ``variability`` raises."""
    try:
        return variability(beats_s, length_s)
    except SignalError:
        return None


def plausible(interval_s: FloatArray) -> NDArray[np.bool_]:
    """``(N,)`` mask of the intervals that are 0.7 to 1.4 times the running median of five."""
    if len(interval_s) < MEDIAN_OF:
        return np.zeros(len(interval_s), dtype=bool)
    half, last = MEDIAN_OF // 2, len(interval_s) - 1
    around = np.abs(np.arange(last + 1)[:, None] + np.arange(-half, half + 1))  # reflected at both ends
    ratio = interval_s / np.sort(interval_s[np.minimum(around, 2 * last - around)], axis=1)[:, half]
    return np.asarray((ratio >= PLAUSIBLE_INTERVAL[0]) & (ratio <= PLAUSIBLE_INTERVAL[1]))


def lomb_scargle(times_s: FloatArray, values: FloatArray, freq_hz: FloatArray) -> FloatArray:
    """``(F,)`` power of ``(N,)`` values of zero mean at uneven times (Scargle, ApJ 263, 1982, equation 10).

    ``freq_hz`` are two or more, evenly spaced.
    """
    centred_s = times_s - times_s.sum() / len(times_s)
    # A phasor of a frequency is the product of those of its coarse and fine part: about 2 sqrt(F) N of them are enough,
    # and each sum over N is a product of matrices.
    n_fine = math.ceil(math.sqrt(len(freq_hz)))
    step_hz = freq_hz[1] - freq_hz[0]
    coarse = _phasors(freq_hz[0] + n_fine * step_hz * np.arange(-(-len(freq_hz) // n_fine)), centred_s)
    fine = _phasors(step_hz * np.arange(n_fine), centred_s)
    summed = np.ravel(coarse @ (fine * values).T)[: len(freq_hz)]
    twice = np.ravel((coarse * coarse) @ (fine * fine).T)[: len(freq_hz)]
    # Scargle's tau turns ``twice`` onto the real axis, where it is its own magnitude.
    length = np.abs(twice)
    along = summed * np.exp(-0.5j * np.angle(twice))
    cosines, sines = 0.5 * (len(values) + length), 0.5 * (len(values) - length)
    # At half the rate of even samples all sines vanish, and the sums along them too.
    return np.asarray(0.5 * (along.real**2 / cosines + along.imag**2 / sines.clip(1e-9 * len(values))))


def _phasors(freq_hz: FloatArray, times_s: FloatArray) -> NDArray[np.complex128]:
    return np.asarray(np.exp((2j * np.pi * freq_hz)[:, None] * times_s))


def _grid_hz(mean_s: float, length_s: float) -> tuple[FloatArray, int]:
    """Frequencies from the lower edge of LF to the upper one of HF, and the index of the first of HF."""
    step_hz = COARSE_HZ / math.ceil(OVERSAMPLING * COARSE_HZ * length_s)
    highest_hz = min(HF_HZ[1], 0.5 / mean_s)
    if highest_hz <= HF_HZ[0] + step_hz:
        raise SignalError(f"too slow for variability: beats {mean_s:.1f} s apart cannot tell HF")
    n = int((highest_hz - LF_HZ[0]) / step_hz + 1e-6) + 1
    return LF_HZ[0] + step_hz * np.arange(n), round((HF_HZ[0] - LF_HZ[0]) / step_hz)


def _without_line(times_s: FloatArray, values: FloatArray) -> FloatArray:
    """``values`` of zero mean without their straight line."""
    centred_s = times_s - times_s.sum() / len(times_s)
    return np.asarray(values - (centred_s @ values) / (centred_s @ centred_s) * centred_s)


def _peak_hz(freq_hz: FloatArray, power: FloatArray, first: int) -> float | None:
    """Frequency of the highest local maximum from bin ``first`` on; the slope of a slower swing is no maximum."""
    left, here, right = power[first - 1 : -2], power[first:-1], power[first + 1 :]
    peaks = np.flatnonzero((here > left) & (here >= right))
    if not len(peaks):
        return None
    top = int(peaks[here[peaks].argmax()])
    bend = left[top] - 2 * here[top] + right[top]
    step_hz = freq_hz[1] - freq_hz[0]
    return float(freq_hz[first + top] + step_hz * 0.5 * (left[top] - right[top]) / bend)
