from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rppgbench_yu2019.rppgnet import Rppgnet
from rppgbench_yu2019.rppgnet_attention import attend, attention
from rppgbench_yu2019.rppgnet_input import temporal

Warm = Callable[[Rppgnet], Rppgnet]


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


# --- the network of the paper --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "never_called", "published"),
    # The count of the paper's reading was worked out by hand, layer by layer; that of the released network includes
    # two layers it never calls: a 3x3 convolution of 3 to 16 channels and a 1x1x1 convolution of 64 to 1.
    [("paper", 0, 391_791), ("released", (9 * 3 * 16 + 16) + (64 + 1), 550_779)],
)
def test_it_has_as_many_parameters_as_the_original(size: str, never_called: int, published: int) -> None:
    with torch.device("meta"):
        method = Rppgnet(size=size)
    assert sum(parameter.numel() for parameter in method.module.parameters()) + never_called == published


@pytest.mark.parametrize(("size", "early_channels"), [("paper", 64), ("released", 32)])
def test_it_answers_in_the_shapes_of_the_paper(size: str, early_channels: int) -> None:
    with torch.device("meta"):
        said = Rppgnet(size=size).respond(torch.empty(1, 64, 128, 128, 3))
    assert said.wave.shape == (1, 64)
    assert {name: wave.shape for name, wave in said.side_waves.items()} == dict.fromkeys(
        ("mid", "part1", "part2", "part3", "part4"), (1, 64)
    )
    assert said.feature_maps["early"].shape == (1, early_channels, 64, 64, 64)
    assert said.feature_maps["mid"].shape == (1, 64, 64, 32, 32)
    assert said.maps["skin"].shape == (1, 64, 64, 64)
    assert said.maps["attention"].shape == (1, 64, 32, 32)


def plain_network(x: Tensor, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The paper's network written a second time, with 3-D operations on ``(B, C, T, H, W)`` and norms on their own."""

    def layer(x: Tensor, name: str) -> Tensor:
        weight = state[f"{name}.conv.weight"]
        x = functional.conv3d(x, weight, state[f"{name}.conv.bias"], padding=[k // 2 for k in weight.shape[2:]])
        statistics = [state[f"{name}.norm.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return functional.relu(functional.batch_norm(x, *statistics))

    def block(x: Tensor, number: int) -> Tensor:
        for i in range(2):
            x = layer(layer(x, f"blocks.{number}.{i}.0"), f"blocks.{number}.{i}.1")
        return x

    def pool(x: Tensor) -> Tensor:
        return functional.avg_pool3d(x, (1, 2, 2))

    def attended(x: Tensor, skin: Tensor) -> Tensor:
        evidence = torch.sigmoid(x.mean(1)) + torch.sigmoid(x.amax(1)) + skin[:, 0]
        weights = evidence.exp() / evidence.exp().sum((2, 3), keepdim=True)
        return x * weights[:, None] * (x.shape[3] * x.shape[4])

    def read(x: Tensor, name: str) -> Tensor:
        pooled = functional.adaptive_avg_pool3d(x, (x.shape[2], 1, 1))
        head = state[f"{name}.weight"][:, :, None, None, None]
        return functional.conv3d(pooled, head, state[f"{name}.bias"])[:, 0, :, 0, 0]

    early = block(pool(layer(x, "stem")), 0)
    found = layer(layer(early, "skin.main.0"), "skin.main.1") + layer(early, "skin.residual")
    skin = torch.sigmoid(
        functional.conv3d(found, state["skin.logit.weight"], state["skin.logit.bias"], padding=(0, 1, 1))
    )
    mid = block(attended(block(pool(early), 1), pool(skin)), 2)
    deep = block(attended(pool(mid), pool(pool(skin))), 3)
    half = deep.shape[3] // 2
    waves = {"wave": read(deep, "head"), "mid": read(mid, "mid_head"), "skin": skin[:, 0]}
    for i, (rows, columns) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        quarter = deep[..., rows * half :, columns * half :][..., :half, :half]
        waves[f"part{i + 1}"] = read(quarter, f"part_heads.{i}")
    return waves


@pytest.mark.parametrize("size", ["paper", "small"])
def test_it_is_the_network_written_a_second_time(warm: Warm, size: str) -> None:
    method = warm(Rppgnet(size=size, normalise="affine"))
    video = torch.rand(1, 9, 32, 32, 3)
    with torch.no_grad():
        said = method.respond(video)
        wanted = plain_network(2 * video.permute(0, 4, 1, 2, 3) - 1, dict(method.module.state_dict()))
    for name, wave in {"wave": said.wave, "skin": said.maps["skin"], **said.side_waves}.items():
        torch.testing.assert_close(wave, wanted[name], atol=1e-5, rtol=1e-4)


# --- attention -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["spatial", "spatiotemporal"])
@pytest.mark.parametrize("in_backbone", [True, False])
def test_attention_sums_to_one_in_each_frame(warm: Warm, over: str, in_backbone: bool) -> None:
    method = warm(Rppgnet(size="small", attention=over, attention_in_backbone=in_backbone))
    seen = method.respond(torch.rand(2, 24, 16, 16, 3)).maps["attention"].detach()
    torch.testing.assert_close(seen.sum((2, 3)), torch.ones(2, 24))
    # A sigmoid of what a ReLU left is at least 1/2, and skin at least 0: the softmax sees 1 to 3, e^2 apart at most.
    assert 1 < float(seen.max() / seen.min()) <= math.exp(2)


def test_attention_is_equation_7() -> None:
    """Against the formula in NumPy, in double precision."""
    features, skin = torch.rand(1, 3, 4, 4, 5) * 4, torch.rand(1, 3, 4, 4, 1)
    values, found = features.double().numpy(), skin.double().numpy()[..., 0]
    evidence = 1 / (1 + np.exp(-values.mean(-1))) + 1 / (1 + np.exp(-values.max(-1))) + found
    for over, axes in (("spatial", (2, 3)), ("spatiotemporal", (1, 2, 3))):
        wanted = np.exp(evidence) / np.exp(evidence).sum(axes, keepdims=True)
        weights = attention(features, skin, over)
        np.testing.assert_allclose(weights[..., 0], wanted, rtol=1e-5)
        n_summed = math.prod(values.shape[axis] for axis in axes)
        np.testing.assert_allclose(attend(features, weights, over), values * wanted[..., None] * n_summed, rtol=1e-5)


# --- pixels ----------------------------------------------------------------------------------------------------------


def test_temporal_input_is_a_pixels_change_in_percent() -> None:
    """A sine of 65 / 5 frames has no mean over the 65 frames around any frame: only the sine is left, in percent."""
    t = torch.arange(200)
    wave = torch.sin(2 * math.pi * 5 / 65 * t)
    tone = torch.tensor([0.7, 0.5, 0.3])
    video = (tone * (1 + 0.005 * wave[:, None])).view(1, 200, 1, 1, 3).expand(1, 200, 2, 2, 3)
    changed = temporal(video)
    inner = slice(32, -32)
    wanted = (0.5 * wave).view(1, 200, 1, 1, 1).expand_as(changed)
    torch.testing.assert_close(changed[:, inner], wanted[:, inner], atol=1e-3, rtol=0)
    torch.testing.assert_close(temporal(0.5 * video), changed, atol=1e-3, rtol=0)
    assert temporal(torch.rand(1, 50, 4, 4, 3)).abs().max().item() == 5.0
