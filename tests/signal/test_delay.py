"""Delay of the face behind the sensor, against simulated truth."""

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


def rhythm(sdnn_s: float, mean_s: float = 0.8, end_s: float = LENGTH_S + 5) -> np.ndarray:
    """Beats with breathing at 0.23 Hz and Mayer waves at 0.1 Hz, of equal variance; none by chance."""
    beats_s = [-8.0]
    while beats_s[-1] < end_s:
        swing = np.sin(2 * np.pi * 0.23 * beats_s[-1]) + np.sin(2 * np.pi * 0.1 * beats_s[-1] + 1)
        beats_s.append(beats_s[-1] + mean_s + sdnn_s * swing)
    return np.array(beats_s)


def wave_of(beats_s: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    return pulse_at(np.interp(times_s, beats_s, np.arange(len(beats_s))))


def found_delay_s(sdnn_s: float, offset_s: float, kind: str = "bvp", noise: float = 1.0) -> float | None:
    """The delay found of a face ``offset_s`` behind its sensor, with as much noise as pulse in it."""
    beats_s = rhythm(sdnn_s)
    rate_hz = 256 if kind == "ecg" else 64
    times_s = np.arange(-5, LENGTH_S + 5, 1 / rate_hz)
    if kind == "bvp":
        samples = wave_of(beats_s, times_s)
    else:
        samples = np.exp(-0.5 * ((times_s[:, None] - beats_s) / 0.011) ** 2).sum(axis=1)
    truth = GroundTruth(samples=samples, times_s=times_s, kind=kind)
    pulse = wave_of(beats_s, FRAMES_S - offset_s)
    pulse = pulse + noise * pulse.std() * np.random.RandomState(1).randn(len(pulse))
    return median_delay_s(truth, skin(pulse), FPS_HZ)


CASES = [("ecg", 0.25), ("ecg", 0.12), ("bvp", -0.05), ("bvp", 0.08), ("bvp", 0.0)]


@pytest.mark.parametrize(("kind", "delay_s"), CASES)
def test_the_delay_of_the_face_is_found(kind, delay_s):
    assert median_delay_s(sensor(kind), skin(face(delay_s)), FPS_HZ) == pytest.approx(delay_s, abs=0.02)


@pytest.mark.parametrize("sdnn_s", [0.03, 0.07])
@pytest.mark.parametrize("offset_s", [0.6, 1.5, -0.8, -1.4])
def test_offset_clocks_are_found_if_the_rhythm_varies(sdnn_s, offset_s):
    assert found_delay_s(sdnn_s, offset_s) == pytest.approx(offset_s, abs=0.04)


@pytest.mark.parametrize("offset_s", [0.25, 1.05, -1.0])
def test_offset_clocks_of_an_ecg_are_found(offset_s):
    assert found_delay_s(0.05, offset_s, "ecg") == pytest.approx(offset_s, abs=0.04)


@pytest.mark.parametrize(("offset_s", "expected_s"), [(0.6, -0.2), (1.5, -0.1), (-0.8, 0.0)])
def test_of_a_regular_rhythm_the_delay_is_known_modulo_a_beat(offset_s, expected_s):
    assert found_delay_s(0.0, offset_s) == pytest.approx(expected_s, abs=0.04)


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
@pytest.mark.parametrize("sdnn_s", [0.0, 0.005, 0.015, 0.07])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_no_rhythm_and_no_noise_leads_away_from_a_delay_within_the_bounds(kind, sdnn_s, noise):
    assert found_delay_s(sdnn_s, 0.2, kind, noise) == pytest.approx(0.2, abs=0.06)


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
def test_a_gap_of_the_sensor_costs_no_delay(kind):
    whole = sensor(kind)
    keep = (whole.times_s < 22) | (whole.times_s > 27)
    truth = GroundTruth(samples=np.where(keep, whole.samples, np.nan), times_s=whole.times_s, kind=kind)
    assert median_delay_s(truth, skin(face(0.2)), FPS_HZ) == pytest.approx(0.2, abs=0.02)


def test_without_a_shared_segment_the_delay_is_none():
    colours = skin(face(0.25))
    assert median_delay_s(sensor("bvp", 100.0, 160.0), colours, FPS_HZ) is None
    assert median_delay_s(sensor("bvp"), np.full_like(colours, np.nan), FPS_HZ) is None
    assert median_delay_s(sensor("bvp"), colours[:200], FPS_HZ) == pytest.approx(0.25, abs=0.02)


def test_one_bad_segment_does_not_move_the_median():
    colours = skin(face(0.25))
    colours[600:900] = 0  # a hand before the camera
    assert median_delay_s(sensor("ecg"), colours, FPS_HZ) == pytest.approx(0.25, abs=0.02)


def test_samples_of_heart_rate_have_no_delay():
    truth = GroundTruth(samples=np.full(60, 72.0), times_s=np.arange(60.0), kind="hr")
    with pytest.raises(SignalError, match="kind 'hr' has no wave"):
        median_delay_s(truth, skin(face(0.2)), FPS_HZ)
