"""The generator of STVEN (Yu et al., ICCV 2019, section 3.1 and Table 1): a clip, as some condition would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rppgbench.errors import SignalError
from rppgbench_yu2019.convolution import SpatialConv, TemporalConv
from rppgbench_yu2019.stven_layers import (
    Conditioned,
    NormRelu,
    SpatialDeconv,
    VolumeDeconv,
    down,
    down_factorised,
    up_factorised,
)

Labels = Literal["planes", "shifts"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """What generators differ in; the defaults are the paper's.

    ``widths`` are the channels at full, half and quarter size. A block is ``sets`` (2+1)-D convolutions, which go
    through as many channels as they give or, where they are ``matched``, through so many that they have the weights of
    a 3x3x3 kernel (Tran et al., CVPR 2018, section 3.5); ``bare`` ones have no norm and ReLU behind. ``taps`` are the
    frames that the first two kernels see, ``size`` is the width of the first and the last one. ``factorised`` kernels
    halve and double size and frames in two steps, not in one of 4x4x4. Without ``temporal`` every kernel sees one
    frame, and no frames are left out on the way.

    ``labels`` are how the network is told the condition: by ``planes`` of ones and zeros beside the colours, as
    printed, of which the first norm leaves no more than what the clip's borders make of them, since what a plane adds
    to a channel is constant inside; or by ``shifts`` of every norm.
    """

    widths: tuple[int, int, int] = (64, 128, 512)
    blocks: int = 6
    sets: int = 2
    matched: bool = False
    bare: bool = False
    bias: bool = True
    taps: int = 3
    size: int = 7
    factorised: bool = False
    temporal: bool = True
    labels: Labels = "planes"


class Generator(nn.Module):
    """Clips and the conditions wanted of them in, clips as those conditions would show them out.

    It is its input exactly as long as it has learnt nothing: the last convolution starts at zero, and the clip itself
    is added to what comes out of it. Neither is in the paper.

    Shape:
        ``(B, T, H, W, 3)`` and ``(B,)``, from 0 (the reference) to n_conditions - 1, to ``(B, T, H, W, 3)``.
    """

    def __init__(self, design: Design, n_conditions: int) -> None:
        super().__init__()
        self.design = design
        self.n_conditions = n_conditions
        layers = _Layers(design, n_conditions)
        self.shrink = Conditioned(*layers.shrink())
        self.blocks = Conditioned(*(layer for _ in range(design.blocks * design.sets) for layer in layers.one_set()))
        self.grow = Conditioned(*layers.grow())
        self.last = SpatialConv(design.widths[0], 3, design.size, bias=design.bias)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, video: Tensor, condition: Tensor) -> Tensor:
        _check_size(video)
        x = _even(video) if self.design.temporal else video
        if self.design.labels == "planes":
            x = _with_planes(x, condition, self.n_conditions)
        for part in (self.shrink, self.blocks, self.grow):
            x = part(x, condition)
        return torch.tanh(self.last(x)[:, : video.shape[1]]) + video


class _Layers:
    """The rows of Table 1 under a design."""

    def __init__(self, design: Design, n_conditions: int) -> None:
        self._design = design
        self._told = n_conditions if design.labels == "shifts" else None
        self._colours = 3 if design.labels == "shifts" else 3 + n_conditions

    def shrink(self) -> list[nn.Module]:
        """Conv 1 to Conv 3: ``(B, T, H, W, colours)`` to ``(B, T / 2, H / 4, W / 4, quarter)``."""
        design, (full, half, quarter) = self._design, self._design.widths
        taps = design.taps if design.temporal else 1
        if design.temporal and design.factorised:
            third: nn.Module = down_factorised(half, quarter, bias=design.bias)
        else:
            third = down(half, quarter, 4 if design.temporal else 1, 4, stride=(2, 2), bias=design.bias)
        return [
            down(self._colours, full, taps, design.size, stride=(1, 1), bias=design.bias),
            self._norm(full),
            down(full, half, taps, 4, stride=(1, 2), bias=design.bias),
            self._norm(half),
            third,
            self._norm(quarter),
        ]

    def one_set(self) -> list[nn.Module]:
        """A (2+1)-D convolution: 1x3x3, then 3x1x1."""
        design, channels = self._design, self._design.widths[2]
        mid = 27 * channels**2 // (9 * channels + 3 * channels) if design.matched else channels
        temporal = TemporalConv(mid, channels, 3 if design.temporal else 1)
        behind = [] if design.bare else [self._norm(channels)]
        return [SpatialConv(channels, mid, 3), self._norm(mid), temporal, *behind]

    def grow(self) -> list[nn.Module]:
        """DConv 1 and DConv 2: ``(B, T / 2, H / 4, W / 4, quarter)`` to ``(B, T, H, W, full)``."""
        design, (full, half, quarter) = self._design, self._design.widths
        if not design.temporal:
            first: nn.Module = SpatialDeconv(quarter, half, bias=design.bias)
        elif design.factorised:
            first = up_factorised(quarter, half, bias=design.bias)
        else:
            first = VolumeDeconv(quarter, half, bias=design.bias)
        return [first, self._norm(half), SpatialDeconv(half, full, bias=design.bias), self._norm(full)]

    def _norm(self, channels: int) -> NormRelu:
        return NormRelu(channels, self._told)


def _with_planes(video: Tensor, condition: Tensor, n_conditions: int) -> Tensor:
    """The clips with a plane of ones or zeros for each condition behind their colours."""
    labels = condition[:, None] == torch.arange(n_conditions, device=video.device)
    planes = labels.to(video.dtype)[:, None, None, None].expand(*video.shape[:4], -1)
    return torch.cat([video, planes], dim=4)


def _even(video: Tensor) -> Tensor:
    """The clips with their last frame once more if their frames are odd in number: the network halves them."""
    return torch.cat([video, video[:, -1:]], dim=1) if video.shape[1] % 2 else video


def _check_size(video: Tensor) -> None:
    H, W = video.shape[2:4]
    if H % 4 or W % 4 or min(H, W) < 8:
        raise SignalError(
            f"STVEN got frames of {H} x {W}, expected rows and columns in multiples of 4, from 8 on",
            hint="change clips.size in the protocol",
        )
