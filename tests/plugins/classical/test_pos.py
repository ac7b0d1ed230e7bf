"""Against Algorithm 1 as Wang et al. print it, window by window in plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rppgbench_classical.pos import Pos


def algorithm_1(colours: np.ndarray, window: int) -> np.ndarray:
    projection = np.array([[0.0, 1, -1], [-2, 1, 1]])
    wave = np.zeros(len(colours))
    for n in range(window, len(colours) + 1):
        m = n - window
        normalised = colours[m:n] / colours[m:n].mean(axis=0)
        s1, s2 = projection @ normalised.T
        h = s1 + np.std(s1) / np.std(s2) * s2
        wave[m:n] += h - h.mean()
    return wave


@pytest.mark.parametrize("fps_hz", [15.0, 20.0, 29.97, 30.0, 61.0])
@pytest.mark.parametrize("T", [98, 451])
def test_agrees_with_algorithm_1(simulate, fps_hz, T):
    traces, _ = simulate(2, T, fps_hz)
    window = math.ceil(round(1.6 * fps_hz, 6))
    for wave, colours in zip(Pos().predict(traces, fps_hz), traces, strict=True):
        expected = -algorithm_1(colours, window)
        np.testing.assert_allclose(wave, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("light", [0.1, 0.5])
def test_agrees_under_strong_changes_of_light_and_colour(simulate, light):
    traces, _ = simulate(2, 1800)
    fading = np.linspace(1, light, 1800)[:, None] ** np.array([1.0, 1.2, 1.4])
    traces = traces * fading
    for wave, colours in zip(Pos().predict(traces, 30.0), traces, strict=True):
        expected = -algorithm_1(colours, 48)
        np.testing.assert_allclose(wave, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_a_window_is_32_frames_at_20_fps_as_in_the_paper(simulate):
    assert Pos().predict(simulate(1, 32, 20.0)[0], 20.0).shape == (1, 32)
    traces, _ = simulate(1, 32, 20.0)
    expected = -algorithm_1(traces[0], 32)
    np.testing.assert_allclose(Pos().predict(traces, 20.0)[0], expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_the_last_window_counts(simulate):
    traces, _ = simulate(1, 300)
    cut = Pos().predict(traces[:, :-1], 30.0)[0]
    whole = Pos().predict(traces, 30.0)[0]
    np.testing.assert_allclose(whole[:251], cut[:251], rtol=0, atol=1e-12)  # frames of other windows only
    assert np.abs(whole[252:299] - cut[252:299]).min() > 0
