"""UBFC-Phys: 56 people for three minutes each at rest, in a speech and in mental arithmetic, with a wrist sensor.

```
s<1..56>/vid_s<n>_T<1..3>.avi    1024x1024, 35 frames a second, Motion JPEG
s<1..56>/bvp_s<n>_T<1..3>.csv    one column at 64 Hz, no header (Empatica E4)
s<1..56>/eda_s<n>_T<1..3>.csv    one column at 4 Hz, no header
s<1..56>/info_s<n>.txt           second line m or f
```
Meziati Sabour, Benezeth, De Oliveira, Chappé & Yang, UBFC-Phys, IEEE Trans. Affective Computing 14(1), 2023. The
layout is from public loaders and their issue threads. To be checked against a real copy: the size of the pictures, the
third line of info (``test`` or ``ctrl``: how hard the tasks were made), and whether BVP and video begin together, as is
assumed here.

- The last frame is corrupt and left out.
- 35 frames a second is nominal, 35.14 was measured: the container's rate is used. No source says that the wristband
  was stopped with the camera: where BVP and video stop more than 1 s and 1 % apart, the recording carries a doubt.
- The pulse reaches the wrist later than the face, and hands move in T2: expect a delay and doubtful labels there. The
  67 clips that others leave out are not left out here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import MediaError, RppgbenchError
from rppgbench.testing.rendered_cohort import write_video
from rppgbench_datasets.excerpt import excerpts
from rppgbench_datasets.header import read_header
from rppgbench_datasets.layout import extra
from rppgbench_datasets.presence import absent, demand_files, demand_root
from rppgbench_datasets.sensor_file import numbers
from rppgbench_datasets.stamps import misfit

if TYPE_CHECKING:
    from rppgbench.contracts import ByteArray
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

SUBJECTS = range(1, 57)
TASKS = {"T1": "rest", "T2": "speech", "T3": "arithmetic"}
BVP_HZ, EDA_HZ = 64.0, 4.0
PART = (0, -1)
FIXTURE_FPS_HZ = 35.14

_GENDERS = {"m": "male", "f": "female"}
_GROUPS = ("test", "ctrl")


class UbfcPhys:
    """Recordings in ``root/s<n>``."""

    def __init__(self, root: Path) -> None:
        demand_root(root, _holds_subjects, "s<1..56>/vid_s<n>_T<1..3>.avi")
        self._root = root

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        (path,) = recording.truth_files
        bvp = numbers(path, n_columns=1)[:, 0]
        times_s = np.arange(len(bvp)) / BVP_HZ
        return GroundTruth(samples=bvp, times_s=times_s, kind="bvp", doubts=misfit(times_s, recording.duration_s))

    def inventory(self) -> Inventory:
        here = {recording.subject for recording in self.recordings()}
        without_info = [subject for subject in map(_folder, SUBJECTS) if subject in here and not self._info(subject)]
        return Inventory(
            subjects=tuple(map(_folder, SUBJECTS)),
            n_recordings=len(SUBJECTS) * len(TASKS),
            absent=tuple(record for record in self._records if isinstance(record, Absent)),
            extra=extra(self._root, self._belongs),
            notes=(
                "the sensor sat on a wrist, where the pulse comes later than in the face and movement disturbs it: "
                "rPPG-Toolbox leaves 67 clips out for that (14 of T1, 30 of T2, 23 of T3), this loader none",
                "the last frame of every video is corrupt and left out",
                *(
                    [f"no gender is known of {', '.join(without_info)}: info_s<n>.txt is missing"]
                    if without_info
                    else []
                ),
            ),
        )

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        return [self._record(_folder(number), task) for number in SUBJECTS for task in TASKS]

    def _record(self, subject: str, task: str) -> Recording | Absent:
        folder, name = self._root / subject, f"{subject}-{task}"
        files = (folder / f"vid_{subject}_{task}.avi", folder / f"bvp_{subject}_{task}.csv")
        try:
            demand_files(files, self._published)
            header = read_header(files[0])
            duration_s = header.duration_s - 1 / header.fps_hz
            if not duration_s > 0:
                raise MediaError(f"{files[0]}: holds one frame, and the last is never used", hint="copy it again")
        except RppgbenchError as error:
            return absent(name, subject, error, files)
        return Recording(
            id=name,
            subject=subject,
            session=task,
            fps_hz=header.fps_hz,
            duration_s=duration_s,
            path=files[0],
            part=PART,
            source="lossy",
            source_details=f"{header.source_details}, as published",
            truth_files=(files[1],),
            frame_size=header.frame_size,
            tags={"task": TASKS[task], **self._info(subject)},
        )

    def _info(self, subject: str) -> dict[str, str]:
        """Gender and group by ``info_s<n>.txt``, without the date in it."""
        path = self._root / subject / f"info_{subject}.txt"
        try:
            lines = [
                line.strip().lower() for line in path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
            ]
        except OSError:
            return {}
        tags = {"gender": _GENDERS[lines[1]]} if lines[1:] and lines[1] in _GENDERS else {}
        return {**tags, "group": lines[2]} if lines[2:] and lines[2] in _GROUPS else tags

    def _published(self, path: Path) -> bool:
        return self._belongs(path) or path.name in map(_folder, SUBJECTS)

    def _belongs(self, path: Path) -> bool:
        place = path.relative_to(self._root).parts
        if len(place) != 2 or place[0] not in map(_folder, SUBJECTS):
            return False
        endings = {"vid": ".avi", "bvp": ".csv", "eda": ".csv"}
        names = {f"{kind}_{place[0]}_{task}{ending}" for kind, ending in endings.items() for task in TASKS}
        return place[1] in names | {f"info_{place[0]}.txt", f"selfReportedAnx_{place[0]}.csv"}


def _folder(number: int) -> str:
    return f"s{number}"


def _holds_subjects(folder: Path) -> bool:
    return any(folder.glob("s[0-9]*/vid_s*_T[1-3].*"))


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write three tasks of the first subjects, or the cohort's ``n_sessions``; each video's last frame is corrupt."""
    rendered_by_id: dict[str, RenderedRecording] = {}
    for number in SUBJECTS[:n_subjects]:
        subject = _folder(number)
        folder = root / subject
        folder.mkdir(parents=True)
        rest = cohort.take(number, "rest", fps_hz=FIXTURE_FPS_HZ, duration_s=duration_s, sensor="bvp", motion="still")
        # Speech and arithmetic are one recording with a raised heart rate, cut in two.
        speech, arithmetic = (
            cohort.take(
                number, "exercise", fps_hz=FIXTURE_FPS_HZ, duration_s=2 * duration_s, sensor="bvp", motion=motion
            )
            for motion in ("talk", "small")
        )
        for task, rendered in zip(
            tuple(TASKS)[: cohort.n_sessions], (rest, excerpts(speech, 2)[0], excerpts(arithmetic, 2)[1]), strict=False
        ):
            name = f"{subject}_{task}"
            write_video(
                _with_one_more(rendered.frames()),
                folder / f"vid_{name}.avi",
                FIXTURE_FPS_HZ,
                encoder="mjpeg",
                pix_fmt="yuvj420p",
                bitrate_bps=3e6,
            )
            _corrupt_last_frame(folder / f"vid_{name}.avi")
            _write_sensors(folder, name, rendered)
            rendered_by_id[f"{subject}-{task}"] = rendered
        gender, group = "mf"[number % 2], _GROUPS[number % 2]
        (folder / f"info_{subject}.txt").write_text(f"{subject}\n{gender}\n{group}\n01/01/2019\n10:00\n")
    return rendered_by_id


def _with_one_more(frames: Iterator[ByteArray]) -> Iterator[ByteArray]:
    first = next(frames)
    yield from chain([first], frames, [first])


def _corrupt_last_frame(path: Path) -> None:
    """Overwrite the second half of the last picture with zeros; its chunk's length stays as the header says."""
    content = bytearray(path.read_bytes())
    chunk = content.rindex(b"00dc", 0, content.rindex(b"idx1"))
    size = int.from_bytes(content[chunk + 4 : chunk + 8], "little")
    content[chunk + 8 + size // 2 : chunk + 8 + size] = bytes(size - size // 2)
    path.write_bytes(content)


def _write_sensors(folder: Path, name: str, rendered: RenderedRecording) -> None:
    bvp = 100.0 * rendered.sensor(np.arange(round(rendered.duration_s * BVP_HZ)) / BVP_HZ)
    eda = 2.0 + 0.1 * np.arange(round(rendered.duration_s * EDA_HZ)) / EDA_HZ
    np.savetxt(folder / f"bvp_{name}.csv", bvp, fmt="%.2f")
    np.savetxt(folder / f"eda_{name}.csv", eda, fmt="%.6f")
