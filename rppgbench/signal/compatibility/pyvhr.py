"""pyVHR's evaluation (Boccignone et al., IEEE Access 8, 2020; PeerJ CS 8:e929, 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.compatibility.preparation import band_passed, pulse_ratio_db
from rppgbench.signal.spectrum import Spectrum

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

ORDER = 6
SEGMENT, OVERLAP, LENGTH = 256, 200, 2048
# The sensor's spectrum has a bin every half beat a minute, whatever the frame rate.
SENSOR_LENGTH_S = 120
HALF_WIDTH_HZ = 12 / 60


@dataclass(frozen=True)
class PyVHR:
    """pyVHR's estimator; predictions and sensors go through different code, on different grids."""

    band_hz: tuple[float, float] = (0.65, 4.0)

    def spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """Welch's, of segments of 256 frames (or all of a shorter wave), each without its mean, under a Hann window."""
        N = min(SEGMENT, waves.shape[1])
        prepared = band_passed(waves, fps_hz, self.band_hz, ORDER)
        segments = np.lib.stride_tricks.sliding_window_view(prepared, N, axis=1)[:, :: SEGMENT - OVERLAP]
        transform = np.fft.rfft((segments - segments.mean(axis=2, keepdims=True)) * _hann(N), 2 * N)
        # A spectrum on any grid is that of the autocorrelation: many short transforms and a long one are quicker than
        # many long ones.
        lags = np.fft.irfft((transform.real**2 + transform.imag**2).sum(axis=1))
        padded = np.zeros((len(waves), LENGTH))
        padded[:, :N], padded[:, LENGTH - N :] = lags[:, :N], lags[:, N:]
        power = np.fft.rfft(padded).real.clip(0)  # less is rounding
        return Spectrum(np.fft.rfftfreq(LENGTH, 1 / fps_hz), power, fps_hz / N)

    def sensor_spectrum(self, waves: FloatArray, fps_hz: float) -> Spectrum:
        """One column of a spectrogram: the whole wave without its mean, not filtered, under a Hann window."""
        T = waves.shape[1]
        length = max(T, round(SENSOR_LENGTH_S * fps_hz))
        transform = np.fft.rfft((waves - waves.mean(axis=1, keepdims=True)) * _hann(T), length)
        return Spectrum(np.fft.rfftfreq(length, 1 / fps_hz), transform.real**2 + transform.imag**2, fps_hz / T)

    def snr_db(self, spectrum: Spectrum, true_bpm: FloatArray) -> FloatArray:
        return pulse_ratio_db(spectrum, true_bpm, half_width_hz=HALF_WIDTH_HZ, band_hz=self.band_hz)

    def macc(self, waves: FloatArray, truths: FloatArray, fps_hz: float) -> None:
        return None


def _hann(n: int) -> FloatArray:
    return np.asarray(np.sin(np.pi * np.arange(n) / n) ** 2)


PYVHR = PyVHR()
