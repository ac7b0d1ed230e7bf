"""UBFC-rPPG, second part ("realistic"): 42 people for about a minute each, playing a game against the clock.

```
DATASET_2/subject<N>/vid.avi             raw 8-bit video, 640x480, nominally 30 frames a second, in fact 28-30
DATASET_2/subject<N>/ground_truth.txt    three lines: blood volume pulse (standardised), heart rate, time in seconds
```

From the owner's README and public loaders. Sample i was taken with frame i, so line 3 is the clock of the frames, and
it replaces the container's mean rate where there are as many times as frames; elsewhere the container's rate is used,
with a doubt. The owner says not to use the heart rate of line 2. Downloads are often cut off.
To be checked against a real copy: the container's rate, how far it is from line 3, and that the game was played.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench_datasets.header import Header, read_header
from rppgbench_datasets.layout import extra
from rppgbench_datasets.presence import absent, demand_files, demand_root
from rppgbench_datasets.sensor_file import numbers
from rppgbench_datasets.stamps import advancing, lasts_s, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

FOLDER, VIDEO, TRUTH = "DATASET_2", "vid.avi", "ground_truth.txt"
SUBJECTS = tuple(f"subject{number}" for number in (1, 3, 4, 5, *range(8, 19), 20, *range(22, 28), *range(30, 50)))
FIXTURE_FPS_HZ = 29.5

_LINES = ("pulse", "heart rate", "time in s")
_CLOCKS_DIFFER = 0.01
_NOTES = (
    "images of subjects 21 and 27 must not be published (owner's README)",
    "the sensor's own heart rate (line 2) is not used, as the owner asks: rates are derived from the pulse",
    "subjects 2, 6, 7, 19, 21, 28 and 29 are in no published list: nothing is missing without them",
)


class UbfcRppg:
    """Recordings of ``root``, which is the folder DATASET_2 or the one above it."""

    def __init__(self, root: Path) -> None:
        looked_for = f"subject<N>/{VIDEO} and subject<N>/{TRUTH}, or {FOLDER} with them"
        demand_root(root, lambda folder: _holds(folder) or _holds(folder / FOLDER), looked_for)
        self.root = root if _holds(root) else root / FOLDER

    def recordings(self) -> Sequence[Recording]:
        return [self._recording(name, header) for name, header in self._found[0].items()]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        """The pulse at the times of line 3, counted from the first of them.

        Raises:
            DatasetUnavailable: the file is cut off, holds what is no number, or its times run backwards.
        """
        path, header = self.root / recording.id / TRUTH, read_header(self.root / recording.id / VIDEO)
        pulse, _, stamps_s = _lines(path)
        later = advancing(stamps_s, _place(path))
        times_s = spread(stamps_s, later)
        sensor_s, header_s = lasts_s(times_s), header.duration_s
        doubts = []
        if len(times_s) != _n_frames(header):
            doubts.append(f"{len(times_s)} samples for {_n_frames(header)} frames: frames are timed by the container")
        if abs(sensor_s / header_s - 1) > _CLOCKS_DIFFER:
            doubts.append(f"the video lasts {sensor_s:.1f} s by the sensor's clock and {header_s:.1f} s by its header")
        if not later.all():
            doubts.append(f"{int((~later).sum())} samples that repeat a time are left out")
        return GroundTruth(
            samples=pulse[later], times_s=times_s[later], kind="bvp", video_s=sensor_s, doubts=tuple(doubts)
        )

    def frame_times_s(self, recording: Recording) -> NDArray[np.float64]:
        """``(T,)`` line 3 counted from its first time; frames that repeat a time move towards the next one."""
        path = self.root / recording.id / TRUTH
        stamps_s = _lines(path)[2]
        return spread(stamps_s, advancing(stamps_s, _place(path)))

    def inventory(self) -> Inventory:
        return Inventory(
            subjects=SUBJECTS,
            n_recordings=len(SUBJECTS),
            absent=self._found[1],
            extra=extra(self.root, self._belongs),
            notes=_NOTES,
        )

    @functools.cached_property
    def _found(self) -> tuple[dict[str, Header], tuple[Absent, ...]]:
        headers, missing = {}, []
        for name in SUBJECTS:
            files = [self.root / name / file for file in (VIDEO, TRUTH)]
            try:
                demand_files(files, lambda path: path.name in SUBJECTS or self._belongs(path))
                headers[name] = read_header(files[0])
            except RppgbenchError as error:
                missing.append(absent(name, name, error, files))
        return headers, tuple(missing)

    def _recording(self, name: str, header: Header) -> Recording:
        truth = self.root / name / TRUTH
        times_s = _clock(truth, _n_frames(header))
        fps_hz = header.fps_hz if times_s is None else len(times_s) / lasts_s(times_s)
        return Recording(
            id=name,
            subject=name,
            session="game",
            fps_hz=fps_hz,
            duration_s=_n_frames(header) / fps_hz,
            path=truth.with_name(VIDEO),
            source="raw",
            source_details=header.codec,
            truth_files=(truth,),
            clock_files=() if times_s is None else (truth,),
            frame_size=header.frame_size,
            tags={"images": "not to be published"} if name == "subject27" else {},
        )

    def _belongs(self, path: Path) -> bool:
        return path.parent.parent == self.root and path.parent.name in SUBJECTS and path.name in (VIDEO, TRUTH)


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write DATASET_2 of the first subjects below ``root``: raw pictures, and three lines on an unsteady clock."""
    from rppgbench.testing.rendered_cohort import write_video

    rendered_by_id = {}
    for number, name in enumerate(SUBJECTS[:n_subjects], start=1):
        rendered = cohort.take(number, fps_hz=FIXTURE_FPS_HZ, duration_s=duration_s, sensor="bvp")
        folder = root / FOLDER / name
        folder.mkdir(parents=True)
        write_video(rendered.frames(), folder / VIDEO, rendered.fps_hz, encoder="rawvideo", pix_fmt="bgr24")
        # The recorder writes times down up to 4 ms late.
        late_s = np.random.RandomState(number).uniform(0.0, 0.004, rendered.n_frames)
        times_s = np.arange(rendered.n_frames) / rendered.fps_hz + late_s - late_s[0]
        pulse = rendered.sensor(times_s)
        pulse = (pulse - pulse.mean()) / pulse.std()
        lines = [pulse, np.full(len(pulse), round(rendered.hr_bpm)), times_s]
        text = "".join("".join(f"{value:16.7e}" for value in line) + "\n" for line in lines)
        (folder / TRUTH).write_text(text, encoding="ascii")
        rendered_by_id[name] = rendered
    return rendered_by_id


def _holds(folder: Path) -> bool:
    return any((folder / name / file).exists() for name in SUBJECTS for file in (VIDEO, TRUTH))


def _lines(path: Path) -> NDArray[np.float64]:
    lines = numbers(path)
    if len(lines) != len(_LINES):
        raise DatasetUnavailable(
            f"{path}: {len(lines)} lines, expected {len(_LINES)} ({', '.join(_LINES)})", hint="copy the file again"
        )
    return lines


def _clock(path: Path, n_frames: int) -> NDArray[np.float64] | None:
    """Time of each frame, None where line 3 does not give it."""
    try:
        stamps_s = _lines(path)[2]
        return spread(stamps_s, advancing(stamps_s, _place(path))) if len(stamps_s) == n_frames else None
    except DatasetUnavailable:
        return None  # ground_truth raises it; a list of recordings must not fail for one of them


def _n_frames(header: Header) -> int:
    return round(header.duration_s * header.fps_hz)


def _place(path: Path) -> Callable[[int], str]:
    return lambda index: f"{path}:{len(_LINES)}: number {index + 1}"
