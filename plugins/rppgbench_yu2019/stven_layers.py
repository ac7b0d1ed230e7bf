"""Layers of STVEN over clips laid out ``(B, T, H, W, C)``: convolutions up and down, and the norm of single clips.

As in ``convolution.py``, a kernel that is flat in time or in space runs as a 2-D convolution on a view.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rppgbench_yu2019.convolution import SpatialConv, TemporalConv, as_columns, as_frames, from_columns, from_frames


class VolumeConv(nn.Conv3d):
    """``nn.Conv3d`` with a kernel in time and space; ``taps`` frames by ``size`` by ``size`` pixels.

    Shape:
        ``(B, T, H, W, cin)`` to ``(B, T / stride[0], H / stride[1], W / stride[1], cout)``.
    """

    def __init__(self, cin: int, cout: int, taps: int, size: int, *, stride: tuple[int, int], bias: bool) -> None:
        steps, padding = (stride[0], stride[1], stride[1]), ((taps - 1) // 2, (size - 1) // 2, (size - 1) // 2)
        super().__init__(cin, cout, (taps, size, size), stride=steps, padding=padding, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1).contiguous()


class VolumeDeconv(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` of 4x4x4 that doubles frames, rows and columns: ``(B, T, H, W, cin)`` in."""

    def __init__(self, cin: int, cout: int, *, bias: bool) -> None:
        super().__init__(cin, cout, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(input.permute(0, 4, 1, 2, 3), output_size).permute(0, 2, 3, 4, 1).contiguous()


class SpatialDeconv(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` of 1x4x4 that doubles rows and columns: ``(B, T, H, W, cin)`` in."""

    def __init__(self, cin: int, cout: int, *, bias: bool) -> None:
        super().__init__(cin, cout, (1, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1), bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        frames = nn.functional.conv_transpose2d(
            as_frames(input), self.weight.squeeze(2), self.bias, stride=2, padding=1
        )
        return from_frames(frames, input.shape[0])


class TemporalDeconv(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` of 4x1x1 that doubles frames: ``(B, T, H, W, cin)`` in."""

    def __init__(self, cin: int, cout: int, *, bias: bool) -> None:
        super().__init__(cin, cout, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0), bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.squeeze(4)
        columns = nn.functional.conv_transpose2d(as_columns(input), weight, self.bias, stride=(2, 1), padding=(1, 0))
        return from_columns(columns, input.shape[2])


class NormRelu(nn.Module):
    """Instance normalisation with scale and shift, of every channel over the frames and pixels of its clip, and a ReLU.

    It keeps no running statistics, so training and use are the same, and no clip depends on another one. With
    ``n_conditions`` each condition has shifts of its own (conditional instance normalisation, Dumoulin et al., 2017).

    Shape:
        ``(B, T, H, W, C)`` and conditions ``(B,)`` to ``(B, T, H, W, C)``.
    """

    def __init__(self, channels: int, n_conditions: int | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        # Shifts of the norm's own scale: at zero, all conditions would begin as one and stay together for long.
        shifts = torch.zeros(channels) if n_conditions is None else torch.randn(n_conditions, channels)
        self.bias = nn.Parameter(shifts)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shifts = self.bias.expand(len(x), -1) if self.bias.ndim == 1 else self.bias[condition]
        clips = [self._of_one(clip, shift) for clip, shift in zip(torch.split(x, 1), shifts, strict=True)]
        return torch.cat(clips) if len(clips) > 1 else clips[0]

    def _of_one(self, clip: Tensor, shift: Tensor) -> Tensor:
        # torch's instance norm wants colour first and copies twice; its batch norm of a batch of one clip does not.
        normed = nn.functional.batch_norm(as_frames(clip), None, None, self.weight, shift, training=True)
        return from_frames(nn.functional.relu(normed, inplace=True), 1)


class Conditioned(nn.Sequential):
    """Layers one after the other, of which the norms are told the condition."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        for layer in self:
            x = layer(x, condition) if isinstance(layer, NormRelu) else layer(x)
        return x


def down(cin: int, cout: int, taps: int, size: int, *, stride: tuple[int, int], bias: bool) -> nn.Conv3d:
    """A convolution of ``taps`` frames by ``size`` by ``size`` pixels, in the cheapest form there is of it."""
    if taps == 1:
        return SpatialConv(cin, cout, size, stride=stride[1], bias=bias)
    return VolumeConv(cin, cout, taps, size, stride=stride, bias=bias)


def down_factorised(cin: int, cout: int, *, bias: bool) -> nn.Sequential:
    """What halves frames, rows and columns: 1x4x4, then 4x1x1."""
    return nn.Sequential(
        SpatialConv(cin, cout, 4, stride=2, bias=False), TemporalConv(cout, cout, 4, stride=2, bias=bias)
    )


def up_factorised(cin: int, cout: int, *, bias: bool) -> nn.Sequential:
    """What doubles frames, rows and columns: 4x1x1, then 1x4x4."""
    return nn.Sequential(TemporalDeconv(cin, cin, bias=False), SpatialDeconv(cin, cout, bias=bias))
