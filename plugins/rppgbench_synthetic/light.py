"""Light over time: a slow drift, a faint flicker, and varying highlights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.randomness import on_grid, wander


@dataclass(frozen=True, kw_only=True)
class Light:
    """``colour`` (T, 3) multiplies all linear light, ``highlight`` (T,) the mirrored share of it."""

    colour: NDArray[np.float32]
    highlight: NDArray[np.float32]


def simulate_light(rng: np.random.RandomState, n_frames: int, fps_hz: float) -> Light:
    """The light of one recording, about 1: drifts by 0.5-1.5 % in seconds, a quarter of that apart in R, G and B.

    A flicker of 0.1-0.4 %, as of a screen or of people passing, reaches into the band of the pulse, the same in all
    channels: methods that combine channels cancel it.
    """
    drift = rng.uniform(0.005, 0.015)
    common = drift * wander(rng, n_frames, fps_hz, 3.0)
    common += rng.uniform(0.001, 0.004) * wander(rng, n_frames, fps_hz, 0.2)
    chromatic = np.stack([wander(rng, n_frames, fps_hz, 4.0) for _ in range(3)], axis=-1)
    colour = on_grid(1.0 + common[:, None] + 0.25 * drift * chromatic, 20)
    highlight = on_grid(1.0 + rng.uniform(0.01, 0.03) * wander(rng, n_frames, fps_hz, 0.8), 16)
    return Light(colour=colour.astype(np.float32), highlight=highlight.astype(np.float32))
