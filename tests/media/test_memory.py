"""Memory that does not grow with a recording's length: 10 s against 60 s of the same face, each in its own process."""

from __future__ import annotations

import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from rppgbench.media.face_detection import Box, find_faces
from rppgbench.testing.rendered_cohort import write_video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads peaks of memory from /proc")

FPS_HZ, SHORT_S, LONG_S, EVERY_S = 30, 10, 60, 0.5
# A process's peak is the same to 2 MB each time. Of 50 s more, what is cut for the traces adds up to 25 MB, crops to
# 41 MB, whole frames to 173 MB as they are decoded and to 346 MB as RGB.
MAX_GROWTH_MB = 15.0

STAGES = {
    "find_faces": f"len(find_faces(video, every_s={EVERY_S}).times_s)",
    "measure_traces": "len(measure_traces(video, box).times_s)",
    "write_crops": f"write_crops(video, box, (96, 96), {FPS_HZ}, video.with_suffix('.npy'))",
}
KEEP_ALL = "len([frame.picture for frame in frames(video)])"
PROCESS = """\
import re, sys
from pathlib import Path
from rppgbench.media.box import Box
from rppgbench.media.crop import write_crops
from rppgbench.media.decode import frames
from rppgbench.media.face_detection import find_faces
from rppgbench.media.traces import measure_traces
video, box = Path(sys.argv[1]), Box(*map(float, sys.argv[2:]))
print({stage})
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """320x240 at either length: a face whose green goes through a beat of 25 frames, over and over."""
    face = astronaut()[0:240, 60:380].astype(int)  # type: ignore[no-untyped-call]
    beat = [np.array([0, round(4 * np.sin(2 * np.pi * index / 25)), 0]) for index in range(25)]
    pictures = [(face + change).clip(0, 255).astype(np.uint8) for change in beat]
    paths = {seconds: tmp_path_factory.mktemp("memory") / "face.mp4" for seconds in (SHORT_S, LONG_S)}
    for seconds, path in paths.items():
        frames = islice(cycle(pictures), seconds * FPS_HZ)
        write_video(frames, path, FPS_HZ, encoder="libx264", pix_fmt="yuv420p", options={"preset": "ultrafast"})
    return paths


@pytest.fixture(scope="module")
def box(videos: dict[int, Path]) -> Box:
    return find_faces(videos[SHORT_S]).fixed(0.25)


def measured(stage: str, video: Path, box: Box) -> tuple[int, float]:
    """Number of pictures that a process handled, and its peak of resident memory in MB."""
    command = [sys.executable, "-c", PROCESS.format(stage=stage), str(video), *map(str, box.sides)]
    count, peak_kb = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(count), int(peak_kb) / 1024


@pytest.mark.parametrize("stage", STAGES)
def test_a_long_video_takes_no_more_memory_than_a_short_one(stage: str, videos: dict[int, Path], box: Box) -> None:
    found = {seconds: measured(STAGES[stage], video, box) for seconds, video in videos.items()}
    rate_hz = 1 / EVERY_S if stage == "find_faces" else FPS_HZ
    assert {seconds: count for seconds, (count, _) in found.items()} == {s: round(s * rate_hz) for s in videos}
    assert found[LONG_S][1] - found[SHORT_S][1] < MAX_GROWTH_MB


def test_a_process_that_keeps_its_frames_is_caught(videos: dict[int, Path], box: Box) -> None:
    """The test of the test: 1500 frames more of 115,200 bytes."""
    (_, short_mb), (_, long_mb) = (measured(KEEP_ALL, video, box) for video in videos.values())
    assert long_mb - short_mb > 150
