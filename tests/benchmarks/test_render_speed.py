"""Frames a second of the renderer, with and without writing the file."""

import time

import cv2
import pytest

from rppgbench_synthetic.synthetic_dataset import Synthetic

N_FRAMES = 150


@pytest.fixture
def dataset():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield Synthetic(subjects=1, recordings=("rest",), duration_s=N_FRAMES / 30.0)
    cv2.setNumThreads(threads)


@pytest.mark.benchmark(group="render 320x240", timer=time.process_time)
def test_frames_in_memory(benchmark, dataset):
    camera = dataset._camera(dataset.recordings()[0])
    n_frames = benchmark.pedantic(lambda: sum(1 for _ in camera.frames()), rounds=3, warmup_rounds=1)
    assert n_frames == N_FRAMES
    benchmark.extra_info["frames_per_cpu_s"] = N_FRAMES / benchmark.stats.stats.min


@pytest.mark.benchmark(group="render 320x240", timer=time.process_time)
def test_frames_into_a_file(benchmark, dataset, tmp_path):
    target = tmp_path / "x.avi"
    benchmark.pedantic(lambda: dataset.render(dataset.recordings()[0], target), rounds=3, warmup_rounds=1)
    assert target.stat().st_size > 0
    benchmark.extra_info["frames_per_cpu_s"] = N_FRAMES / benchmark.stats.stats.min
