"""UBFC-rPPG, first part ("simple"): eight videos of people who sit still.

```
DATASET_1/<folder>/vid*.avi      raw 8-bit video, 640x480, about 28.67 frames a second; also vid-12.avi, vid-007.avi
DATASET_1/<folder>/gtdump.xmp    no XMP but a table without header: time in ms, heart rate, SpO2, blood volume pulse
```

The pulse has about 62 samples a second at unsteady times; the oximeter's heart rate and SpO2 lag by some 4 s and are
not used. To be checked against a real copy: the names of the folders (8-gt, 10-gt and 11-gt are from memory, so every
folder with a gtdump.xmp and one video counts), that the times start with the video, and whether "after-exercise" shows
a subject of another folder: here each folder is a subject.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench.text import natural_order
from rppgbench_datasets.header import Header, read_header
from rppgbench_datasets.layout import extra, listed
from rppgbench_datasets.presence import absent, demand_files, demand_root
from rppgbench_datasets.sensor_file import numbers
from rppgbench_datasets.stamps import advancing, misfit

if TYPE_CHECKING:
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

FOLDER, TRUTH = "DATASET_1", "gtdump.xmp"
SUBJECTS = ("5-gt", "6-gt", "7-gt", "8-gt", "10-gt", "11-gt", "12-gt", "after-exercise")
FIXTURE_FPS_HZ = 28.67
FIXTURE_SENSOR_HZ = 62.0

_COLUMNS = ("time in ms", "heart rate", "SpO2", "pulse")
_LATEST_START_S = 2.0
_NOTES = (
    "7-gt and 12-gt are unverified: reported to be the same video with different truths, of which one is wrong then",
    "the folder names 8-gt, 10-gt and 11-gt are unverified: any folder with a gtdump.xmp and one video is a recording",
)


class UbfcRppgSimple:
    """Recordings of ``root``, which is the folder DATASET_1 or the one above it."""

    def __init__(self, root: Path) -> None:
        looked_for = f"<folder>/{TRUTH} beside a video, or {FOLDER} with them"
        demand_root(root, lambda folder: _holds(folder) or _holds(folder / FOLDER), looked_for)
        self.root = root if _holds(root) else root / FOLDER

    def recordings(self) -> Sequence[Recording]:
        return [self._recording(name, *video) for name, video in self._found[0].items()]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        """The pulse at its times in the table, whose 0 is the start of the video.

        Raises:
            DatasetUnavailable: the table holds what is no number, has other columns, or its times run backwards.
        """
        path = self.root / recording.id / TRUTH
        time_ms, _, _, pulse = numbers(path, delimiter=",", n_columns=len(_COLUMNS)).T
        times_s = time_ms / 1000.0
        later = advancing(times_s, _place(path))
        doubts = []
        if not later.all():
            doubts.append(f"{int((~later).sum())} samples that repeat a time are left out")
        if abs(times_s[0]) > _LATEST_START_S:
            doubts.append(f"the sensor's times start at {times_s[0]:.1f} s: taken as the start of the video")
            times_s = times_s - times_s[0]
        doubts += misfit(times_s[later], recording.duration_s)
        return GroundTruth(samples=pulse[later], times_s=times_s[later], kind="bvp", doubts=tuple(doubts))

    def inventory(self) -> Inventory:
        found, missing = self._found
        names = {*found, *(one.id for one in missing)}
        # Eight folders are all, by any names.
        expected = SUBJECTS if len(names) < len(SUBJECTS) else ()
        not_here = [
            Absent(id=name, subject=name, path=self.root / name, reason="no such folder", remedy="download it again")
            for name in expected
            if name not in names
        ]
        return Inventory(
            subjects=tuple(sorted({*expected, *names}, key=natural_order)),
            n_recordings=max(len(SUBJECTS), len(names)),
            absent=tuple(sorted((*missing, *not_here), key=lambda one: natural_order(one.id))),
            extra=extra(self.root, self._belongs),
            notes=_NOTES,
        )

    @functools.cached_property
    def _found(self) -> tuple[dict[str, tuple[Path, Header]], tuple[Absent, ...]]:
        found, missing = {}, []
        for folder in listed(self.root):
            if not folder.is_dir() or not (folder.name in SUBJECTS or (folder / TRUTH).exists()):
                continue
            files = [folder / TRUTH, folder]
            try:
                demand_files(files[:1], self._belongs)
                files.insert(0, _video(folder))
                found[folder.name] = files[0], read_header(files[0])
            except RppgbenchError as error:
                missing.append(absent(folder.name, folder.name, error, files))
        return found, tuple(missing)

    def _recording(self, name: str, path: Path, header: Header) -> Recording:
        return Recording(
            id=name,
            subject=name,
            session="after exercise" if name == "after-exercise" else "rest",
            fps_hz=header.fps_hz,
            duration_s=header.duration_s,
            path=path,
            source="raw",
            source_details=header.codec,
            truth_files=(self.root / name / TRUTH,),
            frame_size=header.frame_size,
        )

    def _belongs(self, path: Path) -> bool:
        folder = path.parent
        known = folder.parent == self.root and (folder.name in SUBJECTS or (folder / TRUTH).exists())
        return known and (path.name == TRUTH or path.suffix.lower() == ".avi")


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write DATASET_1 of the first subjects below ``root``: raw pictures, and a table on an unsteady clock."""
    from rppgbench.testing.rendered_cohort import write_video

    rendered_by_id = {}
    for number, name in enumerate(SUBJECTS[:n_subjects], start=1):
        session: Literal["rest", "exercise"] = "exercise" if name == "after-exercise" else "rest"
        rendered = cohort.take(
            number, session, fps_hz=FIXTURE_FPS_HZ, duration_s=duration_s, sensor="bvp", motion="still"
        )
        folder = root / FOLDER / name
        folder.mkdir(parents=True)
        video = {"7-gt": "vid-007.avi", "12-gt": "vid-12.avi"}.get(name, "vid.avi")
        write_video(rendered.frames(), folder / video, rendered.fps_hz, encoder="rawvideo", pix_fmt="bgr24")
        steady_ms = np.arange(0.0, 1000.0 * duration_s, 1000.0 / FIXTURE_SENSOR_HZ)
        time_ms = np.rint(steady_ms + np.random.RandomState(number).uniform(0.0, 8.0, len(steady_ms)))
        pulse = np.rint(60.0 + 30.0 * rendered.sensor(time_ms / 1000.0))
        rows = [
            f"{time:.0f},{rendered.hr_bpm:.0f},97,{value:.0f}\n" for time, value in zip(time_ms, pulse, strict=True)
        ]
        (folder / TRUTH).write_text("".join(rows), encoding="ascii")
        rendered_by_id[name] = rendered
    return rendered_by_id


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any((entry / TRUTH).exists() for entry in listed(folder) if entry.is_dir())


def _video(folder: Path) -> Path:
    videos = [path for path in listed(folder) if path.suffix.lower() == ".avi"]
    if len(videos) != 1:
        names = ", ".join(path.name for path in videos) or "none"
        raise DatasetUnavailable(
            f"{folder}: expected one video such as vid.avi, found {names}",
            hint="download it again" if not videos else "keep the published one alone",
        )
    return videos[0]


def _place(path: Path) -> Callable[[int], str]:
    return lambda index: f"{path}:{index + 1}"
