"""COHFACE: 40 people in four recordings of a minute each, two by the light of a lamp and two by daylight.

```
<1..40>/<0..3>/data.avi     640x480, 20 frames a second, MPEG-4 Part 2; data.mkv in some copies
<1..40>/<0..3>/data.hdf5    pulse, respiration and time at 256 Hz, attributes of length 1
protocols/{all,clean,natural}/{train,dev,test,all}.txt, of lines such as 1/0/data
```
Heusch, Anjos & Marcel, A reproducible study on remote heart rate measurement, arXiv:1709.00962, 2017. The owner's own
split (tag ``split``) and the light of each session are from the lists and the scripts that Idiap published with its
package bob.db.cohface, the rest of the layout from public loaders. To be checked against a real copy: how strongly the
videos are compressed, and where ``time`` begins.

- The videos are compressed already, and strongly: every further compression is a second one.
- The first sample of the sensor counts as simultaneous with the first frame, as in every public loader; no source
  shows it. Where ``time`` does not begin at 0, repeats itself or advances at another rate than 256 Hz, or
  where the sensor stops more than 1 s before or 2 s after the video, the recording carries a doubt.
- The HDF5 files hold birth dates: they never leave the loader.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench.testing.rendered_cohort import write_video
from rppgbench_datasets.excerpt import excerpts
from rppgbench_datasets.header import read_header
from rppgbench_datasets.layout import extra, optional_reader
from rppgbench_datasets.presence import absent, demand_files, demand_root
from rppgbench_datasets.stamps import advancing, lasts_s, misfit, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

SUBJECTS, SESSIONS = range(1, 41), range(4)
RATE_HZ = 256.0
SPLIT = {
    "train": (25, 29, 31, 35, 27, 33, 1, 16, 38, 21, 28, 4),
    "dev": (17, 9, 18, 37, 2, 7, 39, 24, 19, 6, 36, 5),
    "test": (3, 8, 10, 11, 12, 13, 14, 15, 20, 22, 23, 26, 30, 32, 34, 40),
}
# The sessions of each of the owner's protocols.
PROTOCOLS = {"all": (0, 1, 2, 3), "clean": (0, 1), "natural": (2, 3)}

_VIDEOS, _SENSOR = ("data.avi", "data.mkv"), "data.hdf5"
_LATE_START_S = 0.05
_RATE_TOLERANCE = 0.01
_RUNS_ON_S = 2.0


class Cohface:
    """Recordings in ``root/<subject>/<session>``."""

    def __init__(self, root: Path) -> None:
        self._h5py = optional_reader("h5py")
        demand_root(root, _holds_sessions, "<1..40>/<0..3>/data.hdf5 with data.avi beside it")
        self._root = root

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        (path,) = recording.truth_files
        with self._opened(path) as file:
            pulse, stamps_s = _signal(path, file, "pulse"), _signal(path, file, "time")
        if len(pulse) != len(stamps_s):
            raise DatasetUnavailable(
                f"{path}: {len(pulse)} samples of pulse and {len(stamps_s)} of time, expected as many",
                hint="copy or download it again",
            )
        later = advancing(stamps_s, lambda index: f"{path}: sample {index} of time")
        times_s = spread(stamps_s, later)
        return GroundTruth(
            samples=pulse,
            times_s=times_s,
            kind="bvp",
            doubts=tuple(_doubts(stamps_s, times_s, int((~later).sum()), recording.duration_s)),
        )

    def inventory(self) -> Inventory:
        return Inventory(
            subjects=tuple(map(str, SUBJECTS)),
            n_recordings=len(SUBJECTS) * len(SESSIONS),
            absent=tuple(record for record in self._records if isinstance(record, Absent)),
            extra=extra(self._root, self._belongs),
            notes=(
                "the videos were published compressed: codecs and bitrates on top of that are a second compression",
                "the HDF5 files hold birth dates: do not publish them",
                *self._odd_lights,
            ),
        )

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        return [self._record(subject, session) for subject in SUBJECTS for session in SESSIONS]

    def _record(self, subject: int, session: int) -> Recording | Absent:
        folder, name = self._root / str(subject) / str(session), f"{subject}-{session}"
        video = next((folder / video for video in _VIDEOS if (folder / video).is_file()), folder / _VIDEOS[0])
        files = (video, folder / _SENSOR)
        try:
            demand_files(files, self._published)
            header = read_header(video)
            with self._opened(files[1]) as file:
                light = _attribute(files[1], file, "illumination")
        except RppgbenchError as error:
            return absent(name, str(subject), error, files)
        return Recording(
            id=name,
            subject=str(subject),
            session=str(session),
            fps_hz=header.fps_hz,
            duration_s=header.duration_s,
            path=video,
            source="lossy",
            source_details=f"{header.source_details}, as published",
            truth_files=(files[1],),
            frame_size=header.frame_size,
            tags={"light": light, "split": next(name for name, members in SPLIT.items() if subject in members)},
        )

    def _opened(self, path: Path) -> Any:
        try:
            return self._h5py.File(path, "r")
        except OSError as error:
            raise DatasetUnavailable(
                f"{path}: is no HDF5 file that can be read ({error})", hint="was it cut off? copy or download it again"
            ) from None

    @property
    def _odd_lights(self) -> list[str]:
        expected = ("lamp", "lamp", "natural", "natural")
        odd = [
            f"{recording.id} says {recording.tags['light'] or 'nothing'}"
            for recording in self.recordings()
            if recording.tags["light"] != expected[int(recording.session)]
        ]
        return [f"sessions 0 and 1 are lit by a lamp and 2 and 3 by daylight, but {', '.join(odd)}"] if odd else []

    def _published(self, path: Path) -> bool:
        return self._belongs(path) or path.name in map(str, SUBJECTS)

    def _belongs(self, path: Path) -> bool:
        place = path.relative_to(self._root).parts
        if place[0] == "protocols":
            return True
        known = len(place) == 3 and place[0] in map(str, SUBJECTS) and place[1] in map(str, SESSIONS)
        return known and place[2] in (*_VIDEOS, _SENSOR)


def _holds_sessions(folder: Path) -> bool:
    return any(folder.glob("[0-9]*/[0-3]/data.hdf5")) or any(folder.glob("[0-9]*/[0-3]/data.avi"))


def _signal(path: Path, file: Any, name: str) -> NDArray[np.float64]:
    if name not in file:
        raise DatasetUnavailable(
            f"{path}: holds {', '.join(sorted(file)) or 'nothing'}, expected {name} too",
            hint="is it of COHFACE? copy or download it again",
        )
    try:
        samples = np.asarray(file[name][()], dtype=np.float64)
    except (OSError, TypeError, ValueError) as error:
        raise DatasetUnavailable(
            f"{path}: {name} cannot be read as numbers ({error})", hint="copy or download it again"
        ) from None
    return samples.reshape(-1)


def _attribute(path: Path, file: Any, name: str) -> str:
    """The text of an attribute, empty where the file has no such attribute."""
    try:
        value = file.attrs.get(name, b"")
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DatasetUnavailable(
            f"{path}: attribute {name} cannot be read ({error})", hint="copy or download it again"
        ) from None
    texts = [] if getattr(value, "shape", ()) is None else np.asarray(value).reshape(-1).tolist()
    if not texts:
        raise DatasetUnavailable(
            f"{path}: attribute {name} is empty, expected a text", hint="copy or download it again"
        )
    return texts[0].decode("utf-8", "replace") if isinstance(texts[0], bytes) else str(texts[0])


def _doubts(stamps_s: NDArray[np.float64], times_s: NDArray[np.float64], n_repeated: int, video_s: float) -> list[str]:
    doubts = []
    if abs(stamps_s[0]) > _LATE_START_S:
        doubts.append(f"time begins at {stamps_s[0]:g} s: taken to be that of the first frame")
    if n_repeated:
        doubts.append(f"{n_repeated} of {len(stamps_s)} times repeat the one before: spread evenly")
    sensor_s = lasts_s(times_s)
    rate_hz = len(times_s) / sensor_s
    if abs(rate_hz / RATE_HZ - 1) > _RATE_TOLERANCE:
        doubts.append(
            f"time advances at {rate_hz:.4g} Hz, where {RATE_HZ:g} Hz were published: "
            f"the sensor lasts {sensor_s:.1f} s by it, the video {video_s:.1f} s"
        )
    return [*doubts, *misfit(times_s, video_s, runs_on_s=_RUNS_ON_S)]


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write the four sessions of the first subjects, or the cohort's ``n_sessions``, and the owner's lists."""
    rendered_by_id: dict[str, RenderedRecording] = {}
    sessions = SESSIONS[: cohort.n_sessions]
    for subject in SUBJECTS[:n_subjects]:
        # All sessions are of one activity: each goes on where the one before it ended.
        long = cohort.take(subject, fps_hz=20.0, duration_s=len(sessions) * duration_s, sensor="bvp")
        frames = long.frames()
        for session, rendered in enumerate(excerpts(long, len(sessions))):
            folder = root / str(subject) / str(session)
            folder.mkdir(parents=True)
            part = islice(frames, rendered.n_frames)
            write_video(part, folder / "data.avi", 20.0, encoder="mpeg4", pix_fmt="yuv420p", bitrate_bps=4e5)
            _write_sensor(folder / _SENSOR, rendered, subject, session)
            rendered_by_id[f"{subject}-{session}"] = rendered
    _write_lists(root / "protocols")
    return rendered_by_id


def _write_sensor(path: Path, rendered: RenderedRecording, subject: int, session: int) -> None:
    times_s = np.arange(round(rendered.duration_s * RATE_HZ)) / RATE_HZ
    with optional_reader("h5py").File(path, "w") as file:
        file["pulse"] = 40.0 + 10.0 * rendered.sensor(times_s)
        file["respiration"] = 50.0 + 5.0 * np.sin(2 * np.pi * 0.25 * times_s)
        file["time"] = times_s
        texts = {"birth-date": b"01.01.1970", "illumination": b"lamp" if session < 2 else b"natural", "scale": b"uV"}
        for name, text in texts.items():
            file.attrs[name] = np.array([text])
        for name, number in {"client-id": subject, "sample-rate-hz": int(RATE_HZ), "session": session}.items():
            file.attrs[name] = np.array([number])


def _write_lists(folder: Path) -> None:
    for protocol, sessions in PROTOCOLS.items():
        (folder / protocol).mkdir(parents=True)
        for name, members in {**SPLIT, "all": tuple(SUBJECTS)}.items():
            lines = [f"{subject}/{session}/data\n" for subject in members for session in sessions]
            (folder / protocol / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
