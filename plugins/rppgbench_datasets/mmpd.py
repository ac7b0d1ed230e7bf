"""MMPD: 33 people of four skin types in twenty recordings of a minute each, filmed with a phone in four lights.

```
subject<1..33>/p<n>_<0..19>.mat    MATLAB v5: video, GT_ppg and eight labels
```
Tang et al., MMPD: multi-domain mobile video physiology dataset, EMBC 2023. Names, labels and the order of the sessions
are from the owner's README and meta_label.csv, types and shapes from the sizes of the files in size_MMPD.csv: ``video``
is single precision ``[t, h, w, c]`` from 0 to 1, ``GT_ppg`` double precision ``(1, t)``; most files are compressed. To
be checked against a real copy: that the phone wrote H.264.

- 30 frames and samples a second are what the owner says; there are no timestamps. Where there are not as many samples
  as frames, the recording carries a doubt.
- The phone's picture was 1280x720 and was squashed to 4:3. What is rendered is stretched back to 16:9 (rows averaged
  from four to three), or no detector would know the faces. Pictures that are not 4:3 stay as they are.
- A file of the full set fills 1.7 GB of memory while it is rendered; its labels alone are read for everything else.
- In the owner's table p24_0 has the skin and the gender of another person than subject 24: sessions whose labels differ
  from their subject's others are named.
- ``Watching Videos`` was an error of the first release for ``Walking``, and is read as that.
- The mini set (80x60) is the same data too small for finding faces: it is read, with a note.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench.media import lossless
from rppgbench_datasets.layout import extra
from rppgbench_datasets.mmpd_file import contents, pictures, rendered_size, variable
from rppgbench_datasets.mmpd_fixture import write_fixture
from rppgbench_datasets.presence import absent, demand_files, demand_root
from rppgbench_datasets.stamps import miscount

__all__ = ["Mmpd", "write_fixture"]

SUBJECTS, SESSIONS = range(1, 34), range(20)
FPS_HZ = 30.0

_LEGACY = {"Watching Videos": "Walking"}
_OF_A_PERSON = ("skin_color", "gender")
_LEAST_LINES = 96


class Mmpd:
    """Recordings in ``root/subject<n>``."""

    def __init__(self, root: Path) -> None:
        demand_root(root, _holds_subjects, "subject<1..33>/p<n>_<0..19>.mat")
        self._root = root

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        (path,) = recording.truth_files
        ppg = np.asarray(variable(path, "GT_ppg"))
        if ppg.dtype.kind not in "fiu" or ppg.size != max(ppg.shape, default=0):
            raise DatasetUnavailable(
                f"{path}: GT_ppg is {ppg.dtype} of shape {ppg.shape}, expected numbers of shape (1, t)",
                hint="copy or download it again",
            )
        n_frames = round(recording.duration_s * FPS_HZ)
        return GroundTruth(
            samples=ppg.reshape(-1).astype(np.float64),
            times_s=np.arange(ppg.size) / FPS_HZ,
            kind="bvp",
            doubts=miscount("GT_ppg", ppg.size, n_frames, FPS_HZ),
        )

    def render(self, recording: Recording, target: Path) -> None:
        """Write the recording in 8 bits and its true proportions."""
        (path,) = recording.source_files
        lossless.write_lossless(pictures(path), target, recording.fps_hz)

    def container(self) -> str:
        return lossless.CONTAINER

    def inventory(self) -> Inventory:
        return Inventory(
            subjects=tuple(map(_folder, SUBJECTS)),
            n_recordings=len(SUBJECTS) * len(SESSIONS),
            absent=tuple(record for record in self._records if isinstance(record, Absent)),
            extra=extra(self._root, self._belongs),
            notes=("the videos were published compressed by a phone", *self._odd_labels(), *self._small_pictures()),
        )

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        return [self._record(subject, session) for subject in SUBJECTS for session in SESSIONS]

    def _record(self, subject: int, session: int) -> Recording | Absent:
        name = f"p{subject}_{session}"
        path = self._root / _folder(subject) / f"{name}.mat"
        try:
            demand_files([path], self._published)
            found = contents(path)
        except RppgbenchError as error:
            return absent(name, _folder(subject), error, [path])
        T, H, W, _ = found.shape
        motion = found.labels["motion"]
        return Recording(
            id=name,
            subject=_folder(subject),
            session=str(session),
            fps_hz=FPS_HZ,
            duration_s=T / FPS_HZ,
            source_files=(path,),
            source="lossy",
            source_details="filmed by a phone (H.264, unverified), published as arrays",
            truth_files=(path,),
            frame_size=rendered_size(H, W),
            tags={**found.labels, "motion": _LEGACY.get(motion, motion), "size": f"{W}x{H}"}
            | ({"motion_as_published": motion} if motion in _LEGACY else {}),
        )

    def _odd_labels(self) -> Iterator[str]:
        legacy = [r.id for r in self.recordings() if "motion_as_published" in r.tags]
        if legacy:
            yield f"{', '.join(legacy)}: labelled 'Watching Videos', an error for 'Walking', and read as that"
        for label in _OF_A_PERSON:
            values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
            for recording in self.recordings():
                values[recording.subject][recording.tags[label]].append(recording.id)
            for subject, ids in values.items():
                usual = max(ids, key=lambda value: len(ids[value]))
                for value in sorted(set(ids) - {usual}):
                    yield (
                        f"{', '.join(ids[value])}: {label} {value}, where {subject} is {usual} elsewhere; "
                        "if it shows another person, leave it out"
                    )

    def _small_pictures(self) -> Iterator[str]:
        small = {r.tags["size"] for r in self.recordings() if int(r.tags["size"].split("x")[1]) < _LEAST_LINES}
        if small:
            yield f"pictures of {', '.join(sorted(small))} are too small for finding faces: get the full set"

    def _published(self, path: Path) -> bool:
        return self._belongs(path) or path.name in map(_folder, SUBJECTS)

    def _belongs(self, path: Path) -> bool:
        place = path.relative_to(self._root).parts
        if len(place) == 1:
            return place[0] in ("meta_label.csv", "size.csv", "size_MMPD.csv", "size_mini_MMPD.csv")
        number = place[0].removeprefix("subject")
        return (
            len(place) == 2
            and place[0] in map(_folder, SUBJECTS)
            and place[1] in {f"p{number}_{session}.mat" for session in SESSIONS}
        )


def _folder(number: int) -> str:
    return f"subject{number}"


def _holds_subjects(folder: Path) -> bool:
    return any(folder.glob("subject[0-9]*/p[0-9]*_[0-9]*.mat"))
