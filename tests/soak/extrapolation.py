"""Cost of OBF as published and of a collection a hundred times as large: planned by the real planner, not run.

    python -m tests.soak.extrapolation                                   # obf_compressed, 200 recordings
    python -m tests.soak.extrapolation --protocol obf_original
    python -m tests.soak.extrapolation --recordings 1000                 # planner's time and memory at another size

Writes a copy of OBF of files that look the size of the real ones and hold one picture (sparse: they take no disk), with
a table that says how long they last. Digests are of names here, because reading 150 GB of zeros would measure nothing.

Core-hours are the plan's own, by rule of thumb. Hours of networks are operations, counted by torch on one training step
and one prediction of each network at the paper's size, times what the plan draws and predicts, over GPU_FLOP_PER_S:
computed, not measured on any GPU. Needs a file system with sparse files.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import av
import numpy as np
import psutil
from av.video.stream import VideoStream

from rppgbench.pipeline.cost_model import StageEstimate, estimate_costs
from rppgbench.pipeline.disk_budget import disk_peak
from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.stage_settings import CORE_FLOP_PER_S, GPU_FLOP_PER_S
from rppgbench.pipeline.stages.predict_stage import PredictSettings
from rppgbench.pipeline.stages.train_stage import TrainSettings
from rppgbench.pipeline.task import Task
from rppgbench.protocol.protocol_library import find_protocol
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.store import source_digests
from rppgbench.store.store import Store
from rppgbench.text import format_bytes
from tests.soak.operations import Operations, operations

FPS_HZ, DURATION_S, WIDTH, HEIGHT = 60, 300.0, 1920, 1080
VIDEO_BYTES, TRUTH_BYTES = 750_000_000, 2_500_000  # 20 Mb/s; ECG, BVP and respiration at 256 Hz as text
SESSIONS = ("rest", "exercise")
COLUMNS = "subject,session,video,fps_hz,duration_s,truth,column,rate_hz,kind"
MACHINES = {"laptop, 2 cores": (2, 0), "box, 16 cores + 2 GPUs": (16, 2), "cluster, 160 cores + 4 GPUs": (160, 4)}
SHARED_BYTES_PER_S = 1e9  # of a shared file system, for all together


def write_collection(root: Path, n_recordings: int) -> None:
    """Recordings that the header and the table say are OBF's."""
    root.mkdir(parents=True)
    picture, rows = one_picture(root / "picture.avi"), [COLUMNS]
    (root / "truth.csv").touch()
    os.truncate(root / "truth.csv", TRUTH_BYTES)
    for number in range(n_recordings):
        subject, session = f"{number // 2 + 1:05d}", SESSIONS[number % 2]
        video = f"{subject}_{session}.avi"
        (root / video).write_bytes(picture)
        os.truncate(root / video, VIDEO_BYTES)
        rows.append(f"{subject},{session},{video},{FPS_HZ},{DURATION_S:g},truth.csv,0,256,ecg")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def one_picture(path: Path) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS_HZ)
        if not isinstance(stream, VideoStream):
            raise SystemExit("PyAV has no MPEG-4 encoder")
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    content = path.read_bytes()
    path.unlink()
    return content


def planned(protocol: str, root: Path, store: Store) -> tuple[Plan, float]:
    """The plan, and the CPU seconds it took; files are distinguished by their names."""
    loaded = load_protocol(find_protocol(protocol), load_registry())
    with mock.patch.object(source_digests, "_digest", lambda path: f"{abs(hash(path.name)):040x}"[-40:]):
        started = time.process_time()
        plan = make_plan(loaded, store, roots={"obf": root})
        return plan, time.process_time() - started


def gpu_hours(plan: Plan, counted: Mapping[str, Operations]) -> dict[str, float]:
    """Hours of one GPU by kind of task."""
    height, width = plan.protocol.clips.size
    lasting_s = {recording.id: recording.duration_s for local in plan.datasets for recording in local.recordings}
    hours: dict[str, float] = defaultdict(float)
    for task in plan.tasks.values():
        settings = task.settings
        if isinstance(settings, TrainSettings):
            name = (settings.enhancer or settings.trained("method")).use
            frames = sum(lasting_s[one] for one in settings.recordings) * settings.fps_hz * len(settings.conditions)
            pixels = settings.recipe.n_clips(frames) * settings.recipe.frames * height * width
            joint = settings.role == "joint"
            per_pixel = counted[name].joint if joint else counted[name].step
            kind = f"train {name}" + (" jointly" if joint else "")
        elif isinstance(settings, PredictSettings) and settings.compute is not None:
            parts = [part for part in (settings.method, settings.enhancer) if part]
            names = [part.use for part in parts if f"{part.kind} state" in task.inputs]
            pixels = settings.windows.duration_s * settings.windows.fps_hz * height * width
            per_pixel = sum(counted[name].forward for name in names)
            kind = f"predict {' before '.join(reversed(names))}"
        else:
            continue
        hours[kind] += pixels * per_pixel / GPU_FLOP_PER_S / 3600
    return hours


def report(plan: Plan, stages: Sequence[StageEstimate], hours: Mapping[str, float], to_do: Sequence[Task]) -> None:
    print("| stage | tasks | core-hours without networks | read | written |\n|---|---:|---:|---:|---:|")
    for stage in stages:
        core_h = (stage.seconds - stage.network_seconds) / 3600
        print(f"| {stage.stage} | {stage.total} | {core_h:.1f} | {format_bytes(stage.bytes_in)} | "
              f"{format_bytes(stage.bytes_out)} |")  # fmt: skip
    core_h = sum(stage.seconds - stage.network_seconds for stage in stages) / 3600
    read, written = sum(stage.bytes_in for stage in stages), sum(stage.bytes_out for stage in stages)
    print(f"| all | {len(plan.tasks)} | {core_h:.1f} | {format_bytes(read)} | {format_bytes(written)} |\n")
    print("| networks at the paper's size | GPU-hours |\n|---|---:|")
    for kind, value in hours.items():
        print(f"| {kind} | {value:.0f} |")
    all_h = sum(hours.values())
    print(f"| all | {all_h:.0f} |\n")
    print("| machine | other cores, h | GPUs, h | moved at 1 GB/s, h |\n|---|---:|---:|---:|")
    moved_h = (read + written) / SHARED_BYTES_PER_S / 3600
    for name, (cores, gpus) in MACHINES.items():
        network_h = all_h / gpus if gpus else all_h * GPU_FLOP_PER_S / CORE_FLOP_PER_S / cores
        print(f"| {name} | {core_h / cores:.0f} | {network_h:.0f} | {moved_h:.1f} |")
    for workers in (2, 18, 164):
        peak = disk_peak(to_do, workers=workers)
        print(f"disk at the peak of {workers} workers: {format_bytes(peak.whole_bytes)}, or "
              f"{format_bytes(peak.least_bytes)} where clips go after their last reader")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", default="obf_compressed")
    parser.add_argument("--recordings", type=int, default=200)
    arguments = parser.parse_args()
    n_recordings, name = arguments.recordings, arguments.protocol
    with tempfile.TemporaryDirectory() as temporary:
        root, store = Path(temporary) / "obf", Store.open(Path(temporary) / "store")
        write_collection(root, n_recordings)
        before = resident_mb()
        plan, seconds = planned(name, root, store)
        taken_mb, thousands = resident_mb() - before, len(plan.tasks) / 1000
        print(f"{name}, {n_recordings} recordings: {len(plan.tasks)} tasks planned in {seconds:.0f} CPU s")
        print(f"and {taken_mb:.0f} MB: {seconds / thousands:.2f} s and {taken_mb / thousands:.1f} MB per 1,000")
        started = time.process_time()
        to_do = plan.wanted(store)
        stages = estimate_costs(plan, store, to_do)
        print(f"what is there and what it will take: {time.process_time() - started:.0f} CPU s\n")
        report(plan, stages, gpu_hours(plan, operations()), to_do)


def resident_mb() -> float:
    """Resident memory of this process in MB."""
    return float(psutil.Process().memory_info().rss) / 1e6


if __name__ == "__main__":
    main()
