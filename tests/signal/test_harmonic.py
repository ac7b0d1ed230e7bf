from __future__ import annotations

import numpy as np
import pytest

from rppgbench.signal.harmonic import phase_locking


def locking(wave, rate_hz=1.1, fps_hz=30.0):
    return float(phase_locking(wave[None], fps_hz, np.array([rate_hz]))[0])


def wandering(length_s, fps_hz=30.0):
    """Phase of a pulse of 1.1 Hz that breathes by a tenth."""
    time_s = np.arange(round(length_s * fps_hz)) / fps_hz
    return 2 * np.pi * (1.1 * time_s + 1.1 * 0.1 / (2 * np.pi * 0.2) * np.sin(2 * np.pi * 0.2 * time_s)), time_s


@pytest.mark.parametrize("fps_hz", [15.0, 30.0, 60.0])
@pytest.mark.parametrize("length_s", [10.0, 30.0])
def test_a_pulse_is_phase_locked_to_its_harmonic(length_s, fps_hz):
    phase, _ = wandering(length_s, fps_hz)
    for turn in (0.0, 1.0, 3.0):
        assert locking(np.cos(phase) + 1.2 * np.cos(2 * phase + turn), fps_hz=fps_hz) > 0.88


def test_two_movements_are_not_phase_locked():
    phase, time_s = wandering(30.0)
    random = np.random.RandomState(0)
    others = [np.cos(phase) + np.cos(2 * np.pi * random.uniform(1.9, 2.5) * time_s + random.rand()) for _ in range(40)]
    found = np.array([locking(wave) for wave in others])
    assert np.median(found) < 0.4
    assert np.mean(found > 0.65) < 0.1


def test_noise_is_not_phase_locked_and_rows_are_independent():
    noise = np.random.RandomState(0).randn(50, 900)
    found = phase_locking(noise, 30.0, np.full(50, 1.1))
    assert np.median(found) < 0.4
    assert found[7] == pytest.approx(locking(noise[7]))
