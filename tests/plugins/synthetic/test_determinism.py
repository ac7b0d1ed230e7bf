"""The same bytes on every run, processor and number of threads."""

import hashlib
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from rppgbench_synthetic.synthetic_dataset import Synthetic

PARAMS = {"subjects": 2, "duration_s": 1.0, "motions": ("talk", "large")}
N_FRAMES = 10
# Of the first 10 frames and of the sensor of each recording, as every board so far was made with.
GOLDEN_FRAMES = "19aaca1c9c8e5cf90c56398c88ac253a7f7c734689f76270243edd6ab144a13b"
GOLDEN_TRUTH = "b11c4ef873f94eea4664803fe68d6c586b51f3ca76dbae5739fd407c9e5c4e23"

DIGEST = """
import hashlib, itertools, json, sys
import cv2
from rppgbench_synthetic.synthetic_dataset import Synthetic

cv2.setNumThreads(int(sys.argv[1]))
dataset = Synthetic(**json.loads(sys.argv[2]))
frames, truth = hashlib.sha256(), hashlib.sha256()
for recording in dataset.recordings():
    for frame in itertools.islice(dataset.frames(recording), int(sys.argv[3])):
        frames.update(frame.tobytes())
    sensor = dataset.ground_truth(recording)
    for values in (sensor.samples, sensor.times_s, sensor.beats_s):
        truth.update(values.astype("<f8").tobytes())
print(frames.hexdigest(), truth.hexdigest())
"""


def digests(threads=1, **environment):
    """Digests of frames and of ground truths, from a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", DIGEST, str(threads), json.dumps(PARAMS), str(N_FRAMES)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return tuple(done.stdout.split())


def numpy_features():
    """NumPy's instruction sets on this processor beyond the baseline."""
    return " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))


def test_bytes_are_those_of_the_boards():
    assert digests() == (GOLDEN_FRAMES, GOLDEN_TRUTH)


@pytest.mark.parametrize(
    ("threads", "environment"),
    [
        pytest.param(4, {}, id="threads"),
        pytest.param(1, {"NPY_DISABLE_CPU_FEATURES": numpy_features()}, id="numpy-baseline"),
        pytest.param(
            1, {"OPENCV_CPU_DISABLE": "AVX512_SKX,AVX2,AVX,FMA3,SSSE3", "OPENCV_IPP": "disabled"}, id="opencv"
        ),
    ],
)
def test_bytes_do_not_depend_on_the_processor(threads, environment):
    assert digests(threads, **environment) == (GOLDEN_FRAMES, GOLDEN_TRUTH)


def test_a_recording_does_not_depend_on_earlier_renderings():
    def digest(dataset, recording):
        frames = itertools.islice(dataset.frames(recording), 3)
        return hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()

    forth, back = Synthetic(subjects=2, duration_s=1.0), Synthetic(subjects=2, duration_s=1.0)
    first = [digest(forth, recording) for recording in forth.recordings()]
    second = [digest(back, recording) for recording in reversed(back.recordings())]
    assert first == second[::-1]


def test_files_are_the_same_twice_and_seeds_differ(tmp_path):
    def rendered(name, seed):
        dataset = Synthetic(subjects=1, duration_s=0.3, seed=seed)
        dataset.render(dataset.recordings()[0], tmp_path / name)
        return (tmp_path / name).read_bytes()

    assert rendered("a.avi", 0) == rendered("b.avi", 0) != rendered("c.avi", 1)
