"""A test dataset: one folder a subject, ten seconds of skin with a pulse of a known rate.

``<subject>/video.avi`` and ``<subject>/pulse.csv``: a first line with how long the video lasts by the sensor, then
lines of time and value.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rppgbench.contracts import Absent, DatasetSpec, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable
from rppgbench.hookspecs import hookimpl
from rppgbench.media import lossless

FPS_HZ, LENGTH_S, SENSOR_HZ = 20.0, 10.0, 50.0
SUBJECTS = ("s1", "s2", "s3", "s4")
RATES_HZ = {"s1": 1.0, "s2": 1.3, "s3": 1.6}  # s4 is published and not here


class Sheets:
    """The loader; ``part`` is the part of each video, ``clock_files`` name files of frame times."""

    length_s = LENGTH_S
    part: tuple[int, int | None] = (0, None)
    clock_files: tuple[Path, ...] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        if not list(root.glob("s*/*")):
            raise DatasetUnavailable(f"{root}: looked for s*/video.avi", hint="point to the folder that holds them")

    def recordings(self):
        here = [name for name in SUBJECTS if all(path.is_file() for path in self._files(name))]
        return [
            Recording(
                id=f"{name}-rest", subject=name, session="rest", fps_hz=FPS_HZ, duration_s=self._length_s(),
                path=self._files(name)[0], frames_are_skin=True, source="lossless", part=self.part,
                truth_files=(self._files(name)[1],), clock_files=self.clock_files, tags={"light": "lamp"},
            )
            for name in here
        ]  # fmt: skip

    def ground_truth(self, recording):
        path = self._files(recording.subject)[1]
        head, *lines = path.read_text().split()
        if not head.startswith("video_s="):
            raise DatasetUnavailable(f"{path}:1: found {head!r}, expected video_s=...", hint="copy the file again")
        times_s, samples = np.array([line.split(",") for line in lines], float).reshape(-1, 2).T
        video_s = head.removeprefix("video_s=")
        return GroundTruth(
            samples=samples, times_s=times_s, kind="bvp", video_s=float(video_s) if video_s else None,
            doubts=("the table was typed by hand",) if path.with_name("typed").exists() else (),
        )  # fmt: skip

    def inventory(self):
        absent = [
            Absent(id=f"{name}-rest", subject=name, path=path, reason="no such file", remedy="copy it")
            for name in SUBJECTS
            for path in self._files(name)
            if not path.is_file()
        ]
        known = {path for name in SUBJECTS for path in self._files(name)}
        extra = [path for path in sorted(self.root.glob("s*/*")) if path not in known and path.name != "typed"]
        return Inventory(
            subjects=SUBJECTS, n_recordings=4, absent=tuple(absent), extra=tuple(extra), notes=("s5 never came",)
        )

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.root / name / "video.avi", self.root / name / "pulse.csv"

    def _length_s(self) -> float:
        first, end = self.part
        n_frames = round(self.length_s * FPS_HZ)
        return ((n_frames if end is None else end if end > 0 else n_frames + end) - first) / FPS_HZ


@hookimpl
def rppgbench_datasets():
    yield DatasetSpec(name="sheets", factory="sheets:Sheets", summary="skin", license="ours", how_to_get="ask the lab")


def write_subject(root: Path, name: str) -> None:
    (root / name).mkdir()
    write_video(root / name / "video.avi", RATES_HZ[name])
    write_truth(root / name / "pulse.csv", *pulse(RATES_HZ[name]))


def write_video(path: Path, rate_hz: float, length_s: float = LENGTH_S) -> None:
    """Skin whose green goes down by up to 1.2 grey levels at systole, with noise of 2."""
    rng = np.random.RandomState(round(100 * rate_hz))
    beats = np.sin(2 * np.pi * rate_hz * np.arange(round(length_s * FPS_HZ)) / FPS_HZ)
    share = np.array([0.3, 1.2, 0.8])
    skin = (np.array([190.0, 135.0, 105.0]) - share * beat for beat in beats)
    lossless.write_lossless(
        (np.rint(rng.normal(colour, 2.0, (32, 32, 3))).astype(np.uint8) for colour in skin), path, FPS_HZ
    )


def pulse(rate_hz: float, length_s: float = LENGTH_S) -> tuple[np.ndarray, np.ndarray]:
    """Times and samples of the sensor, aligned with the video."""
    times_s = np.arange(round(length_s * SENSOR_HZ)) / SENSOR_HZ
    return times_s, np.sin(2 * np.pi * rate_hz * times_s)


def write_truth(path: Path, times_s: np.ndarray, samples: np.ndarray, video_s: float | None = LENGTH_S) -> None:
    rows = "\n".join(f"{time:.4f},{value:.6f}" for time, value in zip(times_s, samples, strict=True))
    path.write_text(f"video_s={'' if video_s is None else video_s}\n{rows}\n")
