"""AR-CNN: Dong, Deng, Loy, Tang, ICCV 2015; its fast form: Yu, Dong, Loy, Tang, arXiv:1608.02778, 2016.

Both predict the clean image itself. The activation is the later paper's PReLU, here of one slope a layer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor, nn

from rppgbench_restoration import NetworkSize, Space, Start, Variant
from rppgbench_restoration.framewise import FramewiseLearner

Convolution = nn.Conv2d | nn.ConvTranspose2d

WIDTHS: dict[NetworkSize, tuple[int, int, int]] = {"paper": (64, 32, 16), "small": (8, 8, 8)}
FAST_WIDTHS: dict[NetworkSize, tuple[int, int]] = {"paper": (64, 32), "small": (16, 16)}


class Arcnn(FramewiseLearner):
    """AR-CNN or Fast AR-CNN, of R, G and B or of the luma.

    From Gaussian noise, the published start, it has first to learn the identity, and this takes longer than a
    comparison on equal terms lasts. So unless ``start`` says otherwise it starts by handing the video through, as the
    other networks do, by our choice. Its layers are as published, without a residual.
    """

    def __init__(
        self, size: NetworkSize = "paper", space: Space = "rgb", variant: Variant = "arcnn", start: Start = "identity"
    ) -> None:
        colours = 3 if space == "rgb" else 1
        network: ArcnnNetwork | FastArcnnNetwork
        if variant == "arcnn":
            network = ArcnnNetwork(colours, *WIDTHS[size])
        else:
            network = FastArcnnNetwork(colours, *FAST_WIDTHS[size])
        convolutions = [layer for layer in network.modules() if isinstance(layer, Convolution)]
        if start == "gaussian":
            start_gaussian(convolutions)
        else:
            start_handing_through(convolutions, colours)
        super().__init__(network, space)


class ArcnnNetwork(nn.Module):
    """``(N, C, H, W)`` to the same shape."""

    def __init__(self, colours: int, extracted: int, enhanced: int, mapped: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                extraction=nn.Conv2d(colours, extracted, 9, padding=4),
                extraction_slope=nn.PReLU(),
                enhancement=nn.Conv2d(extracted, enhanced, 7, padding=3),
                enhancement_slope=nn.PReLU(),
                mapping=nn.Conv2d(enhanced, mapped, 1),
                mapping_slope=nn.PReLU(),
            )
        )
        self.reconstruction = nn.Conv2d(mapped, colours, 5, padding=2)

    def forward(self, frames: Tensor) -> Tensor:
        with _in_float32(frames):
            restored: Tensor = self.reconstruction(self.features(frames.to(self.reconstruction.weight.dtype)))
        return restored


class FastArcnnNetwork(nn.Module):
    """``(N, C, H, W)`` to the same shape, at half the resolution between the first layer and the last."""

    def __init__(self, colours: int, extracted: int, mapped: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                extraction=nn.Conv2d(colours, extracted, 9, stride=2, padding=4),
                extraction_slope=nn.PReLU(),
                shrinking=nn.Conv2d(extracted, mapped, 1),
                shrinking_slope=nn.PReLU(),
                enhancement=nn.Conv2d(mapped, mapped, 7, padding=3),
                enhancement_slope=nn.PReLU(),
                expanding=nn.Conv2d(mapped, extracted, 1),
                expanding_slope=nn.PReLU(),
            )
        )
        self.reconstruction = nn.ConvTranspose2d(extracted, colours, 9, stride=2, padding=4)

    def forward(self, frames: Tensor) -> Tensor:
        H, W = frames.shape[2:]
        with _in_float32(frames):
            restored: Tensor = self.reconstruction(
                self.features(frames.to(self.reconstruction.weight.dtype)), output_size=[H, W]
            )
        return restored


def _in_float32(frames: Tensor) -> torch.autocast:
    """A block without autocast: bfloat16 has 8 bits, and would round every colour predicted to about a grey level."""
    return torch.autocast(frames.device.type, enabled=False)


@torch.no_grad()
def start_gaussian(convolutions: Sequence[Convolution], standard_deviation: float = 1e-3) -> None:
    """Zero biases, and weights from a normal distribution around zero: AR-CNN's published start."""
    for layer in convolutions:
        nn.init.normal_(layer.weight, std=standard_deviation)
        _without_bias(layer)


@torch.no_grad()
def start_handing_through(convolutions: Sequence[Convolution], colours: int) -> None:
    """Weights of the identity: images without negative values come out of the last layer exactly as they went in.

    Between layers may stand any function without effect on non-negative values, such as PReLU. Each colour keeps one
    channel of its own through all layers, or, if the first layer strides over s x s pixels and the last one gives them
    back, one for each of these. All other channels begin as torch has them, at weight zero in the last layer.
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
