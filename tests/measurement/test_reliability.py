"""The reliability threshold, by a simulation as it was derived from, with another generator."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.measurement.reliability import least_snr_db, reason_for_doubt
from rppgbench.registry import load_registry
from rppgbench.signal.heart_rate import HeartRate, estimate_each

SKIN = np.array([150.0, 110.0, 90.0])


def noise_traces(memory: float, n: int, length: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    white = rng.standard_normal((n, length, 3))
    slow = np.empty_like(white)
    slow[:, 0] = white[:, 0]
    for t in range(1, length):
        slow[:, t] = memory * slow[:, t - 1] + np.sqrt(1 - memory**2) * white[:, t]
    return np.asarray(SKIN + 0.3 * slow)


def false_alarms(memory: float, window_s: float, n: int) -> float:
    traces = noise_traces(memory, n, round(window_s * 30))
    waves = load_registry().create("method", "pos").predict(traces, 30.0)
    found = [one for one in estimate_each(waves, 30.0) if isinstance(one, HeartRate)]
    return sum(reason_for_doubt(one.snr_db, one.spectrum_bpm, one.beats_bpm, window_s) is None for one in found) / n


@pytest.mark.parametrize("window_s", [10.0, 30.0])
def test_about_one_slow_noise_window_in_a_hundred_is_reliable(window_s: float) -> None:
    # 400 windows at 1 %: more than 12 have a probability of 1e-4.
    assert false_alarms(0.9, window_s, 400) <= 12 / 400


def test_white_noise_is_hardly_ever_reliable() -> None:
    assert false_alarms(0.0, 30.0, 300) == 0.0


def test_a_longer_window_needs_less() -> None:
    needed = [least_snr_db(length_s) for length_s in (5, 8, 12, 15, 25, 30, 60, 300)]
    assert needed == sorted(needed, reverse=True)


def test_doubts_say_why() -> None:
    assert reason_for_doubt(8.0, 72.0, 72.5, 30.0) is None
    assert "noise" in str(reason_for_doubt(-3.0, 72.0, 72.5, 30.0))
    assert "disagree: 72 and 95" in str(reason_for_doubt(8.0, 72.0, 95.0, 30.0))
