"""The network of rPPGNet (Yu et al., ICCV 2019, section 3.2, Table 1): pixels to pulse waves, skin and attention."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rppgbench_yu2019.convolution import ConvNormRelu, SpatialConv, SpatioTemporalConv, halve
from rppgbench_yu2019.rppgnet_attention import SkinBranch, attend, attention
from rppgbench_yu2019.rppgnet_input import INPUTS

if TYPE_CHECKING:
    from rppgbench_yu2019.params import Normalisation, RppgnetParams


@dataclass(frozen=True)
class Plan:
    """How wide and deep it is: ``blocks`` holds the channels that each (2+1)-D convolution of a block gives."""

    stem: int
    blocks: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    skin: tuple[int, int]
    normalise: Normalisation
    equal_cost: bool  # mid channels that give a (2+1)-D convolution the weights of a 3-D one, else as many as come out
    shared_head: bool  # the first part is read by the head of the whole face


# Table 1 fixes the channels of the stem and of the last block. Two convolutions a block, as many mid channels as come
# out, biases in all convolutions and affine norms make 391,791 parameters. The released network has seven convolutions
# and 550,266 parameters, and 513 more in two layers that it never calls: 550,779.
_RELEASED = ((32, 32), (64,), (64,), (64, 64, 64))
PLANS = {
    "paper": Plan(32, ((64, 64),) * 4, skin=(16, 8), normalise="affine", equal_cost=False, shared_head=False),
    "released": Plan(16, _RELEASED, skin=(16, 8), normalise="affine", equal_cost=True, shared_head=True),
    "small": Plan(8, ((16, 16),) * 4, skin=(8, 4), normalise="temporal", equal_cost=False, shared_head=False),
}


@dataclass(frozen=True)
class Activity:
    """What the network says of clips: waves ``(B, T)``, the rest ``(B, T, h, w, C)``; None what its ablation lacks."""

    wave: Tensor
    mid: Tensor
    parts: tuple[Tensor, ...]
    early_features: Tensor
    mid_features: Tensor
    skin_logits: Tensor | None
    attention: Tensor | None


class RppgNetwork(nn.Module):
    """Four blocks of (2+1)-D convolutions at 1/2, 1/4, 1/4 and 1/8 of the input's size; time is never strided.

    The skin branch follows block 1, the mid head block 3, the heads of the whole face and of its quarters block 4.
    Attention stands before blocks 3 and 4 (Figure 2), or before the heads alone. A frame's answers depend on
    ``reach_frames`` frames on either side of it.
    """

    def __init__(self, params: RppgnetParams) -> None:
        super().__init__()
        plan = PLANS[params.size]
        self._normalise, input_reach_frames = INPUTS[params.normalise or plan.normalise]
        self.reach_frames = input_reach_frames + sum(len(widths) for widths in plan.blocks)
        self.stem = ConvNormRelu(SpatialConv(3, plan.stem, 5))
        entries = (plan.stem, *(widths[-1] for widths in plan.blocks[:-1]))
        self.blocks = nn.ModuleList(
            _block((entry, *widths), plan.equal_cost) for entry, widths in zip(entries, plan.blocks, strict=True)
        )
        self.skin = SkinBranch(plan.blocks[0][-1], plan.skin) if params.ablation != "base" else None
        self.head = nn.Linear(plan.blocks[3][-1], 1)
        self.mid_head = nn.Linear(plan.blocks[2][-1], 1)
        n_parts = 4 - plan.shared_head if params.ablation in ("base+skin+parts", "full") else 0
        self.part_heads = nn.ModuleList(nn.Linear(plan.blocks[3][-1], 1) for _ in range(n_parts))
        self._shared_head = plan.shared_head
        self._attends = params.ablation in ("base+skin+atten", "full")
        in_backbone = params.attention_in_backbone
        self._in_backbone = params.size != "released" if in_backbone is None else in_backbone
        self._over = params.attention

    def forward(self, video: Tensor) -> Activity:
        """Of ``(B, T, H, W, 3)`` in [0, 1]."""
        early: Tensor = self.blocks[0](halve(self.stem(self._normalise(video))))
        logits = self.skin(early) if self.skin is not None else None
        skin = halve(torch.sigmoid(logits.float())) if logits is not None else None
        before_mid, weights = self._attend(self.blocks[1](halve(early)), skin, at_head=False)
        mid: Tensor = self.blocks[2](before_mid)
        mid_seen, head_weights = self._attend(mid, skin, at_head=True)
        skin = halve(skin) if skin is not None else None
        deep: Tensor = self.blocks[3](self._attend(halve(mid), skin, at_head=False)[0])
        deep, _ = self._attend(deep, skin, at_head=True)
        return Activity(
            wave=_read(self.head, deep),
            mid=_read(self.mid_head, mid_seen),
            parts=self._read_parts(deep),
            early_features=early,
            mid_features=mid,
            skin_logits=logits,
            attention=weights if weights is not None else head_weights,
        )

    def _attend(self, features: Tensor, skin: Tensor | None, *, at_head: bool) -> tuple[Tensor, Tensor | None]:
        """The features attended, and by what weights, where attention stands in this place; else as they are."""
        if not self._attends or skin is None or at_head == self._in_backbone:
            return features, None
        weights = attention(features, skin, self._over)
        return attend(features, weights, self._over), weights

    def _read_parts(self, deep: Tensor) -> tuple[Tensor, ...]:
        """The waves of the four quarters of the face, row by row."""
        if not self.part_heads:
            return ()
        heads = [self.head, *self.part_heads] if self._shared_head else self.part_heads
        row, column = deep.shape[2] // 2, deep.shape[3] // 2
        quarters = [half for band in deep.tensor_split((row,), 2) for half in band.tensor_split((column,), 3)]
        return tuple(_read(head, quarter) for head, quarter in zip(heads, quarters, strict=True))


def _block(widths: tuple[int, ...], equal_cost: bool) -> nn.Sequential:
    return nn.Sequential(
        *(
            SpatioTemporalConv(cin, 27 * cin * cout // (9 * cin + 3 * cout) if equal_cost else cout, cout)
            for cin, cout in pairwise(widths)
        )
    )


def _read(head: nn.Linear, features: Tensor) -> Tensor:
    """The mean over pixels through a 1x1x1 convolution: ``(B, T, H, W, C)`` to ``(B, T)``.

    Written out, so that autocast leaves it in float32: a wave of eight bits has steps.
    """
    return (features.mean((2, 3), dtype=torch.float32) * head.weight).sum(-1) + head.bias
