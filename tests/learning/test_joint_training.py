"""Joint training (Yu et al., ICCV 2019, section 3.3): the method is frozen to the last bit, the enhancer is trained."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - only if there is torch

from rppgbench.learning.joint_training import JointModule  # noqa: E402
from rppgbench.learning.learner import Response, TrainingContext  # noqa: E402
from rppgbench.learning.loop import train  # noqa: E402
from rppgbench.learning.losses import negative_pearson  # noqa: E402
from rppgbench.learning.recipe import JointRecipe  # noqa: E402

CPU = torch.device("cpu")
CONTEXT = TrainingContext(step=0, steps=1, generator=torch.Generator())


def recipe(**changes) -> JointRecipe:
    return JointRecipe(**{"iterations": 5, "batch": 2, "learning_rate": 0.01, **changes})


@pytest.mark.parametrize("target", ["reference_wave", "truth", "both"])
def test_the_method_stays_as_it_is_to_the_last_bit(tiny, sampler, target):
    enhancer, method = tiny.Enhancer(), tiny.Method()
    method.module.train()
    before = copy.deepcopy((enhancer.module.state_dict(), method.module.state_dict()))
    train(JointModule(enhancer, method, recipe(target=target)), sampler(), recipe(target=target), seed=0, device=CPU)
    assert before[1].keys() >= {"0.running_mean", "0.num_batches_tracked", "1.weight"}
    assert all(torch.equal(before[1][name], value) for name, value in method.module.state_dict().items())
    assert all(weight.grad is None for weight in method.module.parameters())
    assert not torch.equal(before[0]["weight"], enhancer.module.weight)


def test_the_gradient_reaches_the_enhancer_through_the_method(tiny, sampler):
    enhancer, changes = tiny.Enhancer(), {"perceptual": 0.0, "reconstruction": 0.0, "target": "truth"}
    before = enhancer.module.weight.detach().clone()
    train(JointModule(enhancer, tiny.Method(), recipe(**changes)), sampler(), recipe(**changes), seed=0, device=CPU)
    assert not torch.equal(before, enhancer.module.weight)


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("reference_wave", ["reference_wave.wave", "reference_wave.size"]),
        ("truth", ["truth.wave", "truth.size"]),
        ("both", ["reference_wave.wave", "reference_wave.size", "truth.wave", "truth.size"]),
    ],
)
def test_losses_are_named_by_their_target(tiny, sampler, target, names):
    joint = JointModule(tiny.Enhancer(), tiny.Method(), recipe(target=target, perceptual=0.3, reconstruction=0.2))
    losses = joint.training_step(sampler().draw(0, recipe(), CPU), CONTEXT)
    assert list(losses) == list(joint.loss_weights) == [*names, "perceptual", "reconstruction"]
    own = {"wave": 1.0, "size": 0.1}
    assert [joint.loss_weights[name] for name in names] == [own[name.partition(".")[2]] for name in names]
    assert (joint.loss_weights["perceptual"], joint.loss_weights["reconstruction"]) == (0.3, 0.2)


class Brighter:
    """An enhancer that adds 0.1 to every pixel."""

    def __init__(self):
        self.module = nn.ParameterDict({"level": nn.Parameter(torch.tensor(0.1))})
        self.loss_weights = {}

    def training_step(self, batch, context):
        return {}

    def restore(self, video):
        return video + self.module["level"]


class Linear:
    """A method whose feature maps are its pixels, once as they are and once tripled."""

    def __init__(self):
        self.module, self.loss_weights = nn.Linear(1, 1), {"wave": 1.0}

    def training_step(self, batch, context):
        return self.losses(self.respond(batch.video), batch)

    def respond(self, video):
        pixels = video.permute(0, 4, 1, 2, 3)
        return Response(wave=video[..., 1].mean((2, 3)), feature_maps={"once": pixels, "thrice": 3 * pixels})

    def losses(self, response, batch):
        return {"wave": negative_pearson(response.wave, batch.wave)}


def test_perceptual_and_reconstruction_by_hand(sampler):
    """Equations 9 and 10: every pixel is off by 0.1, so its square by 0.01, and by 0.09 in the tripled map."""
    batch = sampler(labels={"reference": 0}).draw(0, recipe(), CPU)
    losses = JointModule(Brighter(), Linear(), recipe(target="both")).training_step(batch, CONTEXT)
    assert losses["reconstruction"].item() == pytest.approx(0.01, rel=1e-4)
    assert losses["perceptual"].item() == pytest.approx(0.01 + 0.09, rel=1e-4)
    # A level does not change a correlation: the wave is that of the reference, the truth does not matter.
    assert losses["reference_wave.wave"].item() == pytest.approx(0, abs=1e-5)
    green = batch.reference[..., 1].mean((2, 3))
    rs = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(green, batch.wave, strict=True)]
    assert losses["truth.wave"].item() == pytest.approx(1 - float(torch.stack(rs).mean()), abs=1e-4)


def test_a_method_without_feature_maps_has_no_perceptual_loss(tiny, sampler):
    class Closed(tiny.Method):
        def respond(self, video):
            return Response(wave=super().respond(video).wave)

    losses = JointModule(Brighter(), Closed(), recipe()).training_step(sampler().draw(0, recipe(), CPU), CONTEXT)
    assert losses["perceptual"].item() == 0.0


def test_the_reference_waves_are_detached(tiny, sampler):
    """Were they not detached, the gradient of the reference's own wave would flow into the enhancer too."""
    seen = []

    class Noting(tiny.Method):
        def losses(self, response, batch):
            seen.append((response.wave.requires_grad, batch.wave.requires_grad))
            return super().losses(response, batch)

    joint = JointModule(tiny.Enhancer(), Noting(), recipe(target="both"))
    joint.training_step(sampler().draw(0, recipe(), CPU), CONTEXT)
    assert seen == [(True, False), (True, False)]
