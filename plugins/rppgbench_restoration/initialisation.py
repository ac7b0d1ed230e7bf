"""How the weights of networks that predict the clean image itself begin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import nn

Convolution = nn.Conv2d | nn.ConvTranspose2d


@torch.no_grad()
def start_gaussian(convolutions: Sequence[Convolution], standard_deviation: float = 1e-3) -> None:
    """Zero biases, and weights from a normal distribution around zero: the start that AR-CNN was published with."""
    for layer in convolutions:
        nn.init.normal_(layer.weight, std=standard_deviation)
        _without_bias(layer)


@torch.no_grad()
def start_handing_through(convolutions: Sequence[Convolution], colours: int) -> None:
    """Weights with which an image of no negative value comes out of the last layer exactly as it went into the first.

    Between layers may stand whatever leaves non-negative values alone, such as PReLU. Each colour keeps one channel
    of its own through all layers, or, when the first layer strides over s x s pixels and the last one gives them back,
    one for each of these. All other channels begin as torch has them and are not yet listened to by the last layer.
    """
    first, *between, last = convolutions
    stride = first.stride[0]
    last.weight.zero_()
    for layer in convolutions:
        _without_bias(layer)
    kept = range(colours * stride**2)
    for layer in (first, *between):
        layer.weight[: len(kept)] = 0
    for layer in between:
        for channel in kept:
            layer.weight[(channel, channel, *_centre(layer))] = 1
    places = product(range(colours), range(stride), range(stride))
    for channel, (colour, down, right) in zip(kept, places, strict=True):
        row, column = _centre(first)
        first.weight[channel, colour, row + down, column + right] = 1
        ends = (channel, colour) if isinstance(last, nn.ConvTranspose2d) else (colour, channel)
        row, column = _centre(last)
        last.weight[(*ends, row + down, column + right)] = 1


def _centre(layer: Convolution) -> tuple[int, int]:
    H, W = layer.kernel_size
    return H // 2, W // 2


def _without_bias(layer: Convolution) -> None:
    if layer.bias is not None:
        layer.bias.zero_()
