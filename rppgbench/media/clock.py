"""Resampling by timestamp, from the times of frames to a uniform clock.

No nominal frame rate is used: sources of 15, 20, 29.97, 60 or 61 frames a second, or of a varying rate, end on the same
clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from rppgbench.contracts import FloatArray

# Share of a sample period that rounding of times may take away without the last sample being lost.
_ROUNDING = 1e-6


def grid(start_s: float, end_s: float, fps_hz: float) -> NDArray[np.float64]:
    """``(N,)`` times from ``start_s`` on, one for each whole period of ``fps_hz`` that fits before ``end_s``."""
    if not fps_hz > 0:
        raise SignalError(f"a clock of {fps_hz} Hz, expected more than 0")
    count = int(np.floor((end_s - start_s) * fps_hz + _ROUNDING))
    return start_s + np.arange(max(count, 0)) / fps_hz


def span_s(times_s: ArrayLike) -> float:
    """Duration in seconds of frames at these times: from the first to one median period after the last."""
    times = np.asarray(times_s, np.float64)
    return float(times[-1] - times[0] + np.median(np.diff(times))) if len(times) > 1 else 0.0


def gaps_s(times_s: ArrayLike, *, max_gap_s: float = 0.5) -> list[tuple[float, float]]:
    """Gaps longer than ``max_gap_s``: the times in seconds of the frame before and of the one after each."""
    times = np.asarray(times_s, np.float64)
    return [(float(times[at]), float(times[at + 1])) for at in np.flatnonzero(np.diff(times) > max_gap_s)]


def to_uniform(
    times_s: ArrayLike,
    values: ArrayLike,
    fps_hz: float,
    *,
    duration_s: float | None = None,
    max_gap_s: float = 0.5,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values on a uniform clock that starts at 0, by linear interpolation between timestamps.

    Samples that are not finite count as missing. Where the source has a gap longer than ``max_gap_s``, and further
    than one source period from its first and last sample, the result is NaN.

    Args:
        times_s: ``(T,)`` ascending.
        values: ``(T,)`` or ``(T, C)``.
        fps_hz: rate of the clock.
        duration_s: where the clock ends; up to the end of the last source frame if None.

    Returns:
        Times ``(N,)`` and values ``(N,)`` or ``(N, C)``.

    Raises:
        SignalError: times are not ascending, or do not match the values.
    """
    times, samples = _ascending(times_s), np.asarray(values, np.float64)
    if len(samples) != len(times):
        raise SignalError(f"{len(samples)} values for {len(times)} times, expected as many")
    period_s = float(np.median(np.diff(times))) if len(times) > 1 else 1 / fps_hz
    clock = grid(0.0, times[-1] + period_s if duration_s is None else duration_s, fps_hz)
    columns = samples.reshape(len(samples), -1)
    present = np.isfinite(columns).all(axis=1)
    result = np.full((len(clock), columns.shape[1]), np.nan)
    if present.any():
        times, columns = times[present], columns[present]
        covered = _covered(times, clock, max_gap_s, period_s)
        for column in range(columns.shape[1]):
            result[covered, column] = np.interp(clock[covered], times, columns[:, column])
    return clock, result.reshape(len(clock), *samples.shape[1:])


def _covered(times_s: FloatArray, clock_s: FloatArray, max_gap_s: float, period_s: float) -> NDArray[np.bool_]:
    after = np.searchsorted(times_s, clock_s - 1e-9)
    last = len(times_s) - 1
    gap_s = times_s[np.clip(after, 0, last)] - times_s[np.clip(after - 1, 0, last)]
    on_sample = np.abs(times_s[np.clip(after, 0, last)] - clock_s) <= 1e-9
    inside = (after > 0) & (after <= last) & (gap_s <= max_gap_s)
    near_end = (clock_s > times_s[-1]) & (clock_s < times_s[-1] + period_s + 1e-9)
    near_start = (clock_s < times_s[0]) & (clock_s > times_s[0] - period_s - 1e-9)
    return np.asarray(inside | on_sample | near_end | near_start)


def _ascending(times_s: ArrayLike) -> NDArray[np.floating[Any]]:
    times = np.asarray(times_s, np.float64)
    if times.ndim != 1 or len(times) == 0:
        raise SignalError(f"times of shape {times.shape}, expected (T,) with T >= 1")
    if not (np.diff(times) > 0).all():
        at = int(np.argmin(np.diff(times) > 0)) + 1
        raise SignalError(f"times do not ascend at sample {at}: {times[at - 1]} s, then {times[at]} s")
    return times
