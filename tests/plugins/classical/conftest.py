from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

SKIN = np.array([150.0, 110.0, 90.0])
PULSE = np.array([0.33, 0.77, 0.53])  # relative strength in R, G, B under white light (de Haan & van Leest, 2014)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """``(B, T, 3)`` traces of the dichromatic model and the ``(B, T)`` blood volume they carry, systole up.

    Intensity wanders with motion and drift, common to the channels; blood darkens the skin.
    """

    def traces(
        B: int, T: int, fps_hz: float = 30.0, *, noise: float = 0.05, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.RandomState(seed)
        time_s = np.arange(T) / fps_hz
        phase = 2 * np.pi * (random.uniform(0.8, 2.5, (B, 1)) * time_s + random.rand(B, 1))
        blood = 0.003 * (np.cos(phase) + 0.3 * np.cos(2 * phase - 1))
        intensity = 1 + 0.03 * np.sin(2 * np.pi * 0.2 * time_s + 6 * random.rand(B, 1))
        intensity = intensity + 0.01 * random.randn(B, T).cumsum(axis=1) / fps_hz
        skin = SKIN * random.uniform(0.5, 1.2, (B, 1, 1))
        colours = skin * intensity[..., None] * (1 - blood[..., None] * PULSE)
        return colours + noise * random.randn(B, T, 3), blood

    return traces
