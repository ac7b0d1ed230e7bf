"""DnCNN: Zhang, Zuo, Chen, Meng, Zhang, IEEE TIP 26(7), 2017."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rppgbench_restoration import NetworkSize, Space
from rppgbench_restoration.framewise import FramewiseLearner

SHAPES: dict[NetworkSize, tuple[int, int]] = {"paper": (64, 20), "small": (16, 5)}  # width, depth


class Dncnn(FramewiseLearner):
    """DnCNN of ``depth`` convolutions, of R, G and B or of the luma."""

    def __init__(self, size: NetworkSize = "paper", space: Space = "rgb", depth: int | None = None) -> None:
        width, usual_depth = SHAPES[size]
        super().__init__(DncnnNetwork(3 if space == "rgb" else 1, width, depth or usual_depth), space)


class DncnnNetwork(nn.Module):
    """``(N, C, H, W)`` less the layers' answer to it, a prediction of the artefacts of compression (section 3.2).

    Weights start as in He et al., 2015, those of the last layer at zero, by our choice: the network starts as the
    identity, and has not lost the video however little it has learnt.
    """

    def __init__(self, colours: int, width: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(colours, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.artefact = nn.Conv2d(width, colours, 3, padding=1)
        self._start()

    def forward(self, frames: Tensor) -> Tensor:
        features: Tensor = self.features(frames)
        with torch.autocast(frames.device.type, enabled=False):
            artefact: Tensor = self.artefact(features.to(self.artefact.weight.dtype))
        return frames - artefact

    def _start(self) -> None:
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(self.artefact.weight)
        if self.artefact.bias is not None:
            nn.init.zeros_(self.artefact.bias)
