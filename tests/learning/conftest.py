"""A method and an enhancer with a few weights, and training recordings of noise."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

FRAMES, LENGTH, SIDE, FPS_HZ = 8, 40, 4, 30.0


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """``Method`` with running statistics and noise from the step's generator; ``Enhancer`` of twelve weights."""
    torch = pytest.importorskip("torch")
    from torch import nn

    from rppgbench.learning.learner import Response
    from rppgbench.learning.losses import negative_pearson

    class Method:
        def __init__(self):
            self.module = nn.Sequential(nn.BatchNorm1d(3), nn.Conv1d(3, 4, 3, padding=1), nn.Conv1d(4, 1, 1))
            self.loss_weights = {"wave": 1.0, "size": 0.1}

        def training_step(self, batch, context):
            noise = 0.05 * torch.randn(batch.video.shape, generator=context.generator)
            return self.losses(self.respond(batch.video + noise), batch)

        def respond(self, video):
            hidden = self.module[:2](video.mean((2, 3)).transpose(1, 2))  # (B, 4, T)
            return Response(
                wave=self.module[2](hidden).squeeze(1),
                feature_maps={"hidden": hidden[..., None, None], "input": video.permute(0, 4, 1, 2, 3)},
            )

        def losses(self, response, batch):
            return {"wave": negative_pearson(response.wave, batch.wave), "size": response.wave.square().mean()}

    class Enhancer:
        def __init__(self):
            self.module = nn.Linear(3, 3)
            self.loss_weights = {"mse": 1.0}

        def training_step(self, batch, context):
            return {"mse": nn.functional.mse_loss(self.restore(batch.video), batch.reference)}

        def restore(self, video):
            return video + self.module(video)

    return SimpleNamespace(Method=Method, Enhancer=Enhancer)


@pytest.fixture(scope="session")
def scalar():
    """A function from losses of one weight ``w`` and a batch to their learner, which notes every ``w`` it is shown."""
    torch = pytest.importorskip("torch")
    from torch import nn

    class Scalar:
        def __init__(self, losses, weights, start):
            self.module = nn.ParameterDict({"w": nn.Parameter(torch.tensor(start))})
            self.loss_weights, self._losses, self.seen = weights, losses, []

        def training_step(self, batch, context):
            self.seen.append(self.module["w"].detach().clone())
            return self._losses(self.module["w"], batch)

    def made(losses, weights=None, start=(0.0,)):
        return Scalar(losses, {"loss": 1.0} if weights is None else weights, start)

    return made


@pytest.fixture(scope="session")
def recordings():
    """Three recordings of noise under two conditions; the third's pulse is known in its second half alone."""
    from rppgbench.learning.clip_sampler import TrainingRecording

    noise = np.random.RandomState(0)
    made = []
    for name in ("a", "b", "c"):
        reference, compressed = noise.randint(256, size=(2, LENGTH, SIDE, SIDE, 3), dtype=np.uint8)
        wave = noise.randn(LENGTH)
        if name == "c":
            wave[: LENGTH // 2] = np.nan
        skin = noise.rand(LENGTH, SIDE, SIDE) > 0.5
        made.append(
            TrainingRecording(recording=name, clips={"low": compressed}, reference=reference, wave=wave, skin=skin)
        )
    return made


@pytest.fixture(scope="session")
def sampler(recordings):
    """A function from a seed and labels to a sampler of clips of 8 frames."""
    pytest.importorskip("torch")
    from rppgbench.learning.clip_sampler import ClipSampler

    def made(seed=0, labels=None, frames=FRAMES):
        labels = {"reference": 0, "low": 1} if labels is None else labels
        return ClipSampler(recordings, labels, frames=frames, fps_hz=FPS_HZ, seed=seed)

    return made
