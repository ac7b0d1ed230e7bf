from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import nn

from rppgbench.learning.learner import TrainingBatch
from rppgbench_restoration.framewise import FramewiseLearner


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def noise() -> Callable[..., torch.Tensor]:
    def video(*shape: int, seed: int = 0) -> torch.Tensor:
        return torch.from_numpy(np.random.RandomState(seed).rand(*shape).astype(np.float32))

    return video


@pytest.fixture
def batch_of() -> Callable[[torch.Tensor, torch.Tensor], TrainingBatch]:
    def batch(video: torch.Tensor, reference: torch.Tensor) -> TrainingBatch:
        B, T = video.shape[:2]
        condition = torch.ones(B, dtype=torch.int64)
        return TrainingBatch(video=video, reference=reference, wave=torch.zeros(B, T), condition=condition, fps_hz=30.0)

    return batch


@pytest.fixture
def shake() -> Callable[[FramewiseLearner], FramewiseLearner]:
    """Weights and running statistics that no start would give, so that nothing is the identity."""

    def shaken(learner: FramewiseLearner) -> FramewiseLearner:
        with torch.no_grad():
            for layer in learner.module.modules():
                if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                    layer.reset_parameters()
                elif isinstance(layer, nn.BatchNorm2d):
                    for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                        tensor.uniform_(0.5, 1.5)
        learner.module.eval()
        return learner

    return shaken
