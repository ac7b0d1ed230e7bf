"""Power spectra of pulse waves, and their highest peaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.filters import detrend, smooth_length

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

# Padding interpolates and adds no resolution; from 4 times on, the parabola through the logarithms of three bins of a
# Hann window's main lobe is within 0.002 of a natural bin (0.004 bpm in 30 s).
PADDING = 4
# Bands of 0.1 Hz, over which quality is integrated, need bins well below that in short windows too.
WIDEST_BIN_HZ = 0.008


@dataclass(frozen=True)
class Spectrum:
    """Power of each row, in arbitrary units.

    ``freq_hz`` is ``(F,)``, from 0 to half the sampling rate; ``power`` is ``(B, F)``. ``resolution_hz`` is the inverse
    of the window's length: peaks closer than twice that are not resolved.
    """

    freq_hz: FloatArray
    power: FloatArray
    resolution_hz: float


def power_spectrum(waves: FloatArray, fps_hz: float) -> Spectrum:
    """Zero-padded periodogram of ``(B, T)`` finite waves, each without its straight line and under a Hann window."""
    T = waves.shape[-1]
    length = smooth_length(max(PADDING * T, int(np.ceil(fps_hz / WIDEST_BIN_HZ))))
    hann = np.sin(np.pi * (np.arange(T) + 0.5) / T) ** 2
    transform = np.fft.rfft(detrend(waves) * hann, length)
    power = transform.real**2 + transform.imag**2
    return Spectrum(np.fft.rfftfreq(length, 1 / fps_hz), power, fps_hz / T)


def highest_peak(spectrum: Spectrum, band_hz: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Frequency and power of the highest local maximum within the band, each ``(B,)``; NaN without one.

    The slope of a peak outside the band is no maximum, however high it is at the band's edge.
    """
    step = spectrum.freq_hz[1]
    # A rate exactly at the edge may have its highest bin one further out.
    first = max(1, int(np.ceil(band_hz[0] / step)) - 1)
    last = min(len(spectrum.freq_hz) - 2, int(np.floor(band_hz[1] / step)) + 1)
    near = spectrum.power[:, first - 1 : last + 2]
    left, here, right = near[:, :-2], near[:, 1:-1], near[:, 2:]
    candidates = np.where((here > left) & (here >= right), here, -1.0)
    bins = candidates.argmax(axis=1)
    rows = np.arange(len(bins))
    power = candidates[rows, bins]
    found = power > 0
    log_left, log_here, log_right = (
        np.log(np.where(found, side[rows, bins], 1.0).clip(np.finfo(float).tiny)) for side in (left, here, right)
    )
    bend = log_left - 2 * log_here + log_right
    shift = np.where(bend < 0, 0.5 * (log_left - log_right) / np.where(bend < 0, bend, 1.0), 0.0)
    freq_hz = ((first + bins + shift) * step).clip(*band_hz)
    return np.where(found, freq_hz, np.nan), np.where(found, power, np.nan)


def power_near(spectrum: Spectrum, freq_hz: FloatArray, half_width_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Frequency and power of the highest bin within ``freq_hz`` +- ``half_width_hz`` of each row, each ``(B,)``."""
    bins = spectrum.freq_hz
    near = np.abs(bins - freq_hz[:, None]) <= half_width_hz[:, None]
    power = np.where(near, spectrum.power, 0.0)
    best = power.argmax(axis=1)
    return bins[best], power[np.arange(len(best)), best]
