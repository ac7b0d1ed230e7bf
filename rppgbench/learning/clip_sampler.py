"""What a fit learns from: clips of training subjects under the conditions it may see, drawn at random by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from rppgbench.errors import SignalError
from rppgbench.learning.learner import TrainingBatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray, FloatArray
    from rppgbench.learning.recipe import Recipe


_LEAST_SHARE_OF_SD = 0.05


@dataclass(frozen=True, kw_only=True)
class TrainingRecording:
    """One recording to learn from; arrays may be mapped from disk.

    ``clips`` are ``(T, H, W, 3)`` by condition, ``reference`` those of the reference video, ``wave`` ``(T,)`` the
    target with NaN where there is none, ``skin`` ``(T, H, W)`` the reference's skin where it was asked for.
    """

    recording: str
    clips: Mapping[str, ByteArray]
    reference: ByteArray
    wave: FloatArray
    skin: NDArray[np.bool_] | None = None

    @property
    def n_frames(self) -> int:
        return min(len(x) for x in (self.wave, self.reference, *self.clips.values()))

    def starts(self, frames: int) -> NDArray[np.int64]:
        """First frames of the clips of ``frames`` frames whose target is known throughout."""
        wave = self.wave[: self.n_frames]
        known = np.isfinite(wave)
        if len(wave) < frames or not known.any():
            return np.zeros(0, np.int64)
        clips = np.lib.stride_tricks.sliding_window_view(np.where(known, wave, 0.0), frames)
        # A stretch in which a sensor fell silent has rounding for a wave, which standardising would blow up.
        alive = clips.std(axis=1) > _LEAST_SHARE_OF_SD * wave[known].std()
        whole = np.lib.stride_tricks.sliding_window_view(known, frames).all(axis=1)
        return np.flatnonzero(whole & alive)


class ClipSampler:
    """Lectures under ``conditions``, of which ``labels`` gives the number of each (0: the reference).

    Every batch is a function of the seed and its number alone, so a fit may stop and go on anywhere. ``left_out`` are
    the recordings without a clip whose target is known throughout.

    Raises:
        SignalError: there is nothing to learn from: no clip is long enough, or no target is known throughout one.
    """

    def __init__(
        self, lectures: Sequence[TrainingRecording], labels: Mapping[str, int], *, frames: int, fps_hz: float, seed: int
    ) -> None:
        self._labels, self._frames, self._fps_hz, self._seed = labels, frames, fps_hz, seed
        self._starts = [lecture.starts(frames) for lecture in lectures]
        self._lectures = [lecture for lecture, starts in zip(lectures, self._starts, strict=True) if len(starts)]
        self.left_out = sorted({x.recording for x in lectures} - {x.recording for x in self._lectures})
        self._starts = [starts for starts in self._starts if len(starts)]
        if not self._lectures:
            raise SignalError(
                f"no training recording has {frames} frames in a row with a known pulse",
                hint="look at the ground truth of the training subjects, or lower the recipe's frames",
            )

    @cached_property
    def n_clips(self) -> float:
        """How many clips one epoch shows: the frames of every recording under every condition, over a clip's."""
        return sum(lecture.n_frames * len(self._labels) for lecture in self._lectures) / self._frames

    def draw(self, number: int, recipe: Recipe, device: torch.device) -> TrainingBatch:
        """Batch ``number``: recordings, conditions and places uniform at random."""
        # RandomState: its stream is promised never to change.
        random = np.random.RandomState([self._seed % 2**32, number])
        items = [self._item(random, recipe.flip) for _ in range(recipe.batch)]
        video, reference, wave, skin, condition = zip(*items, strict=True)
        pixels = self._pixels(reference, device)
        same = all(one is other for one, other in zip(video, reference, strict=True))
        return TrainingBatch(
            video=pixels if same else self._pixels(video, device),
            reference=pixels,
            wave=torch.from_numpy(np.stack(wave).astype(np.float32)).to(device),
            condition=torch.tensor(condition, device=device),
            fps_hz=self._fps_hz,
            skin=None if skin[0] is None else torch.from_numpy(np.stack(skin)).to(device).float(),
        )

    def _item(
        self, random: np.random.RandomState, flip: bool
    ) -> tuple[ByteArray, ByteArray, FloatArray, NDArray[np.bool_] | None, int]:
        chosen = random.randint(len(self._lectures))
        lecture, starts = self._lectures[chosen], self._starts[chosen]
        condition = list(self._labels)[random.randint(len(self._labels))]
        start = starts[random.randint(len(starts))]
        span = slice(start, start + self._frames)
        step = -1 if flip and random.randint(2) else 1
        reference = lecture.reference[span, :, ::step]
        video = reference if self._labels[condition] == 0 else lecture.clips[condition][span, :, ::step]
        wave = lecture.wave[span] - lecture.wave[span].mean()
        deviation = wave.std()
        skin = None if lecture.skin is None else lecture.skin[span, :, ::step]
        return video, reference, wave / (deviation if deviation > 0 else 1.0), skin, self._labels[condition]

    @staticmethod
    def _pixels(clips: Sequence[ByteArray], device: torch.device) -> torch.Tensor:
        """Bytes travel to the device and become floats there."""
        return torch.from_numpy(np.stack(clips)).to(device).float() / 255
