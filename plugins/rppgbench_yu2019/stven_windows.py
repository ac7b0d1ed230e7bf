"""Long clips through a network that was made for short ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def window_starts(n_frames: int, length: int, overlap: int) -> list[int]:
    """First frames of windows that overlap by ``overlap`` frames, the last two by more where nothing else fits."""
    if n_frames <= length:
        return [0]
    return [*range(0, n_frames - length, length - overlap), n_frames - length]


def fade(length: int, overlap: int) -> NDArray[np.float32]:
    """``(length,)``: what each frame of a window counts. At the usual distance, the sum over windows is 1 inside."""
    rise = np.arange(1, length + 1) / (overlap + 1)
    return np.minimum(np.minimum(rise, rise[::-1]), 1).astype(np.float32)


def in_windows(
    process: Callable[[Any], NDArray[np.float32]], video: Any, *, length: int, overlap: int
) -> NDArray[np.float32]:
    """What ``process`` makes of each window of each clip, one at a time, cross-faded where windows overlap.

    Args:
        process: ``(1, t, H, W, C)`` to the same shape, t frames being ``length``, or all of a shorter clip.
        video: ``(B, T, H, W, C)``.
        length: frames of a window.
        overlap: frames over which one window fades into the next.
    """
    B, T = video.shape[:2]
    length = min(length, T)
    weight = fade(length, overlap)
    processed = np.zeros(tuple(video.shape), np.float32)
    total = np.zeros(T, np.float32)
    starts = window_starts(T, length, overlap)
    for start in starts:
        total[start : start + length] += weight
    for b in range(B):
        for start in starts:
            stop = start + length
            share = (weight / total[start:stop])[:, None, None, None]
            processed[b, start:stop] += share * process(video[b : b + 1, start:stop])[0]
    return processed
