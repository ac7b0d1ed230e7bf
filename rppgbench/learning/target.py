"""Target of methods in training: the contact sensor's pulse wave, aligned with the face's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.filters import bandpass
from rppgbench.signal.ground_truth import pulse_wave

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, GroundTruth

_BAND_HZ = (0.7, 3.5)


def target_wave(truth: GroundTruth, delay_s: float, n_frames: int, fps_hz: float) -> FloatArray:
    """``(T,)`` target wave at ``fps_hz``, systole up, NaN where the sensor has no samples.

    An ECG becomes a smooth pulse train of its R-peaks; a BVP is band-passed to 0.7-3.5 Hz. The sensor is read
    ``delay_s`` before each frame, the delay of the face behind it.
    """
    wave = pulse_wave(truth, np.arange(n_frames) / fps_hz - delay_s)
    known = np.isfinite(wave)
    if truth.kind == "ecg" or not known.any():
        return wave
    level = np.where(known, wave, np.mean(wave[known]))
    return np.where(known, bandpass(level[None], fps_hz, *_BAND_HZ)[0], np.nan)
