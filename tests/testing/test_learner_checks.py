"""Learners that break their contract are refused, and those that keep it pass."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - only if there is torch

from rppgbench.contracts import EnhancerSpec, MethodSpec  # noqa: E402
from rppgbench.errors import PluginError  # noqa: E402
from rppgbench.learning.inference import as_array, as_video  # noqa: E402
from rppgbench.learning.learner import Response  # noqa: E402
from rppgbench.learning.losses import negative_pearson  # noqa: E402
from rppgbench.testing import check  # noqa: E402


class SoundMethod:
    """A mix of the normalised mean colours of each frame."""

    def __init__(self):
        self.module = nn.Sequential(nn.BatchNorm1d(3), nn.Conv1d(3, 1, 3, padding=1))
        self.loss_weights = {"wave": 1.0, "idle": 0.0}

    def training_step(self, batch, context):
        return self.losses(self.respond(batch.video), batch)

    def respond(self, video):
        colours = video.mean((2, 3)).transpose(1, 2)  # (B, 3, T)
        return Response(wave=self.module(100 * (colours - colours.mean(2, keepdim=True))).squeeze(1))

    def losses(self, response, batch):
        return {"wave": negative_pearson(response.wave, batch.wave)}

    @torch.inference_mode()
    def predict(self, video, fps_hz):
        return np.concatenate([as_array(self.respond(as_video(clip[None], self.module)).wave) for clip in video])


class SoundEnhancer:
    def __init__(self):
        self.module = nn.Conv2d(3, 3, 3, padding=1)
        self.loss_weights = {"mse": 1.0}

    def training_step(self, batch, context):
        return {"mse": nn.functional.mse_loss(self.restore(batch.video), batch.reference)}

    def restore(self, video):
        frames = video.flatten(0, 1).permute(0, 3, 1, 2)
        return video + self.module(frames).permute(0, 2, 3, 1).view_as(video)

    @torch.inference_mode()
    def enhance(self, video):
        return as_array(self.restore(as_video(video, self.module)).clamp(0, 1))


class EnhancerForItselfAlone:
    """A learner that does not support joint training."""

    def __init__(self):
        self._whole = SoundEnhancer()
        self.module, self.loss_weights = self._whole.module, self._whole.loss_weights
        self.training_step, self.enhance = self._whole.training_step, self._whole.enhance


class Bare:
    def predict(self, video, fps_hz):
        return np.zeros(video.shape[:2])


class NoNetwork(SoundMethod):
    def __init__(self):
        super().__init__()
        self.module = lambda x: x


class NotANumber(SoundMethod):
    def losses(self, response, batch):
        return {"wave": torch.log(-response.wave.square().sum())}


class EachFrame(SoundMethod):
    def losses(self, response, batch):
        return {"wave": (response.wave - batch.wave) ** 2}


class Unweighed(SoundMethod):
    def training_step(self, batch, context):
        return {**super().training_step(batch, context), "extra": batch.wave.mean()}


class Forgotten(SoundMethod):
    def __init__(self):
        super().__init__()
        self.loss_weights = {"wave": 1.0, "promised": 0.5}


class Weightless(SoundMethod):
    def __init__(self):
        super().__init__()
        self.loss_weights = {"wave": float("nan")}


class Detached(SoundMethod):
    def training_step(self, batch, context):
        return {"wave": self.losses(self.respond(batch.video), batch)["wave"].detach()}


class Unreached(SoundMethod):
    def __init__(self):
        super().__init__()
        self.module.append(nn.Identity())
        self.module[-1].unused = nn.Parameter(torch.zeros(2))


class ZeroGradient(SoundMethod):
    def losses(self, response, batch):
        return {"wave": 0 * response.wave.sum()}


class BrokenGradient(SoundMethod):
    def losses(self, response, batch):
        return {"wave": (response.wave - response.wave.detach()).square().sum().sqrt()}  # 0, whose root has no slope


class Dropping(SoundMethod):
    def training_step(self, batch, context):
        return self.losses(self.respond(nn.functional.dropout(batch.video, 0.1)), batch)


class CountingSteps(SoundMethod):
    steps = 0

    def training_step(self, batch, context):
        self.steps += 1
        return {"wave": self.steps * super().training_step(batch, context)["wave"]}


class LearntElsewhere(SoundMethod):
    def __init__(self):
        super().__init__()
        self.outside = float(torch.rand(()))

    def respond(self, video):
        response = super().respond(video)
        return Response(wave=response.wave + self.outside * video.mean((2, 3, 4)))


class SharedStorage(SoundMethod):
    def __init__(self):
        super().__init__()
        self.module.register_buffer("one", torch.zeros(4))
        self.module.register_buffer("other", self.module.one[1:3])


class RememberingUse(SoundMethod):
    def __init__(self):
        super().__init__()
        self.module.register_buffer("seen", torch.zeros(()))

    def respond(self, video):
        if not self.module.training:
            self.module.seen.add_(1)
        return super().respond(video)


class OfTheWholeBatch(SoundMethod):
    def predict(self, video, fps_hz):
        waves = super().predict(video, fps_hz)
        return waves - waves.mean()


class ShortWave(SoundMethod):
    def respond(self, video):
        return Response(wave=super().respond(video).wave[:, 1:])

    def training_step(self, batch, context):
        return {"wave": negative_pearson(super().respond(batch.video).wave, batch.wave)}

    def predict(self, video, fps_hz):
        return as_array(super().respond(as_video(video, self.module)).wave)


class FlatMaps(SoundMethod):
    def respond(self, video):
        return Response(wave=super().respond(video).wave, feature_maps={"deep": video.mean(-1)})


class OtherLosses(SoundMethod):
    def training_step(self, batch, context):
        return {"wave": super().losses(self.respond(batch.video), batch)["wave"]}

    def losses(self, response, batch):
        return {"idle": super().losses(response, batch)["wave"]}


class Opaque(SoundMethod):
    def respond(self, video):
        return super().respond(video.detach())


class Deaf(SoundMethod):
    def respond(self, video):
        return super().respond(video.detach() + 0 * video)


METHODS = {
    Bare: "lacks module, loss_weights or training_step",
    NoNetwork: "module is a function, no nn.Module",
    NotANumber: "loss 'wave' is nan",
    EachFrame: r"loss 'wave' has shape torch.Size\(\[2, 64\]\), expected a scalar",
    Unweighed: "gives 'extra', which loss_weights does not weigh",
    Forgotten: "weighs 'promised', which training_step does not give",
    Weightless: "weighs nan, expected a finite number",
    Detached: "no loss depends on the module's parameters",
    Unreached: "no loss reaches '2.unused'",
    ZeroGradient: "all gradients are zero",
    BrokenGradient: "gradients of '0.bias', '0.weight', '1.bias' and 1 more are not finite",
    Dropping: "draws from torch's own generator",
    CountingSteps: "depends on more than state and generator",
    LearntElsewhere: "not all that it learnt is in module",
    SharedStorage: "does not survive safetensors",
    RememberingUse: "use in evaluation mode changes 'seen'",
    OfTheWholeBatch: "alone gives another wave than in a batch",
    ShortWave: r"'wave' of shape \(2, 63\), expected \(2, 64\)",
    FlatMaps: r"feature map 'deep' has shape \(2, 64, 32, 32\), expected \(B, C, T, h, w\)",
    OtherLosses: r"losses\(\) gives \['idle'\], training_step \['wave'\]",
    Opaque: r"respond\(\) loses the graph",
    Deaf: "that come back to the clips are zero or not finite",
}


class Cropping(SoundEnhancer):
    def training_step(self, batch, context):
        return {"mse": nn.functional.mse_loss(super().restore(batch.video), batch.reference)}

    def enhance(self, video):
        return as_array(super().restore(as_video(video, self.module)).clamp(0, 1))

    def restore(self, video):
        return super().restore(video)[:, :, 1:]


class Graphless(SoundEnhancer):
    def training_step(self, batch, context):
        return {"mse": nn.functional.mse_loss(super().restore(batch.video), batch.reference)}

    def restore(self, video):
        return super().restore(video).detach()


class Direct(SoundEnhancer):
    def restore(self, video):
        frames = video.flatten(0, 1).permute(0, 3, 1, 2)
        return self.module(frames).permute(0, 2, 3, 1).view_as(video)


class AdaptingInUse(SoundEnhancer):
    def __init__(self):
        super().__init__()
        self.module = nn.Sequential(nn.BatchNorm2d(3, momentum=0.5), self.module)

    def restore(self, video):
        self.module.train()
        return super().restore(video)


ENHANCERS = {
    Cropping: r"restore\(\) gives shape \(2, 64, 31, 32, 3\), expected \(2, 64, 32, 32, 3\)",
    Graphless: r"restore\(\) loses the graph",
    Direct: r"restore\(\) gives bfloat16, expected float32",
    AdaptingInUse: "use in evaluation mode changes '0.num_batches_tracked', '0.running_mean', '0.running_var'",
}


@pytest.fixture(autouse=True)
def learners(monkeypatch):
    module = ModuleType("learners")
    for thing in (SoundMethod, SoundEnhancer, EnhancerForItselfAlone, *METHODS, *ENHANCERS):
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "learners", module)


def method(factory):
    return MethodSpec(name="tried", factory=f"learners:{factory.__name__}", input="video", learns=True, summary="")


def enhancer(factory):
    return EnhancerSpec(name="tried", factory=f"learners:{factory.__name__}", learns=True, pairs=True, summary="")


def test_learners_that_keep_the_contract_pass(tmp_path):
    check(method(SoundMethod), tmp_path)
    check(enhancer(SoundEnhancer), tmp_path)
    check(enhancer(EnhancerForItselfAlone), tmp_path)


@pytest.mark.parametrize(("factory", "complaint"), METHODS.items(), ids=[factory.__name__ for factory in METHODS])
def test_a_method_that_breaks_it_is_caught(factory, complaint, tmp_path):
    with pytest.raises(PluginError, match=complaint):
        check(method(factory), tmp_path)


@pytest.mark.parametrize(("factory", "complaint"), ENHANCERS.items(), ids=[factory.__name__ for factory in ENHANCERS])
def test_an_enhancer_that_breaks_it_is_caught(factory, complaint, tmp_path):
    with pytest.raises(PluginError, match=complaint):
        check(enhancer(factory), tmp_path)


def test_without_torch_the_answer_is_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(PluginError, match=r"torch is not installed\n  -> pip install 'rppgbench\[learn\]'"):
        check(method(SoundMethod), tmp_path)
