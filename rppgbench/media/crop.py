"""Face crops in 8 bits: one picture, or a whole recording on a uniform clock, streamed to disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from rppgbench.errors import MediaError
from rppgbench.media.clock import grid
from rppgbench.media.decode import WHOLE, Frame, frames
from rppgbench.media.patch import patch_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import ArrayLike

    from rppgbench.contracts import ByteArray
    from rppgbench.media.box import Box
    from rppgbench.media.decode import Part


def crop(frame: Frame, box: Box, size: tuple[int, int]) -> ByteArray:
    """``(h, w, 3)`` R, G, B of the part of a frame inside ``box``, averaged over areas, rounded to nearest.

    ``size`` is ``(h, w)``. Area averages keep the mean colour, which is what a pulse is measured from. Beyond the
    frame its edge is continued, so that the face keeps its place and its proportions in the crop.
    """
    return np.asarray(np.rint(patch_means(frame.picture, box, size)).clip(0, 255), np.uint8)


def write_crops(
    path: Path,
    box: Box,
    size: tuple[int, int],
    fps_hz: float,
    target: Path,
    *,
    times_s: ArrayLike | None = None,
    part: Part = WHOLE,
) -> int:
    """Number of crops of a video, written as a uint8 ``(T, H, W, 3)`` .npy file with one frame at a time in memory.

    Crop t is the frame nearest to time t / ``fps_hz``, by the frames' timestamps or by ``times_s`` ``(N,)`` in their
    place (for an encoded copy whose source had another clock). ``part`` says which frames count.

    Raises:
        MediaError: the video cannot be read in full, or has another number of frames than ``times_s``.
    """
    stamped = _stamped(path, times_s, part)
    n_frames = 0
    with target.open("wb") as file:
        _write_header(file, 0, size)
        start = file.tell()
        for frame, repeats in _on_clock(stamped, fps_hz):
            picture = crop(frame, box, size).tobytes() if repeats else b""
            file.write(picture * repeats)
            n_frames += repeats
        file.seek(0)
        _write_header(file, n_frames, size)
        if file.tell() != start:
            raise MediaError(f"{target}: the header of {n_frames} crops does not fit in its place")
    return n_frames


def _stamped(path: Path, times_s: ArrayLike | None, part: Part) -> Iterator[tuple[float, Frame]]:
    if times_s is None:
        for frame in frames(path, part=part):
            yield frame.time_s, frame
        return
    times = np.asarray(times_s, np.float64)
    n_frames = 0
    for frame in frames(path, part=part):
        n_frames += 1
        if n_frames <= len(times):
            yield float(times[frame.index]), frame
    if n_frames != len(times):
        raise MediaError(f"{path}: has {n_frames} frames, expected {len(times)} as in its source")


def _on_clock(stamped: Iterable[tuple[float, Frame]], fps_hz: float) -> Iterator[tuple[Frame, int]]:
    """Each frame, and the number of clock ticks to which it is nearest; of two equally near frames the earlier one."""
    previous: tuple[float, Frame] | None = None
    periods_s: list[float] = []
    tick = 0
    for time_s, frame in stamped:
        if previous is not None:
            periods_s.append(time_s - previous[0])
            # Ties are broken by a margin far above the rounding of times, so that 60 -> 30 takes every second frame.
            first, tick = tick, _tick_after(tick, (previous[0] + time_s) / 2 + 1e-9, fps_hz)
            yield previous[1], tick - first
        previous = time_s, frame
    if previous is not None:
        end_s = previous[0] + (float(np.median(periods_s)) if periods_s else 1 / fps_hz)
        last_s = (len(grid(0.0, end_s, fps_hz)) - 0.5) / fps_hz
        yield previous[1], _tick_after(tick, last_s, fps_hz) - tick


def _tick_after(tick: int, until_s: float, fps_hz: float) -> int:
    """The first clock tick from ``tick`` on that lies behind ``until_s``."""
    while tick / fps_hz <= until_s:
        tick += 1
    return tick


def _write_header(file: BinaryIO, n_frames: int, size: tuple[int, int]) -> None:
    # NumPy pads its header so that the first axis may grow in place.
    header = {"descr": "|u1", "fortran_order": False, "shape": (n_frames, *size, 3)}
    np.lib.format.write_array_header_1_0(file, header)
