"""Against the method as de Haan & Jeanne describe it, window by window in plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rppgbench_classical.chrom import Chrom


def bandpassed(window: np.ndarray, fps_hz: float) -> np.ndarray:
    """Third-order Butterworth amplitude on the window reflected through its ends, as a sum over frequencies."""
    n = len(window)
    before = window[1:][::-1]
    after = window[:-1][::-1]
    length = 3 * n
    while max(p for p in range(2, length + 1) if length % p == 0 and all(p % q for q in range(2, p))) > 5 or length % 2:
        length += 1
    extra = length - (3 * n - 2)
    padded = np.r_[2 * window[0] - before, window, 2 * window[-1] - after, np.full(extra, 2 * window[-1] - window[0])]
    freq_hz = np.abs(np.fft.fftfreq(length, 1 / fps_hz))
    low_hz, high_hz = 40 / 60, 240 / 60
    gain = np.zeros(length)
    for k in range(length):
        if freq_hz[k] > 0:
            detuning = (freq_hz[k] ** 2 - low_hz * high_hz) / (freq_hz[k] * (high_hz - low_hz))
            gain[k] = 1 / math.sqrt(1 + detuning**6)
    kernel = np.fft.ifft(gain).real
    positions = np.arange(length)
    return np.array([np.sum(kernel[(at - positions) % length] * padded) for at in range(n - 1, 2 * n - 1)])


def chrom(colours: np.ndarray, fps_hz: float) -> np.ndarray:
    T = len(colours)
    half = math.ceil(round(0.8 * fps_hz, 6))
    hann = np.array([0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / (2 * half)) for i in range(2 * half)])
    wave, added = np.zeros(T), np.zeros(T)
    starts = list(range(0, T - 2 * half + 1, half))
    if starts[-1] + 2 * half < T:
        starts.append(T - 2 * half)
    for first in starts:
        inside = slice(first, first + 2 * half)
        red, green, blue = (colours[inside] / colours[inside].mean(axis=0) - 1).T
        x = bandpassed(3 * red - 2 * green, fps_hz)
        y = bandpassed(1.5 * red + green - 1.5 * blue, fps_hz)
        wave[inside] += hann * (x - np.std(x) / np.std(y) * y)
        added[inside] += hann
    return wave / np.maximum(added, 1)


@pytest.mark.parametrize(
    ("fps_hz", "T"),
    [(20.0, 160), (30.0, 48), (30.0, 49), (30.0, 71), (30.0, 72), (30.0, 240), (29.97, 251), (61.0, 300)],
)
def test_agrees_with_a_loop_over_windows(simulate, fps_hz, T):
    traces, _ = simulate(2, T, fps_hz)
    for wave, colours in zip(Chrom().predict(traces, fps_hz), traces, strict=True):
        expected = chrom(colours, fps_hz)
        assert np.corrcoef(wave, expected)[0, 1] > 0.999999
        np.testing.assert_allclose(wave, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_what_is_common_to_two_channels_as_specular_reflection_is_is_cancelled_where_green_is_not(simulate):
    traces, blood = simulate(4, 900, noise=0.0)
    glare = 2 * np.sin(2 * np.pi * 1.37 * np.arange(900) / 30)  # white light added: a colour change of the skin
    waves = Chrom().predict(traces + glare[:, None], 30.0)
    assert min(np.corrcoef(w[60:-60], b[60:-60])[0, 1] for w, b in zip(waves, blood, strict=True)) > 0.4
