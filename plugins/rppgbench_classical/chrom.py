"""De Haan & Jeanne, IEEE TBME 60(10), 2013: chrominance signals from standardised skin tone."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace

from rppgbench.signal.filters import bandpass
from rppgbench_classical.array_batches import LEAST_VARIANCE, waves_of

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

WINDOW_S = 1.6
BAND_HZ = (40 / 60, 240 / 60)


class Chrom:
    """X = 3R - 2G and Y = 1.5R + G - 1.5B, combined to X - std(X) / std(Y) Y in each window; systole up as published.

    Windows last 1.6 s, rounded up to an even number of frames, and overlap by half under a Hann window. In each, R, G
    and B are divided by their mean, and X and Y band-passed (40-240 bpm). The paper leaves the filter open: here
    the zero-phase Butterworth of third order, as elsewhere in the suite. The first and last half window fade; frames
    left over at the end get a window of their own, aligned with the last frame.
    """

    def predict(self, traces: Any, fps_hz: float) -> Any:
        """``(B, T)``; a change of intensity common to the three channels gives zero.

        Raises:
            SignalError: fewer frames than one window.
        """
        half = math.ceil(WINDOW_S * fps_hz / 2 - 1e-9)
        return waves_of(traces, lambda tones: _chrom(tones, half, float(fps_hz)), at_least=2 * half)


def _chrom(tones: Any, half: int, fps_hz: float) -> Any:
    xp = array_namespace(tones)
    T = tones.shape[2]
    filter_, hann = (xp.asarray(a, device=tones.device) for a in _window_operators(2 * half, fps_hz))
    regular = T // half * half
    wave = _overlap_add(xp, _pulse(xp, _halved(xp, tones[:, :, :regular], half), filter_, hann))
    if regular == T:
        return wave
    last = _pulse(xp, tones[:, :, None, T - 2 * half :], filter_, hann)[:, 0, :]
    blank = xp.zeros_like(tones[0, :, :])
    both = xp.concat([wave, blank[:, regular:]], axis=1) + xp.concat([blank[:, 2 * half :], last], axis=1)
    return both / xp.asarray(_crowding(T, half), device=tones.device)


def _halved(xp: Any, tones: Any, half: int) -> Any:
    """``(3, b, T)``, T a multiple of ``half``, to the windows at every half, ``(3, b, K, 2 half)``."""
    _, b, T = tones.shape
    halves = xp.reshape(tones, (3, b, T // half, half))
    return xp.concat([halves[:, :, :-1, :], halves[:, :, 1:, :]], axis=3)


def _pulse(xp: Any, windows: Any, filter_: Any, hann: Any) -> Any:
    """``(3, b, K, l)`` to S of each window under its Hann window, ``(b, K, l)``."""
    windows = windows / xp.mean(windows, axis=3, keepdims=True) - 1
    red, green, blue = (windows[c, ...] for c in range(3))
    x = (3 * red - 2 * green) @ filter_
    y = (1.5 * red + green - 1.5 * blue) @ filter_
    var_x, var_y = (xp.mean(s * s, axis=2, keepdims=True) - xp.mean(s, axis=2, keepdims=True) ** 2 for s in (x, y))
    pulsing = (var_y > LEAST_VARIANCE) & (var_x > 0)
    alpha = xp.where(pulsing, xp.sqrt(xp.where(pulsing, var_x / xp.where(pulsing, var_y, 1.0), 0.0)), 0.0)
    return (x - alpha * y) * hann


def _overlap_add(xp: Any, windows: Any) -> Any:
    """``(b, K, l)`` at every half window to ``(b, (K + 1) l / 2)``."""
    b, K, frames = windows.shape
    half = frames // 2
    none = xp.zeros_like(windows[:, :1, :half])
    first, second = windows[:, :, :half], windows[:, :, half:]
    added = xp.concat([first, none], axis=1) + xp.concat([none, second], axis=1)
    return xp.reshape(added, (b, (K + 1) * half))


@lru_cache(maxsize=16)
def _window_operators(frames: int, fps_hz: float) -> tuple[FloatArray, FloatArray]:
    """The band-pass of one window as a matrix to multiply rows with, ``(l, l)``, and its Hann window, ``(l,)``."""
    return bandpass(np.eye(frames), fps_hz, BAND_HZ[0], min(BAND_HZ[1], 0.45 * fps_hz)), _hann(frames)


@lru_cache(maxsize=16)
def _crowding(T: int, half: int) -> FloatArray:
    """Sums of the windows at each frame, ``(T,)``, at least 1: above it, the last window is out of step."""
    hann = _hann(2 * half)
    total = np.zeros(T)
    for first in [*range(0, T - 2 * half + 1, half), T - 2 * half]:
        total[first : first + 2 * half] += hann
    return total.clip(min=1.0)


def _hann(frames: int) -> FloatArray:
    """Sampled between the frames: none has weight 0, and halves add up to 1."""
    return np.asarray(np.sin(np.pi * (np.arange(frames) + 0.5) / frames) ** 2)
