from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from rppgbench_yu2019.rppgnet import Rppgnet


@pytest.fixture(scope="session")
def warm() -> Callable[[Rppgnet], Rppgnet]:
    """The method with norms that are those of no fresh network, in evaluation mode."""

    def warmed(method: Rppgnet) -> Rppgnet:
        generator = torch.Generator().manual_seed(1)
        for norm in method.module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                for tensor in (norm.weight, norm.bias, norm.running_var):
                    tensor.data.uniform_(0.5, 1.5, generator=generator)
                norm.running_mean.uniform_(-0.2, 0.2, generator=generator)
        method.module.eval()
        return method

    return warmed
