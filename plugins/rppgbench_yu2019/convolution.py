"""Factorised 3-D convolutions over clips laid out ``(B, T, H, W, C)``, run as 2-D convolutions on views of them.

Colour last in memory, a clip is a batch of frames ``(B T, C, H, W)`` to a spatial kernel and an image of T rows and H W
columns ``(B, C, T, H W)`` to a temporal one. Both are views, both are "channels last" to torch, and for both the
2-D convolutions of CPUs and GPUs are several times faster than their 3-D ones. Parameters are those of
``nn.Conv3d``.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def as_frames(x: Tensor) -> Tensor:
    """``(B, T, H, W, C)`` as ``(B T, C, H, W)``, a view."""
    B, T, H, W, C = x.shape
    return x.reshape(B * T, H, W, C).permute(0, 3, 1, 2)


def from_frames(frames: Tensor, n_clips: int) -> Tensor:
    """``(B T, C, H, W)`` as ``(B, T, H, W, C)``."""
    n_frames, C, H, W = frames.shape
    return frames.permute(0, 2, 3, 1).reshape(n_clips, n_frames // n_clips, H, W, C)


def as_columns(x: Tensor) -> Tensor:
    """``(B, T, H, W, C)`` as ``(B, C, T, H W)``, a view: time runs down, every pixel is a column."""
    B, T, H, W, C = x.shape
    return x.reshape(B, T, H * W, C).permute(0, 3, 1, 2)


def from_columns(columns: Tensor, height: int) -> Tensor:
    """``(B, C, T, H W)`` as ``(B, T, H, W, C)``."""
    B, C, T, pixels = columns.shape
    return columns.permute(0, 2, 3, 1).reshape(B, T, height, pixels // height, C)


class SpatialConv(nn.Conv3d):
    """``nn.Conv3d`` with a kernel of (1, size, size), padded to keep an odd size at stride 1.

    Shape:
        ``(B, T, H, W, cin)`` to ``(B, T, H / stride, W / stride, cout)``.
    """

    def __init__(self, cin: int, cout: int, size: int, *, stride: int = 1, bias: bool = True) -> None:
        pad = (size - 1) // 2
        super().__init__(cin, cout, (1, size, size), stride=(1, stride, stride), padding=(0, pad, pad), bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return self.convolve(input, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output with these weights in the place of its own."""
        frames = functional.conv2d(as_frames(x), weight.squeeze(2), bias, self.stride[1:], self.padding[1:])
        return from_frames(frames, x.shape[0])


class TemporalConv(nn.Conv3d):
    """``nn.Conv3d`` with a kernel of (size, 1, 1), padded to keep the length at stride 1 if the size is odd.

    Shape:
        ``(B, T, H, W, cin)`` to ``(B, T / stride, H, W, cout)``.
    """

    def __init__(self, cin: int, cout: int, size: int, *, stride: int = 1, bias: bool = True) -> None:
        pad = (size - 1) // 2
        super().__init__(cin, cout, (size, 1, 1), stride=(stride, 1, 1), padding=(pad, 0, 0), bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return self.convolve(input, self.weight, self.bias)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output with these weights in the place of its own."""
        columns = functional.conv2d(as_columns(x), weight.squeeze(4), bias, self.stride[:2], self.padding[:2])
        return from_columns(columns, x.shape[2])
