"""PURE: ten people, six kinds of head motion, a minute each, as lossless pictures.

```
<SS>-<TT>/<SS>-<TT>/Image<ns>.png    640x480, about 30 a second; its name is its time in nanoseconds
<SS>-<TT>/<SS>-<TT>.json             {"/FullPackage": [{"Timestamp": ns, "Value": {"waveform": ...}}, ...],
                                      "/Image": [{"Timestamp": ns}, ...]}
```

SS is the subject (01-10) and TT the task (01-06); 06-02 was never published, so there are 59 sequences. Copies with
<SS>-<TT>/Image<ns>.png and <SS>-<TT>.json beside the folder are read too. From public loaders. Pulse (60 Hz) and
pictures start at different times and are brought together by their timestamps; a missing picture is a gap in time.
To be checked against a real copy: that the names of the pictures are times (where not, those of "/Image" are taken).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import MediaError, RppgbenchError
from rppgbench.media import lossless
from rppgbench_datasets.layout import extra, listed, refuse_root
from rppgbench_datasets.presence import absent, demand_root
from rppgbench_datasets.pure_sequence import PACKED, PureSequence, json_path
from rppgbench_datasets.stamps import advancing, lasts_s, misfit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray, FloatArray
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

SUBJECTS = tuple(f"{number:02d}" for number in range(1, 11))
TASKS = {
    "01": "steady",
    "02": "talking",
    "03": "slow translation",
    "04": "fast translation",
    "05": "small rotation",
    "06": "medium rotation",
}
SEQUENCES = tuple(f"{subject}-{task}" for subject in SUBJECTS for task in TASKS if (subject, task) != ("06", "02"))
FIXTURE_FPS_HZ = 30.0
FIXTURE_SENSOR_HZ = 60.0

_PLAYED: dict[str, tuple[Literal["still", "talk", "small", "large"], Literal["rest", "exercise"]]] = {
    "01": ("still", "rest"),
    "02": ("talk", "rest"),
    "03": ("small", "rest"),
    "04": ("large", "rest"),
    "05": ("small", "exercise"),
    "06": ("large", "exercise"),
}
_APART_S = 0.001
_NOTES = (
    "06-02 was never published: 59 sequences are all there are",
    "a sequence 07-07 that some code speaks of is in no list of the owner's and is not read",
)


class Pure:
    """Sequences below ``root``, in either layout."""

    def __init__(self, root: Path) -> None:
        if root.is_dir() and not _holds(root):
            packed = [path for path in listed(root) if path.stem in SEQUENCES and path.suffix in PACKED]
            if packed:
                refuse_root(root, "<SS>-<TT> folders of PURE", hint=f"unpack {packed[0].name} and the others there")
        demand_root(root, _holds, "<SS>-<TT> folders with Image<ns>.png and <SS>-<TT>.json")
        self.root = root

    def recordings(self) -> Sequence[Recording]:
        return [self._recording(sequence) for sequence in self._found[0].values()]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        """The pulse by its timestamps, whose 0 is that of the first picture.

        Raises:
            DatasetUnavailable: the JSON file is damaged, lacks a key, or its times run backwards.
        """
        sequence = PureSequence.at(self.root, recording.id)
        oximeter = sequence.oximeter()
        times_s = (oximeter.pulse_ns - sequence.frames_ns[0]) / 1e9
        later = advancing(times_s, lambda index: f"{sequence.json}: /FullPackage[{index}]")
        doubts = []
        if not later.all():
            doubts.append(f"{int((~later).sum())} samples that repeat a time are left out")
        if len(oximeter.images_ns) != len(sequence.pictures):
            doubts.append(f"{len(sequence.pictures)} pictures, /Image lists {len(oximeter.images_ns)}")
        elif (offset_s := float(np.abs(oximeter.images_ns - sequence.frames_ns).max()) / 1e9) > _APART_S:
            doubts.append(f"names of pictures and times in /Image are up to {offset_s:.3f} s apart")
        doubts += misfit(times_s[later], recording.duration_s)
        video_s = lasts_s((oximeter.images_ns - oximeter.images_ns[0]) / 1e9) if len(oximeter.images_ns) > 1 else None
        return GroundTruth(
            samples=oximeter.waveform[later], times_s=times_s[later], kind="bvp", video_s=video_s, doubts=tuple(doubts)
        )

    def frame_times_s(self, recording: Recording) -> NDArray[np.float64]:
        """``(T,)`` time of each picture, from 0 at the first."""
        return PureSequence.at(self.root, recording.id).times_s

    def render(self, recording: Recording, target: Path) -> None:
        """Write the pictures as a video at their mean rate.

        Raises:
            MediaError: a picture cannot be read.
            EncodingError: the video cannot be written, or a picture is of another size than the first.
        """
        lossless.write_lossless(_decoded(recording.source_files), target, recording.fps_hz)

    def container(self) -> str:
        return lossless.CONTAINER

    def inventory(self) -> Inventory:
        return Inventory(
            subjects=SUBJECTS,
            n_recordings=len(SEQUENCES),
            absent=self._found[1],
            extra=extra(self.root, self._belongs),
            notes=_NOTES,
        )

    @functools.cached_property
    def _found(self) -> tuple[dict[str, PureSequence], tuple[Absent, ...]]:
        found, missing = {}, []
        for name in SEQUENCES:
            try:
                found[name] = PureSequence.at(self.root, name)
            except RppgbenchError as error:
                files = (self.root / name, self.root / name / name, json_path(self.root, name))
                missing.append(absent(name, name[:2], error, files))
        return found, tuple(missing)

    def _recording(self, sequence: PureSequence) -> Recording:
        duration_s = lasts_s(sequence.times_s)
        return Recording(
            id=sequence.name,
            subject=sequence.name[:2],
            session=sequence.name[3:],
            fps_hz=len(sequence.pictures) / duration_s,
            duration_s=duration_s,
            source_files=sequence.pictures,
            source="lossless",
            source_details="PNG",
            # The clock starts at the first picture.
            truth_files=(sequence.json, sequence.pictures[0]),
            clock_files=(sequence.json, sequence.pictures[0], sequence.pictures[-1]),
            tags={"task": TASKS[sequence.name[3:]]},
        )

    def _belongs(self, path: Path) -> bool:
        if path.stem not in SEQUENCES:
            return False
        if path.is_dir():
            # An outer folder holds the JSON file too, so its entries are checked.
            return path.parent != self.root or not (path / path.name).is_dir()
        return path == json_path(self.root, path.stem)


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write all tasks of the first subjects below ``root``: pictures named by their time, and a pulse that starts
    half a second before them. Tasks 05 and 06 are motion after exercise."""
    rendered_by_id = {}
    of_subject = [[name for name in SEQUENCES if int(name[:2]) == subject] for subject in range(1, n_subjects + 1)]
    for name in chain.from_iterable(names[: cohort.n_sessions] for names in of_subject):
        motion, session = _PLAYED[name[3:]]
        rendered = cohort.take(
            int(name[:2]), session, fps_hz=FIXTURE_FPS_HZ, duration_s=duration_s, sensor="bvp", motion=motion
        )
        folder = root / name / name
        folder.mkdir(parents=True)
        rng = np.random.RandomState(SEQUENCES.index(name))
        start_ns = 1_392_643_993_642_815_000 + 10**12 * SEQUENCES.index(name)
        images_ns = _stamps_ns(start_ns, 0.0, rendered.n_frames, FIXTURE_FPS_HZ, rng)
        for stamp_ns, frame in zip(images_ns, rendered.frames(), strict=True):
            cv2.imwrite(str(folder / f"Image{stamp_ns}.png"), frame[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        n_samples = int((duration_s + 1.0) * FIXTURE_SENSOR_HZ)
        pulse_ns = _stamps_ns(start_ns, -0.5, n_samples, FIXTURE_SENSOR_HZ, rng)
        content = _sequence_json(pulse_ns, rendered.sensor((pulse_ns - start_ns) / 1e9), rendered.hr_bpm, images_ns)
        (root / name / f"{name}.json").write_text(json.dumps(content), encoding="ascii")
        rendered_by_id[name] = rendered
    return rendered_by_id


def _stamps_ns(
    start_ns: int, first_s: float, count: int, rate_hz: float, rng: np.random.RandomState
) -> NDArray[np.int64]:
    """Times from ``start_ns`` plus ``first_s`` on, each up to 2 ms late but the first."""
    late_ns = rng.randint(0, 2_000_000, count)
    late_ns[0] = 0
    return start_ns + np.rint(1e9 * (first_s + np.arange(count) / rate_hz)).astype(np.int64) + late_ns


def _sequence_json(
    pulse_ns: NDArray[np.int64], pulse: FloatArray, hr_bpm: float, images_ns: NDArray[np.int64]
) -> dict[str, Any]:
    # The oximeter sends whole numbers from 0 to 127.
    levels = np.rint(10 + 100 * (pulse - pulse.min()) / np.ptp(pulse)).astype(int)
    steady = {"pulseRate": round(hr_bpm), "o2saturation": 98, "signalStrength": 7}
    return {
        "/FullPackage": [
            {"Timestamp": stamp_ns, "Value": {"waveform": level, **steady}}
            for stamp_ns, level in zip(pulse_ns.tolist(), levels.tolist(), strict=True)
        ],
        "/Image": [{"Timestamp": stamp_ns} for stamp_ns in images_ns.tolist()],
    }


def _decoded(pictures: Sequence[Path]) -> Iterator[ByteArray]:
    for path in pictures:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise MediaError(f"{path}: is no picture that can be read", hint="unpack the sequence again")
        yield np.asarray(picture[:, :, ::-1], dtype=np.uint8)


def _holds(folder: Path) -> bool:
    # An outer folder of a sequence holds an inner one of the same name.
    return folder.resolve().name not in SEQUENCES and any((folder / name).is_dir() for name in SEQUENCES)
