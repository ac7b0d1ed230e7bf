"""One long take cut into consecutive recordings, for datasets in which a person does the same thing several times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rppgbench.testing.rendered_cohort import RenderedRecording

if TYPE_CHECKING:
    from rppgbench.contracts import ByteArray, FloatArray


@dataclass(frozen=True)
class Excerpt(RenderedRecording):
    """The part of a take that begins at its frame ``first``, with a clock of its own."""

    first: int = 0

    def frames(self) -> Iterator[ByteArray]:
        """``(H, W, 3)`` R, G, B, frame by frame."""
        return islice(super().frames(), self.first, self.first + self.n_frames)

    def sensor(self, times_s: FloatArray) -> FloatArray:
        """The contact sensor at ``times_s`` ``(N,)`` on the excerpt's clock."""
        return super().sensor(times_s + self.first / self.fps_hz)


def excerpts(take: RenderedRecording, count: int) -> list[Excerpt]:
    """``count`` recordings of equal length, one after the other, that make up a take."""
    n_frames = take.n_frames // count
    return [
        Excerpt(
            take.fps_hz,
            n_frames / take.fps_hz,
            take.beats_s - k * n_frames / take.fps_hz,
            take._dataset,
            take._recording,
            take._truth,
            first=k * n_frames,
        )
        for k in range(count)
    ]
