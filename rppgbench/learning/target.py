"""What a method is to learn: the contact sensor's pulse wave, in step with the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.signal.filters import bandpass
from rppgbench.signal.ground_truth import pulse_wave

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, GroundTruth

_BAND_HZ = (0.7, 3.5)


def target_wave(truth: GroundTruth, delay_s: float, n_frames: int, fps_hz: float) -> FloatArray:
    """``(T,)`` pulse of the face by the contact sensor, systole up, NaN where the sensor has nothing to say.

    An ECG becomes a smooth pulse train of its R-peaks; of a BVP what lies outside 0.7-3.5 Hz is taken away. The sensor
    is read ``delay_s`` earlier than the video.
    """
    wave = pulse_wave(truth, np.arange(n_frames) / fps_hz - delay_s)
    known = np.isfinite(wave)
    if truth.kind == "ecg" or not known.any():
        return wave
    level = np.where(known, wave, np.mean(wave[known]))
    return np.where(known, bandpass(level[None], fps_hz, *_BAND_HZ)[0], np.nan)
