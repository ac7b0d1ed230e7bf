"""The learner around a network of single frames, shared by AR-CNN and DnCNN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from rppgbench.learning.inference import as_array, as_video
from rppgbench.learning.learner import TrainingBatch, TrainingContext
from rppgbench_restoration import Space

if TYPE_CHECKING:
    from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# At a time, in enhance(). On a CPU the activations of that many stay in its cache; a GPU wants to be kept busy.
PIXELS = {"cpu": 1 << 15, "cuda": 1 << 20}


class FramewiseLearner:
    """An enhancer of single frames by a network of images; it learns by the squared error.

    In the space "luma" the network sees and gives the luma alone. Chroma is kept: a change of the luma is added to red,
    green and blue alike.

    Args:
        module: ``(N, C, H, W)`` to the same shape, channels last in memory; C is 3, or 1 for the luma.
        space: the planes of the network, "rgb" or "luma".
    """

    def __init__(self, module: nn.Module, space: Space) -> None:
        self.module = module
        self.space = space
        self.loss_weights: Mapping[str, float] = {"mse": 1.0}

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> dict[str, Tensor]:
        """``mse``: squared error of the restored planes to the reference's, averaged."""
        return {"mse": nn.functional.mse_loss(self._restored(self._planes(batch.video)), self._planes(batch.reference))}

    def restore(self, video: Tensor) -> Tensor:
        """Restored clips of the shape ``(B, T, H, W, 3)`` of ``video``, float32, with their graph, not clamped."""
        planes = self._planes(video)
        restored = self._restored(planes)
        return restored if self.space == "rgb" else video + (restored - planes)

    def enhance(self, video: Any) -> NDArray[np.float32]:
        """Restored clips, float32 in [0, 1], of ``(B, T, H, W, 3)`` uint8, or float in [0, 1].

        Raises:
            SignalError: not a batch of colour clips.
        """
        enhanced = np.empty(video.shape, np.float32)
        with _evaluating(self.module), torch.inference_mode():
            for clip in range(len(video)):
                frames = as_video(video[clip : clip + 1], self.module)
                H, W = frames.shape[2:4]
                at_once = max(1, PIXELS.get(frames.device.type, PIXELS["cuda"]) // (H * W))
                restored = torch.cat(
                    [self.restore(part).clamp(0, 1) for part in torch.split(frames, at_once, dim=1)], dim=1
                )
                enhanced[clip] = as_array(restored)[0]
        return enhanced

    def _planes(self, video: Tensor) -> Tensor:
        """``(B, T, H, W, C)`` planes for the network: R, G and B, or the luma."""
        if self.space == "rgb":
            return video
        return (video * video.new_tensor(LUMA)).sum(dim=-1, keepdim=True)

    def _restored(self, planes: Tensor) -> Tensor:
        B, T, H, W, C = planes.shape
        frames = planes.reshape(B * T, H, W, C).permute(0, 3, 1, 2)  # channels last, a view
        restored: Tensor = self.module(frames)
        return restored.permute(0, 2, 3, 1).reshape(B, T, H, W, C)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
