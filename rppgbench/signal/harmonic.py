"""Whether what swings at twice a rate is that rate's harmonic, or something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.filters import bandpass_gain, detrend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# In units of the rate: where a rate that breathes stays, and where its harmonic does.
FUNDAMENTAL, HARMONIC = (0.65, 1.5), (1.4, 2.8)
ORDER = 3


def phase_locking(waves: FloatArray, fps_hz: float, rate_hz: FloatArray) -> FloatArray:
    """``(B,)`` how firmly the phase at twice the rate follows that at the rate, 0 to 1.

    The length of the mean of exp(i (phase at twice the rate - 2 phase at the rate)) under a Hann window: 0.9 and more
    of a pulse's own harmonic, however its rate wanders, and about 0.3 in 30 s of two movements that have nothing in
    common. Of a recorded finger with harmonics up to 3 dB above its pulse it is 0.69-0.92 in windows of 30 s; of a
    pulse beside a movement near half its rate, of as much power, below 0.54 in 95 of 100 of 30 s, and below 0.78 of 10
    s.

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
    """What of the waves is in the band, without its negative frequencies: its angle is its phase."""
    low_hz, high_hz = (edge * rate_hz[:, None] for edge in band)
    gain = np.where(freq_hz > 0, bandpass_gain(np.abs(freq_hz), low_hz, high_hz, ORDER), 0.0)
    return np.asarray(np.fft.ifft(transform * gain))
