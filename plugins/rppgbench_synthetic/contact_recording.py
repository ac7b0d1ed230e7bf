"""Recording of a contact sensor: an ECG at 256 Hz or a finger's blood volume pulse at 64 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rppgbench.contracts import GroundTruth
from rppgbench_synthetic.physiology import Physiology
from rppgbench_synthetic.randomness import normals, on_grid, wander
from rppgbench_synthetic.rendering_params import SensorKind

RATE_HZ = {"ecg": 256.0, "bvp": 64.0}
LEAST_MARGIN_S = 1.0

# P, Q, R, S and T: place after the R-peak in s, width in s, height in mV.
_ECG_WAVES = ((-0.17, 0.022, 0.12), (-0.03, 0.010, -0.12), (0.0, 0.010, 1.0), (0.03, 0.010, -0.22), (0.24, 0.045, 0.28))


def record(
    body: Physiology, kind: SensorKind, duration_s: float, rng: np.random.RandomState, *, own_start: bool
) -> GroundTruth:
    """Samples on the video's clock from at least 1 s before the video to at least 1 s after it.

    With ``own_start`` the sensor was switched on up to 2.5 s earlier, and its samples fall between the frames.
    """
    start_s = -LEAST_MARGIN_S - (float(on_grid(rng.uniform(0.0, 2.5), 12)) if own_start else 0.0)
    n_samples = int(np.ceil((duration_s + LEAST_MARGIN_S - start_s) * RATE_HZ[kind])) + 1
    times_s = start_s + np.arange(n_samples) / RATE_HZ[kind]
    if kind == "ecg":
        samples = _ecg(body.beats_s, times_s) + 0.010 * normals(rng, n_samples)
        samples += 0.05 * body.respiration(times_s) + 0.03 * wander(rng, n_samples, RATE_HZ[kind], 2.0)
    else:
        samples = body.finger_pulse(times_s) + 0.008 * normals(rng, n_samples)
        samples += 0.10 * body.respiration(times_s) + 0.05 * wander(rng, n_samples, RATE_HZ[kind], 2.0)
    # A converter of about 12 bits, which also makes the samples the same on every processor.
    quantised = on_grid(samples, 11)
    return GroundTruth(samples=quantised, times_s=times_s, kind=kind, beats_s=body.beats_s)


def _ecg(beats_s: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    ecg = np.zeros_like(times_s)
    for place, width, height in _ECG_WAVES:
        # Waves are short: only the two beats around a sample can reach it.
        after = np.searchsorted(beats_s + place, times_s)
        for beat in (after - 1, after):
            away = times_s - (beats_s + place)[np.clip(beat, 0, len(beats_s) - 1)]
            ecg += height * np.exp(-0.5 * (away / width) ** 2)
    return ecg
