"""Phase locking of a rate and its harmonic, which a pulse has and two movements do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.filters import bandpass_gain, detrend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# In units of the rate: bands of a rate that breathes, and of its harmonic.
FUNDAMENTAL, HARMONIC = (0.65, 1.5), (1.4, 2.8)
ORDER = 3


def phase_locking(waves: FloatArray, fps_hz: float, rate_hz: FloatArray) -> FloatArray:
    """``(B,)`` phase locking value of the rate and its harmonic, 0 to 1.

    The length of the mean of exp(i (phase at twice the rate - 2 phase at the rate)) under a Hann window. Typical values
    are in docs/estimators.md ("Harmonics of a pulse").

    Args:
        waves: ``(B, T)``, finite.
        fps_hz: Sampling rate of T.
        rate_hz: ``(B,)``.
    """
    T = waves.shape[1]
    freq_hz = np.fft.fftfreq(2 * T, 1 / fps_hz)
    transform = np.fft.fft(detrend(waves), 2 * T)
    below, above = (_analytic(transform, freq_hz, rate_hz, band)[:, :T] for band in (FUNDAMENTAL, HARMONIC))
    along = above * np.conj(below) ** 2
    hann = np.sin(np.pi * (np.arange(T) + 0.5) / T) ** 2
    turned = along / np.abs(along).clip(np.finfo(float).tiny)
    return np.asarray(np.abs(turned @ hann) / hann.sum())


def _analytic(
    transform: NDArray[np.complex128], freq_hz: FloatArray, rate_hz: FloatArray, band: tuple[float, float]
) -> NDArray[np.complex128]:
    """Analytic signal of the waves within the band: its angle is its phase."""
    low_hz, high_hz = (edge * rate_hz[:, None] for edge in band)
    gain = np.where(freq_hz > 0, bandpass_gain(np.abs(freq_hz), low_hz, high_hz, ORDER), 0.0)
    return np.asarray(np.fft.ifft(transform * gain))
