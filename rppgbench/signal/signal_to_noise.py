"""Signal-to-noise ratio of a pulse wave about a heart rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray
    from rppgbench.signal.spectrum import Spectrum

RANGE_HZ = (0.5, 4.0)
FUNDAMENTAL_HALF_WIDTH_HZ = 0.1
HARMONIC_HALF_WIDTH_HZ = 0.2


def snr_db(spectrum: Spectrum, hr_bpm: FloatArray) -> FloatArray:
    """Signal-to-noise ratio of each wave about its reference heart rate, in dB.

    As de Haan & Jeanne (IEEE TBME 60(10), 2013) define it: ten times the decimal logarithm of the power within 0.1 Hz
    of the rate or 0.2 Hz of twice the rate, over the remaining power, all of it between 0.5 and 4 Hz. A harmonic above
    4 Hz counts on neither side. In windows shorter than 20 s the fundamental's own main lobe, 2 / length to either
    side, is wider than 0.1 Hz, which bounds the ratio from above.

    Args:
        spectrum: Of ``(B, T)`` waves.
        hr_bpm: ``(B,)`` reference rates, beats per minute.

    Returns:
        ``(B,)``; NaN if the reference is NaN or outside 0.5-4 Hz.
    """
    inside = (spectrum.freq_hz >= RANGE_HZ[0]) & (spectrum.freq_hz <= RANGE_HZ[1])
    freq_hz, power = spectrum.freq_hz[inside], spectrum.power[:, inside]
    rate_hz = np.asarray(hr_bpm, dtype=float)[:, None] / 60
    pulse = (np.abs(freq_hz - rate_hz) <= FUNDAMENTAL_HALF_WIDTH_HZ) | (
        np.abs(freq_hz - 2 * rate_hz) <= HARMONIC_HALF_WIDTH_HZ
    )
    signal, noise = np.where(pulse, power, 0.0).sum(axis=1), np.where(pulse, 0.0, power).sum(axis=1)
    tiny = np.finfo(float).tiny
    ratio_db = 10 * (np.log10(signal.clip(tiny)) - np.log10(noise.clip(tiny)))
    known = (rate_hz[:, 0] >= RANGE_HZ[0]) & (rate_hz[:, 0] <= RANGE_HZ[1])
    return np.where(known, ratio_db, np.nan)
