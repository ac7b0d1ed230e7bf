"""Timestamps of a recorder: repeated ones, steps back, and lengths that differ from the video's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import DatasetUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray


# Sensors are started and stopped by hand. A clock that is off by 2 % is off by more than this in a minute.
_LEAST_MISFIT_S, _LEAST_MISFIT_SHARE = 1.0, 0.01


def advancing(times_s: FloatArray, where: Callable[[int], str]) -> NDArray[np.bool_]:
    """``(N,)`` mask of the times that are later than all before them.

    ``where`` gives the place of an index in the file.

    Raises:
        DatasetUnavailable: a time is no finite number, or lies more than one period before another that precedes it,
            or there are fewer than two times.
    """
    times_s = np.asarray(times_s, dtype=np.float64)
    if not np.isfinite(times_s).all():
        at = int(np.argmin(np.isfinite(times_s)))
        raise DatasetUnavailable(f"{where(at)}: time is {times_s[at]:g}, expected seconds", hint="copy the file again")
    before = np.concatenate([[-np.inf], np.maximum.accumulate(times_s)[:-1]])
    later = times_s > before
    if later.sum() < 2:
        raise DatasetUnavailable(
            f"{where(0)}: {int(later.sum())} ascending times, expected at least 2", hint="copy the file again"
        )
    period_s = float(np.median(np.diff(times_s[later])))
    back = before - times_s > period_s
    if back.any():
        at = int(np.argmax(back))
        raise DatasetUnavailable(
            f"{where(at)}: time {times_s[at]:.4f} s after {before[at]:.4f} s, expected ascending times",
            hint="the clock was set back while it was recorded, or the file was put together from two: copy it again",
        )
    return later


def spread(times_s: FloatArray, later: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``(N,)`` ascending times from 0 on: times outside the mask ``later`` are interpolated."""
    index = np.arange(len(times_s))
    known, known_s = index[later], np.asarray(times_s, dtype=np.float64)[later]
    period_s = float(np.median(np.diff(known_s) / np.diff(known)))
    after = index > known[-1]
    result = np.asarray(np.interp(index, known, known_s), dtype=np.float64)
    result[after] = known_s[-1] + period_s * (index[after] - known[-1])
    result -= result[0]
    return result


def lasts_s(times_s: FloatArray) -> float:
    """Duration in s of as many frames as times: from the first to the last, plus the mean period."""
    return float(times_s[-1] - times_s[0]) * len(times_s) / (len(times_s) - 1)


def misfit(times_s: FloatArray, video_s: float, *, runs_on_s: float = _LEAST_MISFIT_S) -> tuple[str, ...]:
    """A doubt with both ends where a sensor stops more than 1 s and 1 % before or after a video of ``video_s``.

    A sensor that is not stopped with the camera may run on for ``runs_on_s`` without a doubt.
    """
    if len(times_s) < 2:
        return ()
    stop_s = float(times_s[-1] + np.median(np.diff(times_s)))
    allowed_s = max(runs_on_s if stop_s > video_s else _LEAST_MISFIT_S, _LEAST_MISFIT_SHARE * video_s)
    misfits = abs(stop_s - video_s) > allowed_s
    return (f"the sensor stops at {stop_s:.1f} s, the video at {video_s:.1f} s",) if misfits else ()


def miscount(name: str, n_samples: int, n_frames: int, rate_hz: float) -> tuple[str, ...]:
    """A doubt with both lengths where a sensor with one sample a frame has another number of samples than frames."""
    if n_samples == n_frames:
        return ()
    lengths = f"{n_samples / rate_hz:.2f} s against {n_frames / rate_hz:.2f} s"
    return (f"{n_samples} samples of {name} for {n_frames} frames, both said to be at {rate_hz:g} Hz: {lengths}",)
