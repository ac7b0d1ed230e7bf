"""STVEN, the video enhancement network of Yu et al., ICCV 2019, section 3.1, written from the paper.

One generator translates a clip into any of the conditions that it learnt from; to enhance is to ask it for the
reference. There is no adversary: it learns from pairs, both ways and around.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rppgbench.errors import PluginError
from rppgbench.learning.inference import as_array, as_video
from rppgbench.learning.learner import TrainingBatch, TrainingContext
from rppgbench_yu2019.stven_generator import Design, Generator, Labels
from rppgbench_yu2019.stven_windows import in_windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rppgbench_yu2019.params import Size

# The norms make the output depend on how long a clip is: windows are as long as the paper's clips.
WINDOW_FRAMES = 64
OVERLAP_FRAMES = 16

LOSSES = ("enhance", "compress", "cycle_enhance", "cycle_compress")

PAPER = Design()
# The authors' network has batch norms in its blocks; here they are the instance norms of the paper's text, which have
# as many weights and make training and use the same.
RELEASED = Design(blocks=4, sets=1, matched=True, bare=True, bias=False)
# Under the paper's losses a network this shallow that is told by planes stays the identity: away from the borders it
# cannot tell the two directions from each other, and the cycles punish whatever it does to both.
SMALL = Design(widths=(8, 16, 32), blocks=2, sets=1, bias=False, taps=1, size=3, factorised=True, labels="shifts")

DESIGNS: Mapping[Size, Design] = {"paper": PAPER, "released": RELEASED, "small": SMALL}

# Kernels that see one frame have fewer weights; the channels make up for it. With four conditions: 46,767,243 for
# 46,776,451 weights (paper), 37,377,816 for 37,317,376 (released), 52,880 for 54,848 (small).
SPATIAL_DESIGNS: Mapping[Size, Design] = {
    "paper": replace(PAPER, widths=(80, 160, 600), temporal=False),
    "released": replace(RELEASED, widths=(72, 144, 616), temporal=False),
    "small": replace(SMALL, widths=(8, 24, 32), temporal=False),
}


class Stven:
    """STVEN, of whichever size, for ``n_conditions`` conditions with the reference counted in.

    ``labels`` are how it is told the condition, see ``Design``; None is the size's own way.
    """

    designs = DESIGNS

    def __init__(self, *, n_conditions: int, size: Size = "paper", labels: Labels | None = None) -> None:
        if n_conditions < 2:
            raise PluginError(
                f"STVEN for {n_conditions} condition(s), expected 2 or more: the reference and what it is learnt from",
                hint="name at least one condition in training.enhancers_learn_from",
            )
        design = self.designs[size]
        self.module = Generator(replace(design, labels=labels or design.labels), n_conditions)
        self.loss_weights: Mapping[str, float] = dict.fromkeys(LOSSES, 1.0)
        # A pass over 64 frames of 128 x 128 holds 5.0 GB for its gradient at the paper's size, and a step has four for
        # each clip: there each is forgotten and done again when its gradient is due, to the same bits.
        self.checkpoints_passes = size != "small"

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> dict[str, Tensor]:
        """Equations 3 and 4: to the reference and from it, and back again from either.

        ``cycle_enhance`` is of compressed clips that were enhanced and compressed again, ``cycle_compress`` of
        reference clips that were compressed and enhanced again.
        """
        compressed, reference, condition = batch.video, batch.reference, batch.condition
        if int(condition.max()) >= self.module.n_conditions:
            raise PluginError(f"STVEN knows {self.module.n_conditions} conditions, got number {int(condition.max())}")
        original = torch.zeros_like(condition)
        enhanced = self._translate(compressed, original)
        recompressed = self._translate(reference, condition)
        return {
            "enhance": nn.functional.mse_loss(enhanced, reference),
            "compress": nn.functional.l1_loss(recompressed, compressed),
            "cycle_enhance": nn.functional.l1_loss(self._translate(enhanced, condition), compressed),
            "cycle_compress": nn.functional.l1_loss(self._translate(recompressed, original), reference),
        }

    def restore(self, video: Tensor) -> Tensor:
        """The clips as the reference would show them, whatever they went through (equation 1), not clamped."""
        original = torch.zeros(len(video), dtype=torch.int64, device=video.device)
        return self._clip_by_clip(video, original, again=False)

    @torch.inference_mode()
    def enhance(self, video: Any) -> NDArray[np.float32]:
        """``(B, T, H, W, 3)`` uint8, or float in [0, 1], to the same shape in [0, 1], clip by clip."""

        def process(window: Any) -> NDArray[np.float32]:
            return as_array(self.restore(as_video(window, self.module)))

        enhanced = in_windows(process, video, length=WINDOW_FRAMES, overlap=OVERLAP_FRAMES)
        return enhanced.clip(0, 1, out=enhanced)

    def _translate(self, video: Tensor, condition: Tensor) -> Tensor:
        return self._clip_by_clip(video, condition, again=self.checkpoints_passes)

    def _clip_by_clip(self, video: Tensor, condition: Tensor, *, again: bool) -> Tensor:
        """The generator on one clip at a time: the norms are of single clips, and so memory is that of one clip."""
        clips = zip(torch.split(video, 1), torch.split(condition, 1), strict=True)
        if not again:
            return torch.cat([self.module(clip, wanted) for clip, wanted in clips])
        return torch.cat(
            [
                checkpoint(self.module, clip, wanted, use_reentrant=False, preserve_rng_state=False)
                for clip, wanted in clips
            ]
        )


class StvenSpatial(Stven):
    """STVEN with no kernel that sees more than one frame, as many weights spent on channels: what time is worth.

    What frames of a window still share is the mean and variance of its norms.
    """

    designs = SPATIAL_DESIGNS
