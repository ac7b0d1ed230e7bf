"""Recordings described by a table, ``manifest.csv``: a user's own, or a dataset without a published layout.

One row a recording; paths are relative to the table's folder. The columns are those of `manifest_table.Row`, and any
that begin with ``tag_``:

```
subject,session,video,fps_hz,truth,column,rate_hz,time_column,offset_s,kind
p1,rest,videos/p1.mkv,30,sensors/p1.txt,0,256,,0,ecg
p2,rest,videos/p2.mp4,,sensors/p2.csv,bvp,,time_s,-0.75,bvp
```

Samples have times by ``rate_hz`` or by ``time_column`` (seconds); ``offset_s`` takes them from the sensor's clock to
the video file's, whose first frame is at 0. A frame rate other than the header's overrides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench.text import natural_order
from rppgbench_datasets.header import Header, read_header
from rppgbench_datasets.layout import extra, renamed
from rppgbench_datasets.manifest_table import MANIFEST, Row, read_table
from rppgbench_datasets.presence import absent, demand_root
from rppgbench_datasets.sensor_file import ascending, read_columns
from rppgbench_datasets.stamps import lasts_s, misfit

if TYPE_CHECKING:
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

_SAME_RATE = 1e-3  # headers round rates: 29.97 is 30000/1001
_SAME_LENGTH_S = 0.5
_SAME_START_S = 1.0
_LONGEST_SPAN = 100.0
_OTHER_UNIT = 10.0  # frame times in ms are off by a factor of 1000


class ManifestDataset:
    """Recordings listed in ``root/manifest.csv``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        demand_root(root, lambda folder: (folder / MANIFEST).is_file(), f"a table {MANIFEST}")
        self._table = root / MANIFEST
        stat = self._table.stat()
        self._rows = _rows_by_id(self._table, stat.st_mtime_ns, stat.st_size)

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        row = self._rows[recording.id]
        path, leads = self.root / row.truth, row.lead_columns
        wanted = [row.column, *leads, *([row.time_column] if row.time_column else [])]
        samples, *others = read_columns(path, wanted)
        if row.rate_hz is not None:
            times_s = np.arange(len(samples)) / row.rate_hz
        else:
            times_s = ascending(others.pop(), path, row.time_column or "")
        start_s, share = self._part(row)
        times_s = times_s + row.offset_s - start_s
        _check_overlap(path, row, times_s, recording.duration_s)
        return GroundTruth(
            samples=samples,
            times_s=times_s,
            kind=row.kind,
            leads=dict(zip(leads, others, strict=True)),
            video_s=None if row.video_s is None else share * row.video_s,
            doubts=_doubts(row, times_s, recording),
        )

    def frame_times_s(self, recording: Recording) -> NDArray[np.float64]:
        """``(T,)`` times by the table's frame times, else by its frame rate."""
        row = self._rows[recording.id]
        times_s = self._clock(row, read_header(self.root / row.video))[slice(*recording.part)]
        return np.asarray(times_s - times_s[0])

    def inventory(self) -> Inventory:
        return Inventory(
            subjects=tuple(dict.fromkeys(row.subject for row in self._rows.values())),
            n_recordings=len(self._rows),
            absent=tuple(record for record in self._records if isinstance(record, Absent)),
            extra=extra(self.root, self._known_files.__contains__),
            notes=tuple(self.notes()),
        )

    def notes(self) -> Iterator[str]:
        """Differences between the table and the headers of the videos."""
        for one in self.recordings():
            row = self._rows[one.id]
            header = read_header(self.root / row.video)
            if row.fps_hz is not None and not row.frame_times and not _same_rate(row, header):
                yield f"{row.video}: {row.fps_hz:g} frames a second by the table, {header.fps_hz:g} by its header"
            if row.duration_s is not None and abs(row.duration_s - header.duration_s) > _SAME_LENGTH_S:
                yield f"{row.video}: lasts {row.duration_s:g} s by the table, {header.duration_s:g} s by its header"

    @cached_property
    def _known_files(self) -> set[Path]:
        return {self._table, *(self.root / name for row in self._rows.values() for name in _files(row))}

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        return [self._record(row) for row in self._rows.values()]

    def _record(self, row: Row) -> Recording | Absent:
        for name in _files(row):
            path = self.root / name
            if not path.is_file():
                remedy = (
                    renamed(path, self._known_files.__contains__)
                    or f"correct its name in {self._table}, or bring the file"
                )
                return Absent(id=row.id, subject=row.subject, path=path, reason="no such file", remedy=remedy)
        video = self.root / row.video
        try:
            header = read_header(video)
            return self._recording(row, header)
        except RppgbenchError as error:
            return absent(row.id, row.subject, error, [self.root / name for name in _files(row)])

    def _recording(self, row: Row, header: Header) -> Recording:
        video = self.root / row.video
        times_s = self._clock(row, header)
        n_counted = len(times_s[row.part_first : row.part_end])
        if n_counted < 2:
            raise DatasetUnavailable(
                f"{video}: has {len(times_s)} frames, so {n_counted} from {row.part_first} to {row.part_end}",
                hint=f"correct part_first and part_end in {self._table}",
            )
        clock_files: tuple[Path, ...] = () if _same_rate(row, header) else (video,)
        fps_hz = row.fps_hz or header.fps_hz
        if row.frame_times is not None:
            clock_files = (self.root / row.frame_times,)
            fps_hz = (len(times_s) - 1) / float(times_s[-1] - times_s[0])
        return Recording(
            id=row.id,
            subject=row.subject,
            session=row.session,
            fps_hz=fps_hz,
            duration_s=n_counted / fps_hz,
            path=video,
            part=(row.part_first, row.part_end),
            frames_are_skin=row.frames_are_skin,
            source=row.source or header.source,
            source_details=row.source_details or header.source_details,
            # Not the table: a row that is added to it changes no other recording.
            truth_files=(self.root / row.truth,),
            truth_details=row.truth_details,
            clock_files=clock_files,
            frame_size=header.frame_size,
            tags=row.tags,
        )

    def _clock(self, row: Row, header: Header) -> NDArray[np.float64]:
        """``(T,)`` time of each frame of the whole file on the file's clock."""
        if row.frame_times is not None:
            return _frame_times_s(self.root / row.frame_times, row.video, header)
        fps_hz = row.fps_hz or header.fps_hz
        table_s = row.duration_s if _same_rate(row, header) else None
        n_frames = round(header.duration_s * header.fps_hz) if table_s is None else round(table_s * fps_hz)
        return np.arange(n_frames) / fps_hz

    def _part(self, row: Row) -> tuple[float, float]:
        """Start of the recording's part, in s on the file's clock, and its share of the file's length."""
        if (row.part_first, row.part_end) == (0, None):
            return 0.0, 1.0
        times_s = self._clock(row, read_header(self.root / row.video))
        part_s = times_s[row.part_first : row.part_end]
        return float(part_s[0]), lasts_s(part_s) / lasts_s(times_s)


@lru_cache(maxsize=4)
def _rows_by_id(table: Path, mtime_ns: int, n_bytes: int) -> Mapping[str, Row]:
    """Rows in natural order. Every task opens the dataset: a process reads an unchanged table once."""
    rows = sorted(read_table(table), key=lambda row: (natural_order(row.subject), natural_order(row.session)))
    return MappingProxyType({row.id: row for row in rows})


def _files(row: Row) -> list[str]:
    return [row.video, row.truth, *([row.frame_times] if row.frame_times else [])]


def _same_rate(row: Row, header: Header) -> bool:
    return row.fps_hz is None or abs(row.fps_hz / header.fps_hz - 1) < _SAME_RATE


def _frame_times_s(path: Path, video: str, header: Header) -> NDArray[np.float64]:
    times_s = ascending(read_columns(path, ["0"])[0], path, "0")
    if len(times_s) < 2 or (header.n_frames and len(times_s) != header.n_frames):
        raise DatasetUnavailable(
            f"{path}: has {len(times_s)} frame times, and {video} {header.n_frames or 'more'} frames by its header",
            hint="write one a frame, for the whole file; part_first and part_end take a part of both",
        )
    span_s = lasts_s(times_s)
    if not 1 / _OTHER_UNIT <= span_s / header.duration_s <= _OTHER_UNIT:
        raise DatasetUnavailable(
            f"{path}: its frame times span {span_s:g} s, and {video} lasts {header.duration_s:g} s by its header",
            hint="are they in ms? write them in seconds",
        )
    return np.asarray(times_s - times_s[0])


def _doubts(row: Row, times_s: NDArray[np.float64], recording: Recording) -> tuple[str, ...]:
    """Doubts about the lengths of sensor and video where both start together and the row has no ``video_s``."""
    together = abs(times_s[0]) <= _SAME_START_S and recording.part == (0, None)
    return misfit(times_s, recording.duration_s) if together and row.video_s is None else ()


def _check_overlap(path: Path, row: Row, times_s: NDArray[np.float64], duration_s: float) -> None:
    first_s, last_s = float(times_s[0]), float(times_s[-1])
    span = f"{path}: runs from {first_s:g} s to {last_s:g} s on the clock of a video of {duration_s:g} s"
    if last_s <= 0 or first_s >= duration_s:
        raise DatasetUnavailable(
            f"{span}: they do not overlap",
            hint=f"correct offset_s of {row.id} in {MANIFEST}: when the sensor's clock was 0, after the first frame",
        )
    if last_s - first_s > _LONGEST_SPAN * duration_s:
        raise DatasetUnavailable(f"{span}", hint="are its times in ms? write them in seconds")


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write recordings of three kinds in turn: ECG at a rate, BVP with times, and heart rates alone."""
    from rppgbench_datasets.manifest_fixture import write

    return write(root, cohort, n_subjects, duration_s)
