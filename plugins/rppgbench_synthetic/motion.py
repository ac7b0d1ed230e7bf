"""Motion of a head: sway, turns, the nod of each heartbeat, blinks and talk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.physiology import Physiology
from rppgbench_synthetic.randomness import on_grid, wander
from rppgbench_synthetic.rendering_params import MotionLevel

_AMOUNT: dict[MotionLevel, float] = {"still": 0.04, "small": 0.25, "talk": 0.7, "large": 2.0}

Track = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Pose of each frame, all (T,).

    ``shift_x`` and ``shift_y`` are in heights of the picture, ``roll_rad`` turns clockwise, ``growth`` is 1 at the
    mean distance, ``yaw_rad`` and ``pitch_rad`` turn the nose right and down. ``lids`` and ``mouth`` are 0 at rest
    (eyes open, mouth shut) to 1.
    """

    shift_x: Track
    shift_y: Track
    roll_rad: Track
    growth: Track
    yaw_rad: Track
    pitch_rad: Track
    lids: Track
    mouth: Track


def simulate_motion(
    rng: np.random.RandomState, level: MotionLevel, body: Physiology, times_s: Track, fps_hz: float
) -> Motion:
    """The motion of one recording; every level blinks and nods with the heart, "talk" and "large" also speak."""
    amount = _AMOUNT[level]
    n_frames = len(times_s)

    def sway(tau_s: float) -> Track:
        return wander(rng, n_frames, fps_hz, tau_s)

    # Ballistocardiographic: about a twentieth of a pixel at 240 lines, earlier than the pulse in the skin.
    nod = 0.0002 * body.face_pulse(times_s + 0.05)
    speaks = level in ("talk", "large")
    return Motion(
        shift_x=on_grid(amount * (0.0146 * sway(1.2) + 0.0021 * sway(0.25)), 24),
        shift_y=on_grid(amount * (0.0092 * sway(1.2) + 0.0021 * sway(0.25)) + nod, 24),
        roll_rad=on_grid(amount * 0.020 * sway(0.8), 24),
        growth=on_grid(1.0 + amount * 0.008 * sway(1.0), 24),
        yaw_rad=on_grid(amount * 0.060 * sway(0.7), 24),
        pitch_rad=on_grid(amount * 0.050 * sway(0.7), 24),
        lids=on_grid(_blinks(rng, times_s), 12),
        mouth=on_grid(_speech(rng, n_frames, fps_hz) if speaks else np.zeros(n_frames), 12),
    )


def _blinks(rng: np.random.RandomState, times_s: Track) -> Track:
    shut = np.zeros_like(times_s)
    at_s = rng.uniform(0.5, 4.0)
    while at_s < times_s[-1]:
        shut = np.maximum(shut, np.exp(-0.5 * ((times_s - at_s) / 0.06) ** 2))
        at_s += 0.6 + rng.exponential(3.0)
    return np.clip(1.3 * shut, 0, 1)


def _speech(rng: np.random.RandomState, n_frames: int, fps_hz: float) -> Track:
    phrases = np.clip(1.2 * wander(rng, n_frames, fps_hz, 1.5), 0, 1)
    syllables_hz = 4.0 + wander(rng, n_frames, fps_hz, 0.3)
    return phrases * (0.5 + 0.5 * np.sin(2 * np.pi * np.cumsum(syllables_hz) / fps_hz))
