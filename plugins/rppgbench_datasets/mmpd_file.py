"""One file of MMPD, variable by variable."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from rppgbench.errors import DatasetUnavailable, MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray

LABELS = ("light", "motion", "exercise", "skin_color", "gender", "glasser", "hair_cover", "makeup")

# Frames lie scattered in a MATLAB array, whose time runs fastest: as many at once as share a line of the cache.
_FRAMES_AT_ONCE = 16
_AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Contents:
    """Shape ``(T, H, W, C)`` of a file's video, which is not read, and its labels."""

    shape: tuple[int, ...]
    labels: dict[str, str]


def widescreen(frames: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """``(T, H, W, 3)`` of 4:3 to ``(T, 3H/4, W, 3)``, an even number of rows: the mean over each new row's area.

    A row that is left over is cut off at the bottom. Frames of other proportions are returned as they are.
    """
    T, H, W, C = frames.shape
    if 3 * W != 4 * H or H % 4:
        return frames
    a, b, c, d = np.moveaxis(frames.reshape(T, H // 4, 4, W, C), 2, 0)
    rows = np.stack([(3 * a + b) / 4, (b + c) / 2, (c + 3 * d) / 4], axis=2).reshape(T, 3 * H // 4, W, C)
    return rows[:, : len(rows[0]) // 2 * 2]


def rendered_size(H: int, W: int) -> tuple[int, int]:
    """Width and height after `widescreen` of frames of ``H`` rows and ``W`` columns."""
    return (W, H) if 3 * W != 4 * H or H % 4 else (W, 3 * H // 8 * 2)


def pictures(path: Path) -> Iterator[ByteArray]:
    video = variable(path, "video")
    scale = 1.0 if video.dtype == np.uint8 else 255.0
    for first in range(0, len(video), _FRAMES_AT_ONCE):
        block = np.ascontiguousarray(video[first : first + _FRAMES_AT_ONCE], dtype=np.float32)
        levels = np.rint(widescreen(block) * np.float32(scale))
        within = (levels >= 0) & (levels <= 255)
        if not within.all():
            frame = first + int(np.argmin(within.all(axis=(1, 2, 3))))
            raise MediaError(f"{path}: frame {frame} of video has values outside 0 to 1, or none", hint=_AGAIN)
        yield from levels.astype(np.uint8)


def contents(path: Path) -> Contents:
    _demand_whole(path)
    shapes: dict[str, tuple[int, ...]] = {name: shape for name, shape, _ in _read(path, whosmat)}
    missing = {"video", "GT_ppg", *LABELS} - set(shapes)
    if missing:
        raise DatasetUnavailable(f"{path}: holds no {', '.join(sorted(missing))}", hint=f"is it of MMPD? {_AGAIN}")
    if len(shapes["video"]) != 4 or shapes["video"][3] != 3 or 0 in shapes["video"]:
        raise DatasetUnavailable(f"{path}: video is of shape {shapes['video']}, expected (t, h, w, 3)", hint=_AGAIN)
    found = _read(path, loadmat, variable_names=LABELS)
    return Contents(shapes["video"], {name: _text(found[name]) for name in LABELS})


def _text(value: Any) -> str:
    values = np.asarray(value).reshape(-1)
    return str(values[0]).strip() if len(values) else ""


def variable(path: Path, name: str) -> Any:
    found = _read(path, loadmat, variable_names=[name])
    if name not in found:
        raise DatasetUnavailable(f"{path}: holds no {name}", hint=_AGAIN)
    return found[name]


def _read(path: Path, reader: Any, **options: Any) -> Any:
    try:
        return reader(str(path), **options)
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError, zlib.error) as error:
        raise DatasetUnavailable(f"{path}: cannot be read ({error})", hint=_AGAIN) from None


def _demand_whole(path: Path) -> None:
    """Check a file's elements from header to header up to its end: scipy reads files that are cut off.

    Raises:
        DatasetUnavailable: it is no file of MATLAB v5, or ends within an element.
    """
    n_bytes, at = path.stat().st_size, 128
    with path.open("rb") as file:
        order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(file.read(128)[124:128])
        if order is None:
            raise DatasetUnavailable(f"{path}: is no file of MATLAB v5", hint=f"is it of MMPD? {_AGAIN}")
        while at < n_bytes:
            file.seek(at)
            at += 8 + _element_bytes(file, order)
    if at != n_bytes:
        raise DatasetUnavailable(f"{path}: is cut off after {n_bytes} bytes, expected {at} or more", hint=_AGAIN)


def _element_bytes(file: BinaryIO, order: str) -> int:
    return int(struct.unpack(f"{order}II", file.read(8).ljust(8, b"\0"))[1])
