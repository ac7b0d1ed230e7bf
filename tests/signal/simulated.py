"""Contact sensors whose beats are known: an electrocardiogram by its dynamical model, and a pulse wave of two waves."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

# P, Q, R, S, T of McSharry, Clifford, Tarassenko & Smith, IEEE TBME 50(3), 2003, Table I: angle, height, width.
WAVES = ((-np.pi / 3, 1.2, 0.25), (-np.pi / 12, -5, 0.1), (0, 30, 0.1), (np.pi / 12, -7.5, 0.1), (np.pi / 2, 0.75, 0.4))
BREATH_HZ = 0.25


def rhythm(random: np.random.RandomState, mean_s: float, until_s: float) -> np.ndarray:
    """Beats whose intervals breathe (3 % of their mean) and vary at random (2 %), from before 0 to behind the end."""
    n = int(until_s / mean_s) + 12
    breath = 0.03 * np.sin(2 * np.pi * BREATH_HZ * mean_s * np.arange(n) + random.uniform(0, 6))
    return random.uniform(-5, -4) * mean_s + np.cumsum(mean_s * (1 + breath + 0.02 * random.randn(n)))


def ecg(beats_s: np.ndarray, rate_hz: float, length_s: float, noise: float, seed: int) -> np.ndarray:
    """The model's third equation along a limit cycle that passes R at each beat, R 1 high, with 0.3 of wander.

    ``noise`` is the standard deviation of white noise in the whole band.
    """
    step_s = 1 / (4 * rate_hz)
    times_s = np.arange(-2, length_s, step_s)
    phase = 2 * np.pi * np.interp(times_s, beats_s, np.arange(len(beats_s)))
    slope = np.zeros(len(times_s))
    for angle, height, width in WAVES:
        away = np.angle(np.exp(1j * (phase - angle)))
        slope -= height * away * np.exp(-0.5 * (away / width) ** 2)
    decay = np.exp(-step_s)
    z = lfilter([1 - decay], [1, -decay], slope)[round(2 / step_s) :: 4]
    wander = 0.3 * np.sin(2 * np.pi * BREATH_HZ * np.arange(len(z)) / rate_hz)
    return z / np.percentile(z, 99.8) + wander + noise * np.random.RandomState(seed).randn(len(z))


def ppg(beats_s: np.ndarray, rate_hz: float, length_s: float, noise: float, seed: int) -> np.ndarray:
    """A systolic wave at each beat, 1 high, and a dicrotic one of 0.4 behind it, on a breathing baseline."""
    times_s = np.arange(round(length_s * rate_hz)) / rate_hz
    interval_s = np.diff(beats_s, append=2 * beats_s[-1] - beats_s[-2])
    wave = 0.3 * np.sin(2 * np.pi * BREATH_HZ * times_s)
    for beat_s, lasts_s in zip(beats_s, interval_s, strict=True):
        wave += np.exp(-0.5 * ((times_s - beat_s) / (0.12 * lasts_s)) ** 2)
        wave += 0.4 * np.exp(-0.5 * ((times_s - beat_s - 0.42 * lasts_s) / (0.15 * lasts_s)) ** 2)
    return wave + noise * np.random.RandomState(seed).randn(len(wave))
