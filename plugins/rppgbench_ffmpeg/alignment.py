"""Lag of a bitstream's frames behind the pictures encoded there, by a few frames to either side.

A decoded frame d of the source picture s(i) is nearer to s(i) than to s(i + lag) by some share of how far those two
are apart:

    share(lag) = sum |d - s(i + lag)|^2 - |d - s(i)|^2  /  sum |s(i + lag) - s(i)|^2

It is 1 for a perfect frame, 1 - 2a where a codec lags behind a change by the part a (it copies what it does not code),
0 where the change was lost altogether, and -1 where the frame belongs to the other lag. The sums go over the frames
in which the source changes most, since only there is there anything to tell; and over none that hardly changes.
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
_WITNESSES = 32
# Rendered faces, still to talking, with and without noise, 30-250 kb/s: 0.06 to 1 in place, -0.27 to -1.2 one off.
_MISPLACED_SHARE = -0.15
# Squared levels a pixel from one picture to the next: what is less, such as a pulse in a face that keeps still, a codec
# may hold back for a few frames, which is no other place.
_LEAST_CHANGE = 1.0


class Alignment:
    """The lag of a bitstream, from its frames with enough motion to show one."""

    def __init__(self) -> None:
        self._witnesses: list[tuple[float, int, list[float], list[float]]] = []

    def add(self, index: int, decoded: ByteArray, here: ByteArray, lumas: Sequence[ByteArray]) -> None:
        """Add a decoded frame's luma, its source's, and those at `LAGS` about it (too few at the ends to count)."""
        if len(lumas) < len(LAGS):
            return
        change = squared_distance(here, lumas[LAGS.index(-1)])
        full = len(self._witnesses) == _WITNESSES
        if change < _LEAST_CHANGE * here.size or (full and change <= self._witnesses[0][0]):
            return
        own = squared_distance(decoded, here)
        nearer = [squared_distance(decoded, luma) - own for luma in lumas]
        apart = [squared_distance(here, luma) for luma in lumas]
        (heapq.heapreplace if full else heapq.heappush)(self._witnesses, (change, index, nearer, apart))

    def misplaced_by(self) -> int | None:
        """The frames' lag in frames, None for frames in place or without enough motion to show one."""
        if not self._witnesses:
            return None
        nearer = [sum(witness[2][position] for witness in self._witnesses) for position in range(len(LAGS))]
        apart = [sum(witness[3][position] for witness in self._witnesses) for position in range(len(LAGS))]
        if not any(near < _MISPLACED_SHARE * far for near, far in zip(nearer, apart, strict=True)):
            return None
        return LAGS[nearer.index(min(nearer))]


def neighbourhoods(lumas: Iterable[ByteArray]) -> Iterator[tuple[ByteArray, tuple[ByteArray, ...]]]:
    """Each luma, and those at `LAGS` about it as far as there are any."""
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
