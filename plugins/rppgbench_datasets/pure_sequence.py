"""One sequence of PURE on a disk: pictures with their times, and the JSON file."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets.layout import renamed
from rppgbench_datasets.presence import Unusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKED = (".zip", ".7z", ".rar", ".tar", ".gz")
_PICTURE = re.compile(r"Image([0-9]+)\.png", re.IGNORECASE)
# A camera's period in nanoseconds; names that step otherwise are numbers, not times.
_PERIODS_NS = (1e6, 1e9)
_NO_TIME_NS = 2**63  # in the year 2262
_SEQUENCE = re.compile(r"[0-9]{2}-[0-9]{2}(\.json)?")


@dataclass(frozen=True)
class OximeterFile:
    """The JSON file of a sequence: ``(N,)`` pulse and its times, ``(M,)`` times of the pictures, in nanoseconds."""

    waveform: NDArray[np.float64]
    pulse_ns: NDArray[np.int64]
    images_ns: NDArray[np.int64]


@dataclass(frozen=True)
class PureSequence:
    """Pictures in the order taken, ``frames_ns`` their times."""

    name: str
    pictures: tuple[Path, ...]
    frames_ns: NDArray[np.int64]
    json: Path

    @classmethod
    def at(cls, root: Path, name: str) -> PureSequence:
        """The sequence ``name``.

        Raises:
            DatasetUnavailable: it has no JSON file or fewer than two pictures, nothing says when they were taken, or a
                picture's number is too large for a time.
        """
        folder = _folder(root, name)
        if not folder.is_dir():
            packed = [path for path in folder.parent.glob(f"{name}.*") if path.suffix in PACKED]
            hint = f"unpack {packed[0].name}" if packed else "get it again"
            raise DatasetUnavailable(f"{folder}: no such folder", hint=hint)
        path = json_path(root, name)
        if not path.is_file():
            raise DatasetUnavailable(
                f"{path}: no such file", hint=renamed(path, _is_a_sequences) or "get the sequence again"
            )
        with os.scandir(folder) as entries:
            matches = [match for entry in entries if (match := _PICTURE.fullmatch(entry.name))]
        numbered = sorted((int(match[1]), match[0]) for match in matches)
        if len(numbered) < 2:
            raise DatasetUnavailable(
                f"{folder}: {len(numbered)} pictures Image<ns>.png, expected about 1800", hint="unpack it again"
            )
        last = numbered[-1]
        if last[0] >= _NO_TIME_NS:
            raise Unusable(folder / last[1], "its number is no time in nanoseconds: too large", "unpack it again")
        pictures = tuple(folder / picture for _, picture in numbered)
        frames_ns = np.array([number for number, _ in numbered], dtype=np.int64)
        if not _PERIODS_NS[0] < np.median(np.diff(frames_ns)) < _PERIODS_NS[1]:
            frames_ns = _listed_ns(path, len(pictures))
        return cls(name, pictures, frames_ns, path)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """``(T,)`` times of the pictures, the first of them 0."""
        return np.asarray((self.frames_ns - self.frames_ns[0]) / 1e9, dtype=np.float64)

    def oximeter(self) -> OximeterFile:
        """Pulse and times from its JSON file.

        Raises:
            DatasetUnavailable: it is damaged, or an entry is not what it should be.
        """
        return _read_oximeter(self.json)


def json_path(root: Path, name: str) -> Path:
    """The JSON file of a sequence: in its outer folder, or in copies without one beside its folder."""
    inside = root / name / f"{name}.json"
    beside = root / f"{name}.json"
    return beside if beside.exists() or (_folder(root, name) == root / name and not inside.exists()) else inside


def _is_a_sequences(path: Path) -> bool:
    return _SEQUENCE.fullmatch(path.name) is not None


def _folder(root: Path, name: str) -> Path:
    inner = root / name / name
    return inner if inner.is_dir() else root / name


def _read_oximeter(path: Path) -> OximeterFile:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DatasetUnavailable(f"{path}: cannot be read ({error.strerror})", hint="check its permissions") from None
    except json.JSONDecodeError as error:
        raise DatasetUnavailable(f"{path}:{error.lineno}: is no JSON: {error.msg}", hint="get the file again") from None
    except UnicodeDecodeError as error:
        raise DatasetUnavailable(f"{path}: is no text ({error.reason})", hint="get the file again") from None
    pulse = _entries(content, "/FullPackage", path)
    images = _entries(content, "/Image", path)
    waveform = [
        _number(_of(_of(entry, "Value"), "waveform"), f"{path}: /FullPackage[{index}].Value.waveform")
        for index, entry in enumerate(pulse)
    ]
    return OximeterFile(
        np.array(waveform, dtype=np.float64), _stamps(pulse, "/FullPackage", path), _stamps(images, "/Image", path)
    )


def _listed_ns(path: Path, n_pictures: int) -> NDArray[np.int64]:
    listed_ns = _read_oximeter(path).images_ns
    if len(listed_ns) != n_pictures or not (np.diff(listed_ns) > 0).all():
        raise DatasetUnavailable(
            f"{path}: /Image lists {len(listed_ns)} ascending times for {n_pictures} pictures whose names are no times",
            hint="unpack the pictures again under their own names",
        )
    return listed_ns


def _entries(content: Any, key: str, path: Path) -> list[Any]:
    entries = _of(content, key)
    if not isinstance(entries, list):
        raise DatasetUnavailable(f"{path}: has no list {key!r}", hint="is it a JSON file of PURE? get it again")
    return entries


def _stamps(entries: list[Any], key: str, path: Path) -> NDArray[np.int64]:
    # Nanoseconds since 1970 need more digits than a float has.
    stamps = []
    for index, entry in enumerate(entries):
        stamp = _of(entry, "Timestamp")
        if not isinstance(stamp, int) or not 0 <= stamp < _NO_TIME_NS:
            raise DatasetUnavailable(
                f"{path}: {key}[{index}].Timestamp is {stamp!r}, expected nanoseconds", hint="get the file again"
            )
        stamps.append(stamp)
    return np.array(stamps, dtype=np.int64)


def _number(value: Any, where: str) -> float:
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        raise DatasetUnavailable(f"{where} is {value!r}, expected a number", hint="get the file again")
    return float(value)


def _of(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None
