"""rPPG-Toolbox's evaluation (Liu et al., arXiv 2210.00716) by FFT, as of 2023 and of 2025."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.compatibility.preparation import band_passed, pulse_ratio_db, without_trend
from rppgbench.signal.spectrum import Spectrum

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

SMOOTHNESS = 100.0
ORDER = 1
HALF_WIDTH_HZ = 0.1


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """rPPG-Toolbox's estimator; predictions and sensors go through the same code, on one grid.

    ``decibels`` is the number for a ratio of ten between two powers: 20 in 2023, which took power for amplitude.
    """

    band_hz: tuple[float, float]
    decibels: float

    def spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """Periodogram without a window, its length the next power of 2."""
        T = waves.shape[1]
        length = 1 << (T - 1).bit_length()
        transform = np.fft.rfft(self._prepared(waves, fps_hz), length)
        power = transform.real**2 + transform.imag**2
        return Spectrum(np.fft.rfftfreq(length, 1 / fps_hz), power, fps_hz / T)

    def sensor_spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        return self.spectrum(waves, fps_hz)

    def snr_db(self, spectrum: Spectrum, true_bpm: FloatArray) -> FloatArray:
        return pulse_ratio_db(
            spectrum, true_bpm, half_width_hz=HALF_WIDTH_HZ, band_hz=self.band_hz, decibels=self.decibels
        )

    def macc(self, waves: FloatArray, truths: FloatArray, fps_hz: float) -> FloatArray:
        """Highest absolute correlation over all circular lags of the prepared waves, ``(B,)``.

        NaN if one of the two is constant or not finite. Any lag is allowed, around the wave's ends, and any sign: noise
        scores well.
        """
        preds, trues = (self._standardised(each, fps_hz) for each in (waves, truths))
        product = np.fft.rfft(preds).conj() * np.fft.rfft(trues)
        return np.asarray(np.abs(np.fft.irfft(product, waves.shape[1])).max(axis=1))

    def _prepared(self, waves: FloatArray, fps_hz: float) -> FloatArray:
        return band_passed(without_trend(waves, SMOOTHNESS), fps_hz, self.band_hz, ORDER)

    def _standardised(self, waves: FloatArray, fps_hz: float) -> FloatArray:
        """Prepared rows without their means and of length 1: a product of two is a correlation. NaN if constant."""
        finite = np.isfinite(waves).all(axis=1, keepdims=True)
        filled = np.where(finite, waves, 0.0)
        prepared = self._prepared(filled, fps_hz)
        centred = prepared - prepared.mean(axis=1, keepdims=True)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        # The rest of a straight line is rounding.
        sound = finite & (length > 1e-9 * np.linalg.norm(filled, axis=1, keepdims=True))
        return np.where(sound, centred / np.where(sound, length, 1.0), np.nan)


TOOLBOX_2023 = Toolbox(band_hz=(0.75, 2.5), decibels=20.0)
TOOLBOX_2025 = Toolbox(band_hz=(0.6, 3.3), decibels=10.0)
