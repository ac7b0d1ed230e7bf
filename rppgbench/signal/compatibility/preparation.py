"""Preparation of waves before their spectrum, and signal-to-noise ratios, by definitions of other projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray
    from rppgbench.signal.spectrum import Spectrum


def without_trend(waves: FloatArray, smoothness: float) -> FloatArray:
    """``(B, T)`` waves without their smooth trend (Tarvainen et al., IEEE TBME 49(2), 2002).

    With the ``(T - 2, T)`` matrix D of second differences the trend is (I + smoothness^2 D'D)^-1 x. The matrix has five
    diagonals, so that solving it takes linear time.
    """
    from scipy.linalg import solveh_banded

    T, weight = waves.shape[1], smoothness**2
    diagonals = np.zeros((3, T))  # each row of D adds (1, -2, 1)'(1, -2, 1) at its place
    for first, (own, next_, next_but_one) in enumerate(((1, -2, 1), (4, -2, 0), (1, 0, 0))):
        at = slice(first, first + T - 2)
        diagonals[0, at] += own * weight
        diagonals[1, at] += next_ * weight
        diagonals[2, at] += next_but_one * weight
    diagonals[0] += 1
    return np.asarray(waves - solveh_banded(diagonals, waves.T, lower=True).T)


def band_passed(waves: FloatArray, fps_hz: float, band_hz: tuple[float, float], order: int) -> FloatArray:
    """``(B, T)`` waves through a Butterworth band-pass forwards and backwards: its amplitude counts twice.

    Ends are continued by odd reflection over three times the filter's length, as is usual.

    Raises:
        SignalError: too few frames a second for the band.
    """
    from scipy.signal import butter, sosfiltfilt

    if fps_hz <= 2 * band_hz[1]:
        raise SignalError(
            f"{fps_hz:g} frames a second, expected more than {2 * band_hz[1]:g}: "
            f"this estimator looks for rates up to {band_hz[1]:g} Hz",
            hint="choose another estimator",
        )
    sections = butter(order, band_hz, "bandpass", fs=fps_hz, output="sos")
    padding = min(3 * (2 * order + 1), waves.shape[1] - 1)
    return np.asarray(sosfiltfilt(sections, waves, padlen=padding))


def pulse_ratio_db(
    spectrum: Spectrum,
    true_bpm: FloatArray,
    *,
    half_width_hz: float,
    band_hz: tuple[float, float],
    decibels: float = 10.0,
) -> FloatArray:
    """``decibels`` times the decimal logarithm of the power about a rate and twice it over the rest of the band.

    Power within ``half_width_hz`` of the two is the pulse's, even outside of the band. The ratio is 0 dB if the band
    has no rest, and NaN if the rate is NaN or the pulse has no power.
    """
    freq_hz, power = spectrum.freq_hz, spectrum.power
    rate_hz = np.asarray(true_bpm, dtype=np.float64)[:, None] / 60
    near = (np.abs(freq_hz - rate_hz) <= half_width_hz) | (np.abs(freq_hz - 2 * rate_hz) <= half_width_hz)
    inside = (freq_hz >= band_hz[0]) & (freq_hz <= band_hz[1])
    pulse = np.where(near, power, 0.0).sum(axis=1)
    rest = np.where(inside & ~near, power, 0.0).sum(axis=1)
    known = (pulse > 0) & (rest > 0)
    ratio_db = decibels * (np.log10(np.where(known, pulse, 1.0)) - np.log10(np.where(known, rest, 1.0)))
    return np.where(pulse > 0, ratio_db, np.nan)
