from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="session")
def simulated() -> Iterator[ModuleType]:
    yield from _imported("simulated")


@pytest.fixture(scope="session")
def heartpy() -> Iterator[ModuleType]:
    yield from _imported("heartpy_reference")


def _imported(name: str) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield import_module(name)


@pytest.fixture(scope="session")
def pulse() -> Callable[..., np.ndarray]:
    """A noise-free pulse of known rate: a fundamental and a second harmonic of 0.3 of its amplitude, below Nyquist."""

    def wave(hr_bpm: float, fps_hz: float, length_s: float, turn: float = 0.0) -> np.ndarray:
        rate_hz = hr_bpm / 60
        phase = 2 * np.pi * (rate_hz * np.arange(round(length_s * fps_hz)) / fps_hz - turn)
        return np.cos(phase) + (0.3 * np.cos(2 * phase - 1) if 2 * rate_hz < fps_hz / 2 else 0)

    return wave


@pytest.fixture(scope="session")
def ecg() -> Callable[..., np.ndarray]:
    """An ECG as a sum of Gaussians per beat (P, Q, R, S, T), with baseline wander; R exactly at the beats."""

    def samples(beats_s: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        signal = 0.3 * np.sin(2 * np.pi * 0.25 * times_s)
        for height, delay_s, sigma_s in (
            (0.15, -0.16, 0.025), (-0.15, -0.03, 0.010), (1.0, 0.0, 0.011), (-0.25, 0.03, 0.010), (0.3, 0.25, 0.045),
        ):  # fmt: skip
            for beat_s in beats_s:
                signal += height * np.exp(-0.5 * ((times_s - beat_s - delay_s) / sigma_s) ** 2)
        return signal

    return samples
