"""Where rPPGNet looks: the branch that learns to tell skin, and the attention that its answer leads (section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rppgbench_yu2019.convolution import ConvNormRelu, SpatialConv

if TYPE_CHECKING:
    from typing import Literal


class SkinBranch(nn.Module):
    """Logits of skin from early features: spatial and channel-wise convolutions with a residual connection.

    Shape:
        ``(B, T, H, W, cin)`` to ``(B, T, H, W, 1)``.
    """

    def __init__(self, cin: int, widths: tuple[int, int]) -> None:
        super().__init__()
        wide, narrow = widths
        self.main = nn.Sequential(
            ConvNormRelu(SpatialConv(cin, wide, 3)),
            ConvNormRelu(SpatialConv(wide, narrow, 3)),
        )
        self.residual = ConvNormRelu(SpatialConv(cin, narrow, 1))
        self.logit = SpatialConv(narrow, 1, 3)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.logit(self.main(features) + self.residual(features))
        return logits


def attention(features: Tensor, skin: Tensor, over: Literal["spatial", "spatiotemporal"]) -> Tensor:
    """Equation 7: the softmax of mean and maximum over channels, both through a sigmoid, and the probability of skin.

    In float32 whatever the precision around it.

    Args:
        features: ``(B, T, H, W, C)``.
        skin: ``(B, T, H, W, 1)`` probabilities.
        over: What sums to 1: each frame, or the whole clip.

    Returns:
        ``(B, T, H, W, 1)``.
    """
    mean, largest = features.mean(-1, keepdim=True, dtype=torch.float32), features.amax(-1, keepdim=True).float()
    evidence = torch.sigmoid(mean) + torch.sigmoid(largest) + skin
    return evidence.flatten(2 if over == "spatial" else 1).softmax(-1).view(evidence.shape)


def attend(features: Tensor, weights: Tensor, over: Literal["spatial", "spatiotemporal"]) -> Tensor:
    """Features by their attention, which is brought to a mean of 1: what comes next sees them at their usual scale."""
    _, T, H, W, _ = weights.shape
    n_summed = H * W if over == "spatial" else T * H * W
    return features * (weights * n_summed).to(features.dtype)
