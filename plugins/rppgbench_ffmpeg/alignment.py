"""Lag of a bitstream's frames behind the pictures encoded there, by a few frames to either side.

A decoded frame d of the source picture s(i) is nearer to s(i) than to s(i + lag) by a share of their distance:

    share(lag) = sum |d - s(i + lag)|^2 - |d - s(i)|^2  /  sum |s(i + lag) - s(i)|^2

It is 1 for a perfect frame, 1 - 2a where a codec lags behind a change by the part a (it copies what it does not code),
0 where the change was lost altogether, and -1 where the frame belongs to the other lag. The sums go over the frames
in which the source changes most, since only these show a lag; and over none that hardly changes.
"""

from __future__ import annotations

import heapq
from collections import deque
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rppgbench.contracts import ByteArray

_REACH = 2
LAGS = tuple(lag for lag in range(-_REACH, _REACH + 1) if lag)
_MAX_FRAMES = 32
# Rendered faces, still to talking, with and without noise, 30-250 kb/s: 0.06 to 1 in place, -0.27 to -1.2 one off.
_MISPLACED_SHARE = -0.15
# Squared levels a pixel from one picture to the next: a codec may hold back a smaller change, such as a pulse in a
# still face, for a few frames, which is no lag.
_LEAST_CHANGE = 1.0


class Alignment:
    """The lag of a bitstream, from its frames with enough motion to show one."""

    def __init__(self) -> None:
        self._frames: list[tuple[float, int, list[float], list[float]]] = []

    def add(self, index: int, decoded: ByteArray, here: ByteArray, lumas: Sequence[ByteArray]) -> None:
        """Add a decoded frame's luma, its source's, and the neighbours of that at `LAGS`; skipped at the ends."""
        if len(lumas) < len(LAGS):
            return
        change = squared_distance(here, lumas[LAGS.index(-1)])
        full = len(self._frames) == _MAX_FRAMES
        if change < _LEAST_CHANGE * here.size or (full and change <= self._frames[0][0]):
            return
        own = squared_distance(decoded, here)
        gains = [squared_distance(decoded, luma) - own for luma in lumas]
        distances = [squared_distance(here, luma) for luma in lumas]
        (heapq.heapreplace if full else heapq.heappush)(self._frames, (change, index, gains, distances))

    def misplaced_by(self) -> int | None:
        """The frames' lag in frames, None for frames in place or without enough motion to show one."""
        if not self._frames:
            return None
        gains = [sum(frame[2][position] for frame in self._frames) for position in range(len(LAGS))]
        distances = [sum(frame[3][position] for frame in self._frames) for position in range(len(LAGS))]
        if not any(gain < _MISPLACED_SHARE * distance for gain, distance in zip(gains, distances, strict=True)):
            return None
        return LAGS[gains.index(min(gains))]


def neighbourhoods(lumas: Iterable[ByteArray]) -> Iterator[tuple[ByteArray, tuple[ByteArray, ...]]]:
    """Each luma with its neighbours at `LAGS`, fewer at the ends."""
    source = iter(lumas)
    before: deque[ByteArray] = deque(maxlen=_REACH)
    after = deque(islice(source, _REACH))
    for luma in chain(source, repeat(None, _REACH)):
        if luma is not None:
            after.append(luma)
        if not after:
            return
        here = after.popleft()
        yield here, (*before, *islice(after, _REACH))
        before.append(here)


def squared_distance(one: ByteArray, other: ByteArray) -> float:
    """Sum of squared differences; exact, since both are integers."""
    return float(cv2.norm(one, other, cv2.NORM_L2SQR))
