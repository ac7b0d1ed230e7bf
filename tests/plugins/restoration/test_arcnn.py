from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torch import nn

from rppgbench_restoration.arcnn import Arcnn

ARCNN_LAYERS = [(9, 3, 64), (7, 64, 32), (1, 32, 16), (5, 16, 3)]  # kernel, channels in and out: Dong et al., Table 1
FAST_LAYERS = [(9, 3, 64), (1, 64, 32), (7, 32, 32), (1, 32, 64), (9, 64, 3)]  # Yu et al., 2016


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("variant", "layers"), [("arcnn", ARCNN_LAYERS), ("fast", FAST_LAYERS)])
def test_the_published_size_has_the_parameters_of_its_layers(variant, layers):
    slopes = len(layers) - 1
    expected = sum(size**2 * cin * cout + cout for size, cin, cout in layers) + slopes
    assert count(Arcnn(variant=variant).module) == expected
    # Of the luma the first layer sees one plane and the last one gives one.
    outer = layers[0][0] ** 2 * 2 * layers[0][2] + layers[-1][0] ** 2 * layers[-1][1] * 2 + 2
    assert count(Arcnn(variant=variant, space="luma").module) == expected - outer


def test_arcnn_has_the_1_9_gmac_a_frame_that_its_layers_come_to():
    macs = sum(size**2 * cin * cout for size, cin, cout in ARCNN_LAYERS) * 128**2
    weights = [p.numel() for p in Arcnn().module.parameters() if p.ndim == 4]
    assert sum(weights) * 128**2 == macs
    assert macs == pytest.approx(1.93e9, rel=0.002)


@pytest.mark.parametrize("space", ["rgb", "luma"])
@pytest.mark.parametrize("variant", ["arcnn", "fast"])
@pytest.mark.parametrize("size", ["paper", "small"])
@pytest.mark.parametrize("pixels", [(16, 16), (15, 21)])
def test_it_starts_as_the_identity(noise, size, variant, space, pixels):
    video = noise(1, 2, *pixels, 3)
    with torch.no_grad():
        restored = Arcnn(size=size, space=space, variant=variant).restore(video)
    torch.testing.assert_close(restored, video, rtol=0, atol=1e-6)


def test_it_starts_with_channels_left_to_learn():
    module = Arcnn().module
    first, last = module.features.extraction.weight, module.reconstruction.weight
    assert first[3:].abs().min() > 0
    assert last[:, 3:].abs().max() == 0


def test_it_can_start_as_published():
    weights = torch.cat([p.detach().flatten() for p in Arcnn(start="gaussian").module.parameters() if p.ndim == 4])
    assert float(weights.std()) == pytest.approx(1e-3, rel=0.01)  # 117,616 draws: the deviation's own is 0.2 %
    assert float(weights.mean()) == pytest.approx(0, abs=1e-5)


def test_arcnn_is_four_correlations_with_prelu_between(noise, shake):
    learner = shake(Arcnn(size="small"))
    video = noise(1, 1, 14, 11, 3)
    x = video[0, 0].permute(2, 0, 1).double().numpy()
    convolutions = [layer for layer in learner.module.modules() if isinstance(layer, nn.Conv2d)]
    slopes = [layer for layer in learner.module.modules() if isinstance(layer, nn.PReLU)]
    for layer, slope in zip(convolutions, [*slopes, None], strict=True):
        weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
        x = np.stack(
            [
                b + sum(correlate(plane, kernel, mode="constant") for plane, kernel in zip(x, kernels, strict=True))
                for kernels, b in zip(weight, bias, strict=True)
            ]
        )
        if slope is not None:
            x = np.where(x < 0, slope.weight.item() * x, x)
    with torch.no_grad():
        restored = learner.restore(video)[0, 0].permute(2, 0, 1).numpy()
    np.testing.assert_allclose(restored, x, atol=1e-5)


def test_fast_arcnn_is_arcnn_on_every_second_pixel(noise, shake):
    # Its strided layer is the plain one, read at every second pixel; its last one the plain one run backwards.
    learner = shake(Arcnn(size="small", variant="fast"))
    network, frames = learner.module, noise(1, 3, 12, 10)
    with torch.no_grad():
        first = network.features.extraction
        full = nn.functional.conv2d(frames, first.weight, first.bias, padding=4)
        halved = full[:, :, ::2, ::2]
        inside = network.features[1:](halved)
        spread = torch.zeros(1, inside.shape[1], 12, 10)
        spread[:, :, ::2, ::2] = inside
        last = network.reconstruction
        kernel = last.weight.transpose(0, 1).flip(2, 3)
        expected = nn.functional.conv2d(spread, kernel, last.bias, padding=4)
        torch.testing.assert_close(network(frames), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", ["arcnn", "fast"])
def test_colours_are_predicted_in_float32_whatever_the_precision_around(noise, shake, variant):
    learner, video = shake(Arcnn(size="small", variant=variant)), noise(1, 1, 8, 8, 3)
    with torch.no_grad():
        expected = learner.restore(video)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(learner.restore(video), expected)
