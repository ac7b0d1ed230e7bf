from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torch import nn

from rppgbench_restoration.dncnn import Dncnn, DncnnNetwork


@pytest.mark.parametrize(("space", "colours"), [("rgb", 3), ("luma", 1)])
@pytest.mark.parametrize(("params", "depth"), [({}, 20), ({"depth": 17}, 17)])
def test_the_published_size_has_the_parameters_of_its_layers(params, depth, space, colours):
    first = 9 * colours * 64 + 64
    between = 9 * 64 * 64 + 2 * 64  # no bias: the norm has one
    last = 9 * 64 * colours + colours
    module = Dncnn(space=space, **params).module
    assert sum(p.numel() for p in module.parameters()) == first + (depth - 2) * between + last


def test_rgb_of_20_layers_has_the_0_67_million_parameters_and_10_9_gmac_it_comes_to():
    module = Dncnn().module
    assert sum(p.numel() for p in module.parameters()) == pytest.approx(0.67e6, rel=0.002)
    assert sum(p.numel() for p in module.parameters() if p.ndim == 4) * 128**2 == pytest.approx(10.9e9, rel=0.005)


@pytest.mark.parametrize(("depth", "side"), [(17, 35), (20, 41)])
def test_a_pixel_sees_as_far_as_the_paper_says(depth, side):
    # Section 3.1 there: the receptive field is (2 d + 1) x (2 d + 1).
    network = DncnnNetwork(1, 4, depth).double().eval()
    for parameter in network.parameters():
        nn.init.ones_(parameter)  # so that nothing cancels and no ReLU closes
    frame = torch.rand(1, 1, 49, 49, dtype=torch.float64, requires_grad=True)
    (frame - network(frame))[0, 0, 24, 24].backward()
    seen = frame.grad[0, 0] != 0
    assert seen.any(0).sum() == seen.any(1).sum() == seen.sum() ** 0.5 == side


@pytest.mark.parametrize("size", ["paper", "small"])
@pytest.mark.parametrize("training", [True, False])
def test_it_starts_as_exactly_the_identity(noise, size, training):
    learner = Dncnn(size=size)
    learner.module.train(training)
    video = noise(1, 2, 9, 8, 3)
    with torch.no_grad():
        assert torch.equal(learner.restore(video), video)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(learner.restore(video), video)


def test_it_takes_away_what_correlations_norms_and_relus_predict(noise, shake):
    learner = shake(Dncnn(size="small", depth=4))
    video = noise(1, 1, 9, 11, 3)
    frame = video[0, 0].permute(2, 0, 1).double().numpy()
    x = frame
    layers = [*learner.module.features, learner.module.artefact]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()[:, None, None]
            kernels = layer.weight.detach().double().numpy()
            x = bias + np.stack([sum(map(lambda a, k: correlate(a, k, mode="constant"), x, k)) for k in kernels])
        elif isinstance(layer, nn.BatchNorm2d):
            mean, var, weight, shift = (
                tensor.detach().double().numpy()[:, None, None]
                for tensor in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
            )
            x = (x - mean) / np.sqrt(var + layer.eps) * weight + shift
        else:
            x = np.maximum(x, 0)
    with torch.no_grad():
        restored = learner.restore(video)[0, 0].permute(2, 0, 1).numpy()
    np.testing.assert_allclose(restored, frame - x, atol=1e-5)


def test_norms_take_the_batch_in_training_and_what_they_remember_else(noise, shake):
    learner = shake(Dncnn(size="small"))
    video = noise(2, 2, 8, 8, 3)
    with torch.no_grad():
        alone, together = learner.restore(video[:1]), learner.restore(video)[:1]
        torch.testing.assert_close(alone, together)
        learner.module.train()
        alone, together = learner.restore(video[:1]), learner.restore(video)[:1]
    assert not torch.allclose(alone, together, atol=1e-3)
