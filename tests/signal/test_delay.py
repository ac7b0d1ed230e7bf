"""How late the face is behind the sensor, against simulated truth."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.signal.delay import median_delay_s

FPS_HZ, LENGTH_S = 30.0, 60.0
FRAMES_S = np.arange(int(FPS_HZ * LENGTH_S)) / FPS_HZ


def cycles(times_s):
    """Heart beats since 0 s: 72 bpm with a respiratory swing of 6 bpm, so that no beat is like the next."""
    return 1.2 * times_s + 0.1 / (2 * np.pi * 0.25) * np.sin(2 * np.pi * 0.25 * times_s)


def pulse_at(phase):
    """Volume over a beat: its crest at the beat, and a second harmonic of 0.3, which moves no crest."""
    return np.cos(2 * np.pi * phase) + 0.3 * np.cos(4 * np.pi * phase)


def sensor(kind: str, start_s: float = -5.0, end_s: float = LENGTH_S + 5) -> GroundTruth:
    if kind == "bvp":
        times_s = np.arange(start_s, end_s, 1 / 64)
        wander = 3 * np.sin(2 * np.pi * 0.1 * times_s)
        return GroundTruth(samples=wander + pulse_at(cycles(times_s)), times_s=times_s, kind="bvp")
    times_s = np.arange(start_s, end_s, 1 / 256)
    phase = (cycles(times_s) + 0.5) % 1 - 0.5  # of a beat, 0 at its R-peak
    samples = np.exp(-0.5 * (phase / 0.013) ** 2) + 0.3 * np.exp(-0.5 * ((phase - 0.3) / 0.05) ** 2)
    return GroundTruth(samples=samples, times_s=times_s, kind="ecg")


def face(delay_s: float) -> np.ndarray:
    """The face's pulse, systole up, ``delay_s`` behind the sensor's."""
    return pulse_at(cycles(FRAMES_S - delay_s))


def skin(pulse: np.ndarray) -> np.ndarray:
    """``(T, 3)`` colours of a face whose green darkens by 1 % at systole, in light that flickers by 5 %."""
    light = 1 + 0.05 * np.sin(2 * np.pi * 1.4 * FRAMES_S)
    noise = np.random.RandomState(0).normal(0, 0.05, (len(pulse), 3))
    levels = np.array([160.0, 110.0, 90.0]) * (1 - pulse[:, None] * np.array([0.002, 0.01, 0.006]))
    return light[:, None] * levels + noise


CASES = [("ecg", 0.25), ("ecg", 0.12), ("bvp", -0.05), ("bvp", 0.08), ("bvp", 0.0)]


@pytest.mark.parametrize(("kind", "delay_s"), CASES)
def test_the_delay_of_the_face_is_found(kind, delay_s):
    assert median_delay_s(sensor(kind), skin(face(delay_s)), FPS_HZ) == pytest.approx(delay_s, abs=0.02)


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
def test_a_gap_of_the_sensor_costs_no_delay(kind):
    whole = sensor(kind)
    keep = (whole.times_s < 22) | (whole.times_s > 27)
    truth = GroundTruth(samples=np.where(keep, whole.samples, np.nan), times_s=whole.times_s, kind=kind)
    assert median_delay_s(truth, skin(face(0.2)), FPS_HZ) == pytest.approx(0.2, abs=0.02)


def test_without_a_shared_stretch_the_delay_is_none():
    colours = skin(face(0.25))
    assert median_delay_s(sensor("bvp", 100.0, 160.0), colours, FPS_HZ) is None
    assert median_delay_s(sensor("bvp"), np.full_like(colours, np.nan), FPS_HZ) is None
    assert median_delay_s(sensor("bvp"), colours[:200], FPS_HZ) == pytest.approx(0.25, abs=0.02)


def test_one_bad_stretch_does_not_move_the_median():
    colours = skin(face(0.25))
    colours[600:900] = 0  # a hand before the camera
    assert median_delay_s(sensor("ecg"), colours, FPS_HZ) == pytest.approx(0.25, abs=0.02)


def test_samples_of_heart_rate_have_no_delay():
    truth = GroundTruth(samples=np.full(60, 72.0), times_s=np.arange(60.0), kind="hr")
    with pytest.raises(SignalError, match="kind 'hr' has no wave"):
        median_delay_s(truth, skin(face(0.2)), FPS_HZ)
