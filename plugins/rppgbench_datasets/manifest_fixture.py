"""Fixture of ``manifest.csv`` with rendered recordings."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording, write_video
from rppgbench_datasets.manifest_table import MANIFEST

HEADER = ("subject", "session", "video", "fps_hz", "truth", "column", "rate_hz", "time_column", "offset_s", "kind")
ECG_HZ, BVP_HZ = 256.0, 64.0
WEBCAM_BPS = 3e6
BVP_OFFSET_S = -0.75  # the sensor was switched on that long before the camera


def write(root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float) -> dict[str, RenderedRecording]:
    """Write ``manifest.csv`` and its files."""
    (root / "videos").mkdir(parents=True, exist_ok=True)
    (root / "sensors").mkdir(exist_ok=True)
    kinds: tuple[Callable[..., tuple[RenderedRecording, dict[str, Any]]], ...] = (_ecg, _bvp, _hr)
    rendered_by_id: dict[str, RenderedRecording] = {}
    rows = []
    for number in range(1, n_subjects + 1):
        rendered, described = kinds[(number - 1) % 3](root, cohort, number, duration_s)
        rows.append({"subject": f"p{number}", "session": "rest", "tag_motion": "small", **described})
        rendered_by_id[f"p{number}-rest"] = rendered
    write_table(root / MANIFEST, (*HEADER, "tag_motion"), rows)
    return rendered_by_id


def write_table(path: Path, header: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV table; missing values stay empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _ecg(
    root: Path, cohort: RenderedCohort, number: int, duration_s: float
) -> tuple[RenderedRecording, dict[str, Any]]:
    """An ECG without times or names of columns, and a lossless video."""
    rendered = cohort.take(number, fps_hz=30.0, duration_s=duration_s, sensor="ecg")
    video, truth = f"videos/p{number}.mkv", f"sensors/p{number}.txt"
    write_video(rendered.frames(), root / video, rendered.fps_hz, encoder="ffv1", pix_fmt="bgr0")
    np.savetxt(root / truth, rendered.sensor(np.arange(round(duration_s * ECG_HZ)) / ECG_HZ), fmt="%.6f")
    return rendered, {"video": video, "truth": truth, "fps_hz": 30, "column": 0, "rate_hz": ECG_HZ, "kind": "ecg"}


def _bvp(
    root: Path, cohort: RenderedCohort, number: int, duration_s: float
) -> tuple[RenderedRecording, dict[str, Any]]:
    """A BVP with unevenly spaced times on a clock of its own, and a phone's video."""
    rendered = cohort.take(number, fps_hz=30.0, duration_s=duration_s, sensor="bvp")
    video, truth = f"videos/p{number}.mp4", f"sensors/p{number}.csv"
    write_video(
        rendered.frames(), root / video, rendered.fps_hz, encoder="libx264", pix_fmt="yuv420p", options={"crf": "10"}
    )
    n_samples = round((duration_s - BVP_OFFSET_S) * BVP_HZ)
    sway = 0.2 * np.sin(np.arange(n_samples))
    times_s = (np.arange(n_samples) + sway) / BVP_HZ
    samples = rendered.sensor(times_s + BVP_OFFSET_S)
    rows = [{"time_s": f"{time:.5f}", "bvp": f"{sample:.6f}"} for time, sample in zip(times_s, samples, strict=True)]
    write_table(root / truth, ("time_s", "bvp"), rows)
    described = {"column": "bvp", "time_column": "time_s", "offset_s": BVP_OFFSET_S, "kind": "bvp"}
    return rendered, {"video": video, "truth": truth, **described}


def _hr(root: Path, cohort: RenderedCohort, number: int, duration_s: float) -> tuple[RenderedRecording, dict[str, Any]]:
    """Heart rates of each second in beats a minute, and a webcam's video."""
    rendered = cohort.take(number, fps_hz=25.0, duration_s=duration_s, sensor="bvp")
    video, truth = f"videos/p{number}.avi", f"sensors/p{number}.csv"
    write_video(
        rendered.frames(), root / video, rendered.fps_hz, encoder="mjpeg", pix_fmt="yuvj420p", bitrate_bps=WEBCAM_BPS
    )
    seconds = np.arange(0.0, duration_s + 1)
    rates = 60.0 * np.diff(np.interp(seconds, rendered.beats_s, np.arange(len(rendered.beats_s))))
    rows = [{"time_s": f"{time:g}", "hr_bpm": f"{rate:.2f}"} for time, rate in zip(seconds[:-1], rates, strict=True)]
    write_table(root / truth, ("time_s", "hr_bpm"), rows)
    return rendered, {"video": video, "truth": truth, "column": "hr_bpm", "time_column": "time_s", "kind": "hr"}
