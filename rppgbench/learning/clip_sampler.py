"""Random batches of clips of training subjects under the training conditions."""

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
    """One recording of a training set; arrays may be mapped from disk.

    ``clips`` are ``(T, H, W, 3)`` by condition, ``reference`` those of the reference video, ``wave`` ``(T,)`` the
    target, NaN where unknown, ``skin`` ``(T, H, W)`` the reference's skin mask if the method wants ``skin_labels``.
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
        """First frames of all clips of ``frames`` frames whose target is known throughout and not flat."""
        wave = self.wave[: self.n_frames]
        known = np.isfinite(wave)
        if len(wave) < frames or not known.any():
            return np.zeros(0, np.int64)
        clips = np.lib.stride_tricks.sliding_window_view(np.where(known, wave, 0.0), frames)
        # The wave of a silent sensor is rounding noise, which standardising would amplify.
        varies = clips.std(axis=1) > _LEAST_SHARE_OF_SD * wave[known].std()
        whole = np.lib.stride_tricks.sliding_window_view(known, frames).all(axis=1)
        return np.flatnonzero(whole & varies)


class ClipSampler:
    """Batches of clips of ``recordings``; ``labels`` numbers the training conditions by id (0: the reference).

    Each batch is a function of the seed and its number, so a fit may resume at any step. ``left_out`` are the ids of
    recordings without a usable clip.

    Raises:
        SignalError: no recording has ``frames`` frames in a row with a known target.
    """

    def __init__(
        self,
        recordings: Sequence[TrainingRecording],
        labels: Mapping[str, int],
        *,
        frames: int,
        fps_hz: float,
        seed: int,
    ) -> None:
        self._labels, self._frames, self._fps_hz, self._seed = labels, frames, fps_hz, seed
        self._starts = [recording.starts(frames) for recording in recordings]
        self._recordings = [
            recording for recording, starts in zip(recordings, self._starts, strict=True) if len(starts)
        ]
        self.left_out = sorted({one.recording for one in recordings} - {one.recording for one in self._recordings})
        self._starts = [starts for starts in self._starts if len(starts)]
        if not self._recordings:
            raise SignalError(
                f"no training recording has {frames} frames in a row with a known pulse",
                hint="look at the ground truth of the training subjects, or lower the recipe's frames",
            )

    @cached_property
    def n_clips(self) -> float:
        """Clips per epoch: frames of all recordings times conditions, over frames of a clip."""
        return sum(recording.n_frames * len(self._labels) for recording in self._recordings) / self._frames

    def draw(self, number: int, recipe: Recipe, device: torch.device) -> TrainingBatch:
        """Batch ``number``: recordings, conditions and first frames drawn uniformly."""
        # RandomState, not Generator: NumPy guarantees its stream across versions.
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
        index = random.randint(len(self._recordings))
        recording, starts = self._recordings[index], self._starts[index]
        condition = list(self._labels)[random.randint(len(self._labels))]
        start = starts[random.randint(len(starts))]
        span = slice(start, start + self._frames)
        step = -1 if flip and random.randint(2) else 1
        reference = recording.reference[span, :, ::step]
        video = reference if self._labels[condition] == 0 else recording.clips[condition][span, :, ::step]
        wave = recording.wave[span] - recording.wave[span].mean()
        deviation = wave.std()
        skin = None if recording.skin is None else recording.skin[span, :, ::step]
        return video, reference, wave / (deviation if deviation > 0 else 1.0), skin, self._labels[condition]

    @staticmethod
    def _pixels(clips: Sequence[ByteArray], device: torch.device) -> torch.Tensor:
        """``(B, T, H, W, 3)`` float32 in [0, 1]; uint8 is transferred and converted on the device."""
        return torch.from_numpy(np.stack(clips)).to(device).float() / 255
