"""SCAMPS: 2,800 synthetic people, rendered for 20 s each with a known pulse.

```
P000001.mat .. P002800.mat
Train/P000001.mat ..           as some sort them: Train, Val, Test
```
McDuff, Wander, Liu, Hill, Hernandez, Lester & Baltrusaitis, SCAMPS: synthetics for camera measurement of physiological
signals, NeurIPS Datasets and Benchmarks, 2022. The files are MATLAB v7.3, HDF5 with reversed
axes: ``Xsub`` (C, W, H, T), the face at 240x240 as numbers from 0 to 1, and ``d_ppg`` (T), both at 30 fps. A file
holds no times; 30 fps is the published rate.

- ``Xsub`` is rendered to 8 bits a colour without further loss, and a pulse of less than one grey level survives in the
  average over pixels alone. ``RawFrames``, the wider picture, and the masks are not read.
- Names with five digits (``P00001.mat``) are those with six.
- To be checked against a real copy: that numbers run from 1 to 2800 without gaps, and that ``d_ppg`` is systole up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable
from rppgbench.media.lossless import CONTAINER, write_lossless
from rppgbench_datasets.layout import extra, listed, optional_reader
from rppgbench_datasets.presence import demand_root
from rppgbench_datasets.scamps_fixture import write_fixture
from rppgbench_datasets.stamps import miscount

if TYPE_CHECKING:
    from rppgbench.contracts import ByteArray

__all__ = ["Scamps", "write_fixture"]

FPS_HZ = 30.0
_PUBLISHED = 2800
_NAME = re.compile(r"P(\d{5,6})\.mat")
_SPLITS = ("train", "val", "test")
_OTHER_FILES = re.compile(r".*\.csv", re.IGNORECASE)
_VIDEO, _PULSE = "Xsub", "d_ppg"
_BLOCK_FRAMES = 60  # 83 MB of them as numbers of 8 bytes
_ROUNDING = 1e-3


class Scamps:
    """Recordings in ``root``, or in its folders Train, Val and Test."""

    def __init__(self, root: Path) -> None:
        demand_root(root, lambda folder: bool(_found(folder)), "P000001.mat, or that in Train, Val or Test")
        optional_reader("h5py")  # without it every file would seem broken
        self._root = root

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        (path,) = recording.truth_files
        with _opened(path) as file:
            samples = np.squeeze(_array(path, file, _PULSE)[()])
        if samples.ndim != 1 or samples.dtype.kind not in "fiu":
            raise DatasetUnavailable(
                f"{path}: {_PULSE} is {samples.dtype} of shape {samples.shape}, expected one number a frame",
                hint="download the file again",
            )
        n_frames = round(recording.duration_s * FPS_HZ)
        doubts = miscount(_PULSE, len(samples), n_frames, FPS_HZ)
        times_s = np.arange(len(samples)) / FPS_HZ
        return GroundTruth(samples=samples.astype(np.float64), times_s=times_s, kind="bvp", doubts=doubts)

    def render(self, recording: Recording, target: Path) -> None:
        (path,) = recording.source_files
        with _opened(path) as file:
            write_lossless(_frames(path, _array(path, file, _VIDEO)), target, FPS_HZ)

    def container(self) -> str:
        return CONTAINER

    def inventory(self) -> Inventory:
        files = set(_found(self._root).values())
        subjects = tuple(_subject(number) for number in range(1, _PUBLISHED + 1))
        return Inventory(
            subjects=subjects,
            n_recordings=len(subjects),
            absent=tuple(record for record in self._records if isinstance(record, Absent)),
            extra=extra(self._root, lambda path: path in files or bool(_OTHER_FILES.fullmatch(path.name))),
            notes=(f"{len(files)} of {_PUBLISHED} files are here; ten of them are public as a sample of 1.2 GB",),
        )

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        files = _found(self._root)
        return [self._record(number, files.get(number)) for number in range(1, _PUBLISHED + 1)]

    def _record(self, number: int, path: Path | None) -> Recording | Absent:
        subject = _subject(number)
        if path is None:
            missing = self._root / f"{subject}.mat"
            return Absent(id=subject, subject=subject, path=missing, reason="no such file", remedy="download it")
        try:
            W, H, T = _video_shape(path)
        except DatasetUnavailable as error:
            reason = error.message.removeprefix(f"{path}: ")
            return Absent(id=subject, subject=subject, path=path, reason=reason, remedy=error.hint or "")
        return Recording(
            id=subject,
            subject=subject,
            session="1",
            fps_hz=FPS_HZ,
            duration_s=T / FPS_HZ,
            source_files=(path,),
            source="rendered",
            source_details="synthetic people, 240x240, rounded to 8 bits a colour",
            truth_files=(path,),
            frame_size=(W, H),
            tags={} if path.parent == self._root else {"split": path.parent.name.lower()},
        )


def _subject(number: int) -> str:
    return f"P{number:06d}"


def _found(root: Path) -> dict[int, Path]:
    """Published files by number; the first where a file is in several folders."""
    entries = listed(root)
    folders = [entry for entry in entries if entry.is_dir() and entry.name.lower() in _SPLITS]
    files: dict[int, Path] = {}
    for path in (*entries, *(path for folder in folders for path in listed(folder))):
        name = _NAME.fullmatch(path.name)
        if name and 1 <= int(name[1]) <= _PUBLISHED:
            files.setdefault(int(name[1]), path)
    return files


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    reader = optional_reader("h5py")
    try:
        with reader.File(path, "r") as file:
            yield file
    except OSError as error:
        raise DatasetUnavailable(
            f"{path}: cannot be read as MATLAB v7.3, which is HDF5 ({error})", hint="was it cut off? Download it again"
        ) from None


def _array(path: Path, file: Any, key: str) -> Any:
    found = file.get(key)
    if not hasattr(found, "shape"):
        raise DatasetUnavailable(
            f"{path}: has no array {key} (there: {', '.join(sorted(file)) or 'nothing'})",
            hint="is it a file of SCAMPS? Download it again",
        )
    return found


def _video_shape(path: Path) -> tuple[int, int, int]:
    with _opened(path) as file:
        video, _ = _array(path, file, _VIDEO), _array(path, file, _PULSE)
        if video.ndim != 4 or video.shape[0] != 3 or not video.size or video.dtype.kind != "f":
            raise DatasetUnavailable(
                f"{path}: {_VIDEO} is {video.dtype} of shape {video.shape}, expected float of (3, W, H, T)",
                hint="was the file converted? Download it again",
            )
        W, H, T = video.shape[1:]
        return int(W), int(H), int(T)


def _frames(path: Path, video: Any) -> Iterator[ByteArray]:
    """``(H, W, C)`` frames of a stored ``(C, W, H, T)``, read in blocks, since T is the contiguous axis."""
    T = video.shape[3]
    for first in range(0, T, _BLOCK_FRAMES):
        block = np.transpose(video[..., first : first + _BLOCK_FRAMES], (3, 2, 1, 0))
        # Not a number fails the comparison too.
        good = ((block >= -_ROUNDING) & (block <= 1 + _ROUNDING)).all(axis=(1, 2, 3))
        if not good.all():
            raise DatasetUnavailable(
                f"{path}: {_VIDEO}, frame {first + int(np.argmin(good))}: holds values that are not from 0 to 1",
                hint="was the file converted? Download it again",
            )
        yield from np.rint(block.clip(0, 1) * 255).astype(np.uint8)
