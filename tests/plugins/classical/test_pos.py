"""The closed form against Algorithm 1 as Wang et al. print it, window by window in a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench_classical.pos import Pos, algorithm_1


def test_the_printed_algorithm_gives_twice_a_pulse_of_green_alone():
    """One window of a green wave c of mean 0: S1 = S2 = c, so h = 2 c."""
    wave = 0.01 * np.cos(2 * np.pi * np.arange(32) / 32)
    colours = np.stack([np.ones(32), 1 + wave, np.ones(32)], axis=1)
    np.testing.assert_allclose(algorithm_1(colours, 20.0), 2 * wave, rtol=0, atol=1e-15)


@pytest.mark.parametrize("fps_hz", [15.0, 20.0, 29.97, 30.0, 61.0])
@pytest.mark.parametrize("T", [98, 451])
def test_agrees_with_algorithm_1(simulate, fps_hz, T):
    traces, _ = simulate(2, T, fps_hz)
    for wave, colours in zip(Pos().predict(traces, fps_hz), traces, strict=True):
        expected = -algorithm_1(colours, fps_hz)
        np.testing.assert_allclose(wave, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("light", [0.1, 0.5])
def test_agrees_under_strong_changes_of_light_and_colour(simulate, light):
    traces, _ = simulate(2, 1800)
    fading = np.linspace(1, light, 1800)[:, None] ** np.array([1.0, 1.2, 1.4])
    traces = traces * fading
    for wave, colours in zip(Pos().predict(traces, 30.0), traces, strict=True):
        expected = -algorithm_1(colours, 30.0)
        np.testing.assert_allclose(wave, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_a_window_is_32_frames_at_20_fps_as_in_the_paper(simulate):
    assert Pos().predict(simulate(1, 32, 20.0)[0], 20.0).shape == (1, 32)
    traces, _ = simulate(1, 32, 20.0)
    expected = -algorithm_1(traces[0], 20.0)
    np.testing.assert_allclose(Pos().predict(traces, 20.0)[0], expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_the_last_window_counts(simulate):
    traces, _ = simulate(1, 300)
    cut = Pos().predict(traces[:, :-1], 30.0)[0]
    whole = Pos().predict(traces, 30.0)[0]
    np.testing.assert_allclose(whole[:251], cut[:251], rtol=0, atol=1e-12)  # frames of other windows only
    assert np.abs(whole[252:299] - cut[252:299]).min() > 0
