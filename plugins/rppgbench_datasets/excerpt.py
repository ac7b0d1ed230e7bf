"""Consecutive parts of one rendered recording, for datasets in which a subject repeats an activity."""

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
    """The part of a rendered recording that begins at its frame ``first``, with a clock of its own."""

    first: int = 0

    def frames(self) -> Iterator[ByteArray]:
        """``(H, W, 3)`` R, G, B of each frame."""
        return islice(super().frames(), self.first, self.first + self.n_frames)

    def sensor(self, times_s: FloatArray) -> FloatArray:
        """The contact sensor at ``times_s`` ``(N,)`` on the excerpt's clock."""
        return super().sensor(times_s + self.first / self.fps_hz)


def excerpts(rendered: RenderedRecording, count: int) -> list[Excerpt]:
    """``count`` consecutive parts of equal length."""
    n_frames = rendered.n_frames // count
    return [
        Excerpt(
            rendered.fps_hz,
            n_frames / rendered.fps_hz,
            rendered.beats_s - k * n_frames / rendered.fps_hz,
            rendered._dataset,
            rendered._recording,
            rendered._truth,
            first=k * n_frames,
        )
        for k in range(count)
    ]
