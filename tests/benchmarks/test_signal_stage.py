"""CPU time a trace and a window of what comes after the frames, and ratios to plain loops in the same run."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.evaluation.labels import label_windows
from rppgbench.evaluation.score import HeartRateSettings, score_windows
from rppgbench.signal.beat_agreement import beat_agreement
from rppgbench.signal.beats import beat_times
from rppgbench.signal.similarity import macc
from rppgbench.signal.variability import variability
from rppgbench_classical.chrom import Chrom
from rppgbench_classical.green import Green
from rppgbench_classical.pos import Pos

FPS_HZ = 30.0
T = 900


def simulate(B: int, T: int) -> np.ndarray:
    random = np.random.RandomState(0)
    time_s = np.arange(T) / FPS_HZ
    blood = 0.003 * np.cos(2 * np.pi * random.uniform(0.8, 2.5, (B, 1)) * time_s)
    colours = np.array([150.0, 110, 90]) * (1 - blood[..., None] * np.array([0.33, 0.77, 0.53]))
    return colours + 0.1 * random.randn(B, T, 3)


def pos_by_loops(colours: np.ndarray) -> np.ndarray:
    window = math.ceil(1.6 * FPS_HZ)
    wave = np.zeros(len(colours))
    for m in range(len(colours) - window + 1):
        normalised = colours[m : m + window] / colours[m : m + window].mean(axis=0)
        s1 = normalised[:, 1] - normalised[:, 2]
        s2 = normalised[:, 1] + normalised[:, 2] - 2 * normalised[:, 0]
        h = s1 + s1.std() / s2.std() * s2
        wave[m : m + window] += h - h.mean()
    return wave


def cpu_s(work, rounds: int = 3) -> float:
    best = math.inf
    for _ in range(rounds):
        start_s = time.process_time()
        work()
        best = min(best, time.process_time() - start_s)
    return best


@pytest.mark.benchmark(group="one trace of 30 s", timer=time.process_time)
@pytest.mark.parametrize("method_class", [Green, Chrom, Pos])
def test_single_trace(benchmark, method_class):
    traces = simulate(1, T)
    waves = benchmark.pedantic(method_class().predict, (traces, FPS_HZ), rounds=20, iterations=5, warmup_rounds=1)
    assert waves.shape == (1, T)
    benchmark.extra_info["ms_per_trace"] = 1e3 * benchmark.stats.stats.min


@pytest.mark.benchmark(group="2,000 traces of 30 s", timer=time.process_time)
@pytest.mark.parametrize("method_class", [Green, Chrom, Pos])
def test_batch(benchmark, method_class):
    traces = simulate(2000, T)
    waves = benchmark.pedantic(method_class().predict, (traces, FPS_HZ), rounds=3, warmup_rounds=1)
    assert waves.shape == (2000, T)
    ms_per_trace = benchmark.stats.stats.min / 2
    benchmark.extra_info["ms_per_trace"] = ms_per_trace
    print(f"\n{method_class.__name__}: {ms_per_trace:.3f} ms a trace in a batch of 2,000", end="")


def test_pos_against_plain_loops(capsys):
    traces = simulate(200, T)
    loops_s = cpu_s(lambda: pos_by_loops(traces[0]), rounds=2)
    ours_s = cpu_s(lambda: Pos().predict(traces, FPS_HZ)) / len(traces)
    with capsys.disabled():
        print(f"\nPOS: {1e3 * ours_s:.3f} ms a trace, plain loops {1e3 * loops_s:.1f} ms: {loops_s / ours_s:.0f} x")
    assert loops_s > 50 * ours_s


@pytest.mark.parametrize("method_class", [Chrom, Pos])
def test_eight_times_the_frames_take_at_most_twelve_times_as_long(capsys, method_class):
    short, long = simulate(64, T), simulate(64, 8 * T)
    ratio = cpu_s(lambda: method_class().predict(long, FPS_HZ)) / cpu_s(lambda: method_class().predict(short, FPS_HZ))
    with capsys.disabled():
        print(f"\n{method_class.__name__}: 7,200 frames take {ratio:.1f} times as long as 900", end="")
    assert ratio < 12


@pytest.mark.benchmark(group="scores of 2,000 windows of 30 s", timer=time.process_time)
def test_scores(benchmark):
    times_s = np.arange(64 * 70) / 64 - 1
    truth = GroundTruth(samples=np.cos(2 * np.pi * 1.2 * times_s), times_s=times_s, kind="bvp")
    starts_s = np.linspace(0, 35, 2000)
    waves = np.cos(2 * np.pi * 1.2 * (starts_s[:, None] + np.arange(T) / FPS_HZ))
    waves += 0.7 * np.random.RandomState(0).randn(2000, T)
    settings = HeartRateSettings()
    arguments = (waves, FPS_HZ, starts_s, label_windows(truth, starts_s, T, FPS_HZ, settings), settings)
    rows = benchmark.pedantic(score_windows, arguments, rounds=3, warmup_rounds=1)
    assert {row["status"] for row in rows} == {"scored"}
    assert np.abs([row["error_bpm"] for row in rows]).mean() < 1
    print(f"\nscoring 2,000 windows: {benchmark.stats.stats.min:.2f} s", end="")


@pytest.mark.benchmark(group="2,000 windows of 30 s, part by part", timer=time.process_time)
@pytest.mark.parametrize("part", ["beats", "agreement of beats", "variability", "likeness of waves"])
def test_parts_of_a_score(benchmark, part):
    random, rates_hz = np.random.RandomState(0), np.full(2000, 1.2)
    phase = 1.2 * np.arange(T) / FPS_HZ + 0.05 * np.sin(2 * np.pi * 0.25 * np.arange(T) / FPS_HZ)
    truths = np.cos(2 * np.pi * (phase + random.rand(2000, 1)))
    waves = truths + 0.5 * random.randn(2000, T)
    theirs, ours = beat_times(truths, FPS_HZ, rates_hz), beat_times(waves, FPS_HZ, rates_hz)
    work = {
        "beats": lambda: beat_times(waves, FPS_HZ, rates_hz),
        "agreement of beats": lambda: [beat_agreement(*pair) for pair in zip(ours, theirs, strict=True)],
        "variability": lambda: [variability(beats_s, T / FPS_HZ) for beats_s in ours],
        "likeness of waves": lambda: macc(waves, truths, FPS_HZ),
    }[part]
    assert len(benchmark.pedantic(work, rounds=3, warmup_rounds=1)) == 2000
    us_a_window = 1e6 * benchmark.stats.stats.min / 2000
    benchmark.extra_info["us_a_window"] = us_a_window
    print(f"\n{part}: {us_a_window:.0f} us a window", end="")
