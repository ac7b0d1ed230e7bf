"""Zero-phase filters in NumPy alone: SciPy's signal package takes longer to import than a whole clip to measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from rppgbench.contracts import FloatArray


def detrend(waves: FloatArray) -> FloatArray:
    """``(..., T)`` without the least-squares straight line of each row."""
    ramp = np.arange(waves.shape[-1]) - (waves.shape[-1] - 1) / 2
    centred = waves - waves.mean(axis=-1, keepdims=True)
    slope = (centred * ramp).sum(axis=-1, keepdims=True) / (ramp * ramp).sum()
    return np.asarray(centred - slope * ramp)


def bandpass_gain(
    freq_hz: FloatArray, low_hz: FloatArray | float, high_hz: FloatArray | float, order: int
) -> FloatArray:
    """Amplitude of a Butterworth band-pass: 1 at the geometric mean of its edges, 1/sqrt(2) at both."""
    low, high = np.asarray(low_hz, dtype=float), np.asarray(high_hz, dtype=float)
    with np.errstate(divide="ignore", over="ignore"):  # 0 Hz is infinitely far from the band: its gain is 0
        detuning = (freq_hz**2 - low * high) / (freq_hz * (high - low))
        # Repeated products: NumPy's general power takes ten times as long.
        square = detuning * detuning
        far = square
        for _ in range(order - 1):
            far = far * square
        return np.asarray(1 / np.sqrt(1 + far))


def lowpass_gain(freq_hz: FloatArray, cutoff_hz: float, order: int) -> FloatArray:
    """Amplitude of a Butterworth low-pass: 1/sqrt(2) at its edge."""
    return np.asarray(1 / np.sqrt(1 + (freq_hz / cutoff_hz) ** (2 * order)))


def apply_gain(periodic: FloatArray, gain: FloatArray, *, upsample: int = 1) -> FloatArray:
    """``(..., N)`` rows, taken as one period each, times ``gain`` at ``np.fft.rfftfreq(N)``, without delay.

    Output sample ``upsample * n`` is at the time of input sample ``n``.
    """
    N = periodic.shape[-1]
    spectrum = np.fft.rfft(periodic) * gain
    if upsample > 1 and N % 2 == 0:
        spectrum[..., -1] /= 2  # the Nyquist bin stands for two frequencies once there is room above it
    return np.asarray(np.fft.irfft(spectrum, N * upsample) * upsample)


def reflect(waves: FloatArray, before: int, after: int) -> FloatArray:
    """Rows continued at both ends by reflection through their end points, as forward-backward filters do."""
    T = waves.shape[-1]
    # Beyond T - 1 no sample is left to reflect: the farthest one repeats.
    head = np.minimum(np.arange(before, 0, -1), T - 1)
    tail = T - 1 - np.minimum(np.arange(1, after + 1), T - 1)
    first, last = waves[..., :1], waves[..., -1:]
    return np.concatenate([2 * first - waves[..., head], waves, 2 * last - waves[..., tail]], axis=-1)


def bandpass(waves: FloatArray, fps_hz: float, low_hz: float, high_hz: float, *, order: int = 3) -> FloatArray:
    """``(..., T)`` finite rows, band-passed without delay by the amplitude of a Butterworth filter, applied once."""
    return _filter_reflected(waves, lambda freq: bandpass_gain(freq * fps_hz, low_hz, high_hz, order), fps_hz / low_hz)


def lowpass(waves: FloatArray, fps_hz: float, cutoff_hz: float, *, order: int = 6) -> FloatArray:
    """``(..., T)`` finite rows, low-passed at ``cutoff_hz`` without delay by the amplitude of a Butterworth filter."""
    return _filter_reflected(waves, lambda freq: lowpass_gain(freq * fps_hz, cutoff_hz, order), 4 * fps_hz / cutoff_hz)


def smooth_length(n: int) -> int:
    """Least even 2^a 3^b 5^c not below ``n``: transforms of other lengths take several times longer."""
    best = 1 << max(1, (n - 1).bit_length())
    five = 1
    while five < best:
        three = five
        while three < best:
            candidate = 2 * three
            while candidate < n:
                candidate *= 2
            best = min(best, candidate)
            three *= 3
        five *= 5
    return best


def _filter_reflected(waves: FloatArray, gain: Callable[[FloatArray], FloatArray], period_frames: float) -> FloatArray:
    T = waves.shape[-1]
    # The continued row is taken as periodic: in two periods of the slowest wave the filter loses the other end.
    before = min(T - 1, round(2 * period_frames))
    length = smooth_length(T + 2 * before)
    continued = reflect(waves, before, length - T - before)
    return apply_gain(continued, gain(np.fft.rfftfreq(length)))[..., before : before + T]
