"""The memory of every stage must not grow with a recording's length: 10 s against 300 s of 1920x1080 at 60 frames/s.

    python tests/soak/long_recording.py
    python tests/soak/long_recording.py --seconds 60 --only boxes --only crop
    python tests/soak/long_recording.py --height 270          # the same clips, sooner: what follows the decoding
    python tests/soak/long_recording.py --folder /tmp/long     # keeps videos and store, and goes on from there

Writes two such recordings of one face and a protocol over them, and does each task of its plan in a process of its
own. Prints each stage's peak of resident memory for both lengths, and what of it was private to the process (rather
than pages of files, which the system takes back when it needs them). Ends with 1 where the peaks differ by more than
300 MB. Of MPEG-4 and H.265 the encoding alone is done. Needs Linux, 3 GB of disk, and some two hours of one core at
full size.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.run_stage import run_stage
from rppgbench.pipeline.task import Task
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import Registry, load_registry
from rppgbench.store.store import Store
from rppgbench.testing.rendered_cohort import RenderedCohort

if TYPE_CHECKING:
    from rppgbench.contracts import ByteArray

FPS_HZ, PULSE_HZ = 60, 1.2
RENDERED = (480, 270)
SHORT_S = 10
MOST_MB = 300.0
ENCODED_ALONE = ("mpeg4", "x265")
COLUMNS = ("subject", "session", "video", "truth", "column", "rate_hz", "kind")

PROTOCOL = """\
rppgbench: 1
name: long_recording
version: 1
title: A short and a long recording of one face
dataset: {use: manifest}
folds: {scheme: leave_one_subject_out}
conditions:
  reference: {use: original}
  grid:
    - {use: x264, preset: superfast, passes: 1, sweep: {bitrate_kbps: [1000]}}
    - {use: mpeg4, retries: 0, sweep: {bitrate_kbps: [1000]}}
    - {use: x265, preset: ultrafast, passes: 1, tolerance: 0.99, sweep: {bitrate_kbps: [1000]}}
clips: {length_s: 10.0, fps_hz: 30.0, size: [128, 128]}
training: {methods_learn_from: reference, enhancers_learn_from: [x264-1000k], seeds: [0]}
evaluation:
  heart_rate: {use: spectrum, band_hz: [0.7, 4.0]}
  metrics: [hr_mae_bpm, snr_db, delta_psnr_db]
  primary: hr_mae_bpm
  interval: {bootstrap: 100}
entries:
  - {method: pos}
  - {method: {use: rppgnet, size: small, recipe: &quick {iterations: 4, frames: 32}}}
  - {enhancer: {use: dncnn, size: small, recipe: *quick}, method: pos}
"""


@dataclass(frozen=True)
class Peak:
    """The most memory that a process held: all of it, and what was its own; and how long it ran."""

    resident_mb: float
    private_mb: float
    seconds: float


def face(registry: Registry, height: int) -> ByteArray:
    """``(H, W, 3)``: a rendered face, scaled up."""
    take = RenderedCohort(registry, size=RENDERED).take(1, fps_hz=30.0, duration_s=1.0, sensor="bvp")
    size = (height * 16 // 9, height)
    return np.asarray(cv2.resize(next(take.frames()), size, interpolation=cv2.INTER_CUBIC), np.uint8)


def pulsing(picture: ByteArray) -> Iterator[ByteArray]:
    """One beat: green goes up and down by 3 grey levels, and the head sways, without which neighbouring frames are
    alike and the check for displaced frames of the codecs has nothing to go by.
    """
    n_frames = round(FPS_HZ / PULSE_HZ)
    for index in range(n_frames):
        change = np.array([0, round(3 * np.sin(2 * np.pi * index / n_frames)), 0])
        sway_px = round(6 * np.sin(2 * np.pi * index / n_frames))
        yield (np.roll(picture, sway_px, axis=1) + change).clip(0, 255).astype(np.uint8)


def write_video(picture: ByteArray, path: Path, seconds: float) -> None:
    """H.264 whose one beat is encoded once and then repeated, packet by packet: minutes cost no more than a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS_HZ, options={"preset": "ultrafast", "crf": "18"})
        if not isinstance(stream, VideoStream):
            raise SystemExit("PyAV has no H.264 encoder")
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        frames = (av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in pulsing(picture))
        packets = [packet for frame in (*frames, None) for packet in stream.encode(frame)]
        payloads = [(bytes(packet), packet.is_keyframe) for packet in packets]
        for index in range(round(seconds * FPS_HZ)):
            payload, is_keyframe = payloads[index % len(payloads)]
            packet = av.Packet(payload)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, FPS_HZ), is_keyframe
            packet.pts = packet.dts = index
            packet.duration = 1
            container.mux(packet)


def write_dataset(root: Path, lengths_s: Sequence[int], height: int, registry: Registry) -> None:
    """A recording of each length, of a subject of its own, with its sensor, described by a table."""
    if (root / "manifest.csv").is_file():
        return
    root.mkdir(parents=True, exist_ok=True)
    picture = face(registry, height)
    rows = []
    for seconds in lengths_s:
        write_video(picture, root / f"{seconds}s.mp4", seconds)
        np.savetxt(root / f"{seconds}s.txt", np.sin(2 * np.pi * PULSE_HZ * np.arange(64 * seconds) / 64), fmt="%.4f")
        rows.append((f"p{seconds}", "rest", f"{seconds}s.mp4", f"{seconds}s.txt", "0", "64", "bvp"))
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def measured(task: Task, store: Store, folder: Path) -> Peak:
    """Do the task in a process of its own, as a worker would, and watch its memory."""
    (folder / "task.pickle").write_bytes(pickle.dumps((task, store)))
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, __file__, "--task", str(folder / "task.pickle")], env={**os.environ, **single}
    )
    resident_kb = private_kb = 0
    while process.poll() is None:
        status = status_kb(process.pid)
        resident_kb = max(resident_kb, status.get("VmHWM", 0))
        private_kb = max(private_kb, status.get("RssAnon", 0))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{task.label}: ended with exit code {process.returncode}")
    return Peak(resident_kb / 1024, private_kb / 1024, time.monotonic() - started)


def status_kb(pid: int) -> dict[str, int]:
    """Memory counters of a process in kB, from /proc; empty once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}


def do(path: Path) -> None:
    """Do the pickled task; one thread, as in a worker."""
    cv2.setNumThreads(1)
    task, store = pickle.loads(path.read_bytes())
    run_stage(task, store, load_registry())


def place(task: Task, lengths_s: Sequence[int]) -> tuple[str, str]:
    """The row of the table that both recordings have, and which of them this is.

    A fit learns from the one that its fold does not test: fold 0 tests the short one.
    """
    words, recording = task.label.split(), task.recording_id
    if task.stage in ("fit", "train"):
        at = words.index("fold")
        recording = f"p{lengths_s[1 - int(words[at + 1])]}-rest"
        del words[at : at + 2]
    return " ".join(word for word in words if word != recording), recording


def wanted(tasks: Sequence[Task], only: Sequence[str]) -> list[Task]:
    """The tasks to measure; with ``only``, those that have such a word in their label, and what they need."""
    chosen = [t for t in tasks if t.stage == "encode" or not any(codec in t.label for codec in ENCODED_ALONE)]
    by_key = {task.key: task for task in tasks}
    needed: set[str] = set()
    pending = [task.key for task in chosen if not only or set(only) & set(task.label.split())]
    while pending:
        key = pending.pop()
        if key in by_key and key not in needed:
            needed.add(key)
            pending.extend(by_key[key].inputs.values())
    return [task for task in tasks if task.key in needed]


def measure_all(folder: Path, seconds: int, height: int, only: Sequence[str]) -> dict[str, dict[str, Peak]]:
    """Peaks by row and recording."""
    registry = load_registry()
    data, text = folder / f"data-{seconds}-{height}", folder / "long_recording.yaml"
    write_dataset(data, (SHORT_S, seconds), height, registry)
    text.write_text(PROTOCOL, encoding="utf-8")
    store = Store.open(folder / "store")
    plan = make_plan(load_protocol(text, registry), store, roots={"manifest": data})
    peaks: dict[str, dict[str, Peak]] = {}
    for task in wanted(list(plan.tasks.values()), only):
        measured_before = folder / "peaks" / f"{task.key}.json"
        if not (store.has(task.key) and measured_before.is_file()):
            peak = measured(task, store, folder)
            measured_before.parent.mkdir(exist_ok=True)
            measured_before.write_text(json.dumps(asdict(peak)), encoding="utf-8")
        peak = Peak(**json.loads(measured_before.read_text(encoding="utf-8")))
        row, recording = place(task, (SHORT_S, seconds))
        peaks.setdefault(row, {})[recording] = peak
        print(f"{task.label}: {peak.resident_mb:.0f} MB, {peak.seconds:.1f} s", file=sys.stderr, flush=True)
    return peaks


def report(peaks: dict[str, dict[str, Peak]], seconds: int) -> bool:
    """Print the table; whether all is well."""
    short, long = f"p{SHORT_S}-rest", f"p{seconds}-rest"
    print(f"| stage | {SHORT_S} s, MB (private) | {seconds} s, MB (private) | difference, MB | seconds |")
    print("|---|---:|---:|---:|---:|")
    well = True
    for row, found in peaks.items():
        if short not in found or long not in found:
            for recording, peak in found.items():
                print(f"| {row}, {recording} alone | {trial(peak)} | | | {peak.seconds:.1f} |")
            continue
        one, other = found[short], found[long]
        grown_mb = other.resident_mb - one.resident_mb
        well = well and grown_mb <= MOST_MB
        print(f"| {row} | {trial(one)} | {trial(other)} | {grown_mb:+.0f} | {one.seconds:.1f}, {other.seconds:.1f} |")
    return well


def trial(peak: Peak) -> str:
    return f"{peak.resident_mb:.0f} ({peak.private_mb:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="length of the long recording")
    parser.add_argument("--height", type=int, default=1080, help="of the pictures, 16:9, in pixels")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="a stage or condition alone")
    parser.add_argument("--folder", type=Path, help="where videos and store are kept")
    parser.add_argument("--task", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        do(arguments.task)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not report(measure_all(folder, arguments.seconds, arguments.height, arguments.only), arguments.seconds):
            raise SystemExit(f"memory grows with the recording: by more than {MOST_MB:.0f} MB")


if __name__ == "__main__":
    main()
