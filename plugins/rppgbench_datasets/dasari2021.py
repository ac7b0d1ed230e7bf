"""Skin patches of 88 people in India and Sierra Leone, compressed heavily before publication (MIT licence).

Dasari, Prakash, Jeni & Tucker, *Evaluation of biases in remote photoplethysmography methods*, npj Digital Medicine 4,
91 (2021); files of github.com/AiPEX-Lab/rppg_biases, of whose India part six subjects were looked at:

```
Data/{India,Sierra_Leone}/video<N>_{forehead,leftcheek,rightcheek}.avi    MPEG-4 Part 2, 200 x 200, 15 fps
Ground_Truth/{India,Sierra_Leone}_GT.csv                                  "Subject ,Heart_Rate(BPM) ", one row a person
```

A frame is skin from edge to edge, enlarged from a patch of about 60 x 30 or 25 x 25 pixels; the three patches of a
person are three recordings. All that is known of the pulse is its mean rate over the recording, by an FDA-cleared pulse
oximeter. The table begins with a byte-order mark and has stray spaces in its header. Upstream some videos are missing,
and some are byte for byte the same under two numbers: `rppgbench data check` names both.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, MediaError, RppgbenchError
from rppgbench.text import natural_order
from rppgbench_datasets.header import read_header
from rppgbench_datasets.layout import extra, renamed
from rppgbench_datasets.presence import absent, demand_root

if TYPE_CHECKING:
    from rppgbench.contracts import ByteArray
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

PARTS = ("India", "Sierra_Leone")
PATCHES = ("forehead", "leftcheek", "rightcheek")
FPS_HZ = 15.0
_HEADER = ("Subject", "Heart_Rate(BPM)")
_SITE = "github.com/AiPEX-Lab/rppg_biases"
_SIDE = 200
# Left, top, width and height of a patch as shares of the box of a detected face.
_IN_FACE = {
    "forehead": (0.36, 0.19, 0.28, 0.10),
    "leftcheek": (0.18, 0.56, 0.15, 0.14),
    "rightcheek": (0.67, 0.56, 0.15, 0.14),
}


@dataclass(frozen=True)
class _Row:
    part: str
    video: str
    hr_bpm: float
    line: int

    @property
    def subject(self) -> str:
        return f"{self.part}-{self.video.removeprefix('video')}"


class Dasari2021:
    """Recordings of the parts whose tables lie in ``root/Ground_Truth``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        demand_root(root, _holds, "Ground_Truth/India_GT.csv or Ground_Truth/Sierra_Leone_GT.csv")
        tables = [part for part in PARTS if _table(root, part).is_file()]
        self._rows = [row for part in tables for row in _read(root, part)]
        self._known_files = {self._path(row, patch) for row in self._rows for patch in PATCHES}
        self._known_files |= {_table(root, part) for part in tables}

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        (row,) = (row for row in self._rows if row.subject == recording.subject)
        # The mean rate once a second, so that every window has it.
        times_s = np.arange(0.0, recording.duration_s)
        return GroundTruth(samples=np.full(len(times_s), row.hr_bpm), times_s=times_s, kind="hr")

    def inventory(self) -> Inventory:
        records = self._records
        return Inventory(
            subjects=tuple(row.subject for row in self._rows),
            n_recordings=len(records),
            absent=tuple(record for record in records if isinstance(record, Absent)),
            extra=extra(self.root, self._known_files.__contains__),
            notes=tuple(self._notes()),
        )

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        return [self._record(row, patch) for row in self._rows for patch in PATCHES]

    def _path(self, row: _Row, patch: str) -> Path:
        return self.root / "Data" / row.part / f"{row.video}_{patch}.avi"

    def _record(self, row: _Row, patch: str) -> Recording | Absent:
        path, name = self._path(row, patch), f"{row.subject}-{patch}"
        if not path.is_file():
            remedy = renamed(path, self._known_files.__contains__) or f"get it from {_SITE}, where some are missing too"
            return Absent(id=name, subject=row.subject, path=path, reason="no such file", remedy=remedy)
        try:
            _check_rate(row, _table(self.root, row.part))
            header = read_header(path)
        except RppgbenchError as error:
            return absent(name, row.subject, error, [path, _table(self.root, row.part)])
        return Recording(
            id=name,
            subject=row.subject,
            session=patch,
            fps_hz=header.fps_hz,
            duration_s=header.duration_s,
            path=path,
            frames_are_skin=True,
            source="lossy",
            source_details=f"{header.source_details}, enlarged from a patch of about 60x30 or 25x25 pixels",
            # Not the table: another row of it changes nothing here.
            truth_details=f"hr_bpm {row.hr_bpm!r}",
            frame_size=header.frame_size,
            tags={"part": row.part, "patch": patch},
        )

    def _notes(self) -> Iterator[str]:
        yield "the truth is one mean heart rate a recording: no window of it has a rate of its own"
        yield "upstream, some videos are byte for byte the same under two numbers"
        for part in PARTS:
            if not _table(self.root, part).is_file():
                yield f"part {part}: no {_table(self.root, part)}, so none of its subjects count"
            rates: dict[float, list[str]] = {}
            for row in self._rows:
                if row.part == part and np.isfinite(row.hr_bpm):
                    rates.setdefault(row.hr_bpm, []).append(row.video)
            same = [" = ".join(videos) for videos in rates.values() if len(videos) > 1]
            if same:
                yield f"part {part}: same heart rate to the last digit, so perhaps the same person: {', '.join(same)}"


def _table(root: Path, part: str) -> Path:
    return root / "Ground_Truth" / f"{part}_GT.csv"


def _holds(root: Path) -> bool:
    return any(_table(root, part).is_file() for part in PARTS)


def _read(root: Path, part: str) -> list[_Row]:
    path = _table(root, part)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetUnavailable(f"{path}: cannot be read as CSV: {error}", hint="copy the file again") from None
    header = tuple(field.strip() for field in lines[0]) if lines else ()
    if header != _HEADER:
        raise DatasetUnavailable(f"{path}:1: header is {header}, expected {_HEADER}", hint="copy the file again")
    rows: dict[str, _Row] = {}
    for number, fields in enumerate(lines[1:], start=2):
        if not any(field.strip() for field in fields):
            continue
        row = _row(part, fields, path, number)
        if row.video in rows:
            raise DatasetUnavailable(f"{path}:{number}: {row.video} stands there twice", hint="copy the file again")
        rows[row.video] = row
    if not rows:
        raise DatasetUnavailable(f"{path}: has no rows", hint="copy the file again")
    return sorted(rows.values(), key=lambda row: natural_order(row.video))


def _check_rate(row: _Row, table: Path) -> None:
    if not 0 < row.hr_bpm < np.inf:
        raise DatasetUnavailable(
            f"{table}:{row.line}: {row.video} has a heart rate of {row.hr_bpm:g}, and no other truth",
            hint="copy the file again; if it is so upstream, the recording cannot be scored",
        )


def _row(part: str, fields: Sequence[str], path: Path, line: int) -> _Row:
    where = f"{path}:{line}"
    try:
        video, rate = (field.strip() for field in fields)
        hr_bpm = float(rate)
    except ValueError:
        raise DatasetUnavailable(
            f"{where}: found {','.join(fields)!r}, expected a video and its heart rate, such as video1,85.413",
            hint="copy the file again",
        ) from None
    if not video.removeprefix("video").isdecimal():
        raise DatasetUnavailable(f"{where}: {video!r} is no video, expected one such as video1")
    return _Row(part, video, hr_bpm, line)


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write a small copy: the first half of the subjects from India, the others from Sierra Leone."""
    from rppgbench.testing.rendered_cohort import write_video

    rendered_by_id: dict[str, RenderedRecording] = {}
    tables: dict[str, list[str]] = {}
    for index in range(n_subjects):
        part = PARTS[index >= (n_subjects + 1) // 2]
        rows = tables.setdefault(part, ["Subject ,Heart_Rate(BPM) "])
        video = f"video{len(rows)}"
        rendered = cohort.take(index + 1, fps_hz=FPS_HZ, duration_s=duration_s, sensor="bvp", motion="still")
        folder = root / "Data" / part
        folder.mkdir(parents=True, exist_ok=True)
        frames = list(rendered.frames())
        for patch in PATCHES:
            path = folder / f"{video}_{patch}.avi"
            write_video(_enlarged(frames, patch), path, FPS_HZ, encoder="mpeg4", pix_fmt="yuv420p", bitrate_bps=300_000)
            rendered_by_id[f"{part}-{len(rows)}-{patch}"] = rendered
        rows.append(f"{video},{rendered.hr_bpm:.3f}")
    (root / "Ground_Truth").mkdir(parents=True, exist_ok=True)
    for part, rows in tables.items():
        _table(root, part).write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    return rendered_by_id


def _enlarged(frames: Sequence[ByteArray], patch: str) -> Iterator[ByteArray]:
    import cv2

    from rppgbench.media.face_detection import detect_lbp_frontal

    grays = (np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8) for frame in frames)
    # The heads hold still: where the first face is found, it stays.
    face = next((box for gray in grays if (box := detect_lbp_frontal(gray, None)) is not None), None)
    if face is None:
        raise MediaError("the film shows no face to cut skin from", hint="take a larger picture")
    x, y, width, height = _IN_FACE[patch]
    left, top = round(face.x + x * face.width), round(face.y + y * face.height)
    right, bottom = left + round(width * face.width), top + round(height * face.height)
    for frame in frames:
        enlarged = cv2.resize(frame[top:bottom, left:right], (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
        yield np.asarray(enlarged, np.uint8)
