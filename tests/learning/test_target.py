"""The target wave, aligned with the face, against simulated truth."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.learning.target import target_wave

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


CASES = [("ecg", 0.25), ("ecg", 0.12), ("bvp", -0.05), ("bvp", 0.08), ("bvp", 0.0)]


@pytest.mark.parametrize(("kind", "delay_s"), CASES)
def test_the_target_is_aligned_with_the_face(kind, delay_s):
    truth, pulse = sensor(kind), face(delay_s)
    wave = target_wave(truth, delay_s, len(pulse), FPS_HZ)
    assert wave.shape == pulse.shape
    assert np.corrcoef(wave, pulse)[0, 1] > 0.95
    if abs(delay_s) > 0.1:
        assert np.corrcoef(target_wave(truth, 0.0, len(pulse), FPS_HZ), pulse)[0, 1] < 0.9


def test_a_bvp_loses_its_wander():
    wave = target_wave(sensor("bvp"), 0.0, len(FRAMES_S), FPS_HZ)
    slow = np.abs(np.fft.rfft(wave))[int(0.1 * LENGTH_S)]
    assert slow < 0.05 * np.abs(np.fft.rfft(wave)).max()


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
@pytest.mark.parametrize("delay_s", [0.0, 0.25])
def test_the_target_is_nan_outside_the_sensors_samples(kind, delay_s):
    wave = target_wave(sensor(kind, 10.0, 40.0), delay_s, len(FRAMES_S), FPS_HZ)
    seen_s = FRAMES_S - delay_s  # on the sensor's clock
    assert np.isfinite(wave[(seen_s > 10.05) & (seen_s < 39.9)]).all()
    assert np.isnan(wave[(seen_s < 9.45) | (seen_s > 40.55)]).all()


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
def test_a_gap_of_the_sensor_is_a_gap_of_the_target(kind):
    whole = sensor(kind)
    keep = (whole.times_s < 22) | (whole.times_s > 27)
    samples = np.where(keep, whole.samples, np.nan)
    truth = GroundTruth(samples=samples, times_s=whole.times_s, kind=kind)
    wave = target_wave(truth, 0.2, len(FRAMES_S), FPS_HZ)
    assert np.isnan(wave[(FRAMES_S > 23) & (FRAMES_S < 26)]).all()
    assert np.isfinite(wave[(FRAMES_S < 21) | (FRAMES_S > 28)]).all()
