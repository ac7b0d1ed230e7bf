from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import rppgbench_yu2019.rppgnet as rppgnet
from rppgbench.errors import PluginError, SignalError
from rppgbench.learning.learner import DifferentiableMethod, Response, TrainingBatch, TrainingContext
from rppgbench.learning.losses import negative_pearson
from rppgbench_yu2019 import RppgnetParams
from rppgbench_yu2019.convolution import SpatialConv
from rppgbench_yu2019.rppgnet import (
    ChannelNorm,
    ConvNormRelu,
    Rppgnet,
    SpatioTemporalConv,
    attend,
    attention,
    halve,
    temporal,
)

Warm = Callable[[Rppgnet], Rppgnet]
CONTEXT = TrainingContext(step=0, steps=1, generator=torch.Generator())
ABLATIONS = {
    "base": {"rppg", "mid"},
    "base+skin": {"rppg", "mid", "skin"},
    "base+skin+parts": {"rppg", "mid", "skin", "parts"},
    "base+skin+atten": {"rppg", "mid", "skin"},
    "full": {"rppg", "mid", "skin", "parts"},
}


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


def batch(B: int = 2, T: int = 24, H: int = 16, W: int = 16) -> TrainingBatch:
    generator = torch.Generator().manual_seed(0)
    video = torch.rand(B, T, H, W, 3, generator=generator)
    skin = (torch.rand(B, T, H, W, generator=generator) > 0.5).float()
    wave = torch.randn(B, T, generator=generator)
    condition = torch.zeros(B, dtype=torch.int64)
    return TrainingBatch(video=video, reference=video, wave=wave, condition=condition, fps_hz=30.0, skin=skin)


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


# --- the network of the paper ----------------------------------------------------------------------------------------


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


# --- (2+1)-D convolutions, against torch's 3-D layers ----------------------------------------------------------------

ROUNDING = 2e-5  # float32 sums of a few hundred products of the order of one


def clip(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 4, 1, 2, 3).contiguous()


def channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 4, 1)


def unlike_at_birth(norms: nn.Module) -> None:
    """Norms whose scale, shift and statistics are those of no fresh layer."""
    generator = torch.Generator().manual_seed(1)
    for norm in norms.modules():
        if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                tensor.data.uniform_(0.3, 2.0, generator=generator)


def test_colour_stays_last_in_memory_through_norms() -> None:
    layer = ConvNormRelu(SpatialConv(3, 8, 3))
    assert layer(clip(2, 6, 8, 8, 3)).is_contiguous()
    assert layer.eval()(clip(2, 6, 8, 8, 3)).is_contiguous()


def test_norm_is_that_of_3d_batches_with_its_statistics() -> None:
    mine, theirs = ChannelNorm(4), nn.BatchNorm3d(4)
    x = 3 + 2 * clip(2, 5, 6, 7, 4)
    torch.testing.assert_close(mine(x), channels_last(theirs(channels_first(x))), atol=ROUNDING, rtol=0)
    torch.testing.assert_close(mine.running_var, theirs.running_var)
    torch.testing.assert_close(mine.running_mean, theirs.running_mean)
    torch.testing.assert_close(mine.eval()(x), channels_last(theirs.eval()(channels_first(x))), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_a_factorised_convolution_is_its_four_layers_twice(training: bool) -> None:
    mine = SpatioTemporalConv(3, 7, 5).train(training)
    theirs = nn.Sequential(
        *(nn.Conv3d(3, 7, (1, 3, 3), padding=(0, 1, 1)), nn.BatchNorm3d(7), nn.ReLU()),
        *(nn.Conv3d(7, 5, (3, 1, 1), padding=(1, 0, 0)), nn.BatchNorm3d(5), nn.ReLU()),
    ).train(training)
    unlike_at_birth(mine)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), mine.state_dict().values(), strict=True)))
    x, y = clip(2, 6, 8, 8, 3).requires_grad_(), clip(2, 6, 8, 8, 3).requires_grad_()
    made, wanted = mine(x), channels_last(theirs(channels_first(y)))
    torch.testing.assert_close(made, wanted, atol=ROUNDING, rtol=0)
    pull = torch.randn(made.shape)
    made.backward(pull)
    wanted.backward(pull)
    torch.testing.assert_close(x.grad, y.grad, atol=ROUNDING, rtol=1e-5)


def test_halving_is_the_mean_of_two_by_two() -> None:
    x = clip(2, 3, 8, 6, 4)
    wanted = channels_last(nn.functional.avg_pool3d(channels_first(x), (1, 2, 2)))
    torch.testing.assert_close(halve(x), wanted, atol=1e-6, rtol=0)


# --- attention -------------------------------------------------------------------------------------------------------


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


# --- branches and losses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ablation", "names"), ABLATIONS.items())
def test_an_ablation_has_the_losses_of_its_branches(ablation: str, names: set[str]) -> None:
    method = Rppgnet(size="small", ablation=ablation)
    losses = method.training_step(batch(), CONTEXT)
    assert losses.keys() == method.loss_weights.keys() == names
    torch.stack(list(losses.values())).sum().backward()
    without = [name for name, parameter in method.module.named_parameters() if parameter.grad is None]
    assert without == [], "parameters that nothing teaches"


def test_losses_are_equations_6_and_8_term_by_term() -> None:
    method, clips = Rppgnet(size="small"), batch()
    said = method.respond(clips.video)
    losses = method.losses(said, clips)
    labels = functional.avg_pool2d(clips.skin, 2)
    probability = said.maps["skin"].double()
    cross_entropy = -(labels * probability.log() + (1 - labels) * (1 - probability).log()).mean()
    torch.testing.assert_close(losses["rppg"], negative_pearson(said.wave, clips.wave))
    torch.testing.assert_close(losses["mid"], negative_pearson(said.side_waves["mid"], clips.wave))
    torch.testing.assert_close(losses["skin"].double(), cross_entropy, atol=1e-5, rtol=0)
    parts = [negative_pearson(said.side_waves[f"part{i}"], clips.wave) for i in (1, 2, 3, 4)]
    torch.testing.assert_close(losses["parts"], torch.stack(parts).sum())
    assert method.loss_weights == {"rppg": 1.0, "mid": 0.5, "skin": 0.1, "parts": 0.5}


def test_squared_errors_take_the_place_of_correlations() -> None:
    method, clips = Rppgnet(size="small", loss="mse"), batch()
    said = method.respond(clips.video)
    torch.testing.assert_close(method.losses(said, clips)["rppg"], (said.wave - clips.wave).square().mean())
    with pytest.raises(ValueError, match="max_shift is for loss: pearson"):
        RppgnetParams(loss="mse", max_shift=2)


def test_in_half_precision_waves_and_losses_stay_in_float32() -> None:
    method, clips = Rppgnet(size="small", normalise="temporal"), batch(1, 8)
    exact = method.losses(method.respond(clips.video), clips)
    with torch.autocast("cpu", torch.bfloat16):
        said = method.respond(clips.video)
        losses = method.losses(said, clips)
    assert {said.wave.dtype, *(loss.dtype for loss in losses.values())} == {torch.float32}
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(exact[name].item(), rel=0.1)


def test_waves_may_be_out_of_step_by_the_shift_allowed() -> None:
    clips = batch(T=40)
    strict, lenient = Rppgnet(size="small", ablation="base"), Rppgnet(size="small", ablation="base", max_shift=3)
    said = strict.respond(clips.video)
    late = dataclasses.replace(clips, wave=said.wave.detach().roll(2, dims=1))
    assert strict.losses(said, late)["rppg"].item() > 0.3
    assert lenient.losses(said, late)["rppg"].item() < 1e-5


@pytest.mark.parametrize(("ablation", "reaches_skin"), [("base+skin+parts", False), ("full", True)])
def test_skin_and_later_blocks_meet_in_the_attention_alone(ablation: str, reaches_skin: bool) -> None:
    method = Rppgnet(size="small", ablation=ablation)
    losses = method.training_step(batch(), CONTEXT)

    def taught(loss: Tensor, part: nn.Module) -> bool:
        gradients = torch.autograd.grad(loss, list(part.parameters()), retain_graph=True, allow_unused=True)
        return any(gradient is not None and bool(gradient.any()) for gradient in gradients)

    network = method.module
    assert taught(losses["skin"], network.blocks[0])
    assert not any(taught(losses["skin"], block) for block in network.blocks[1:])
    assert taught(losses["rppg"], network.skin) == reaches_skin


def test_every_part_has_a_head_of_its_own() -> None:
    method = Rppgnet(size="paper")
    heads = [method.module.head, *method.module.part_heads]
    assert len({head.weight.data_ptr() for head in heads}) == 5
    said = method.respond(batch(1, 6).video)
    for i in range(4):
        gradients = torch.autograd.grad(
            said.side_waves[f"part{i + 1}"].square().sum(),
            [head.weight for head in heads],
            retain_graph=True,
            allow_unused=True,
        )
        assert [gradient is not None for gradient in gradients] == [head is heads[i + 1] for head in heads]


def test_labels_of_skin_are_asked_for_only_by_what_learns_from_them() -> None:
    bare = dataclasses.replace(batch(), skin=None)
    Rppgnet(size="small", ablation="base").training_step(bare, CONTEXT)
    with pytest.raises(SignalError, match="no skin labels"):
        Rppgnet(size="small").training_step(bare, CONTEXT)


def test_a_response_of_another_method_is_refused() -> None:
    with pytest.raises(PluginError, match="given a Response"):
        Rppgnet(size="small").losses(Response(wave=batch().wave), batch())


def test_an_enhancer_learns_through_it_while_it_stays_as_it_is(warm: Warm) -> None:
    method = warm(Rppgnet(size="small"))
    assert isinstance(method, DifferentiableMethod)
    method.module.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in method.module.state_dict().items()}
    clips = batch()
    video = clips.video.clone().requires_grad_()
    torch.stack(list(method.losses(method.respond(video), clips).values())).sum().backward()
    assert video.grad is not None and float(video.grad.abs().amax(dim=(2, 3, 4)).min()) > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.module.state_dict().items())


# --- prediction ------------------------------------------------------------------------------------------------------


def clips_of_bytes(B: int, T: int, H: int = 16, W: int = 24) -> np.ndarray:
    return np.random.RandomState(0).randint(120, 130, (B, T, H, W, 3)).astype(np.uint8)


REACHES = [({"size": "small"}, 8 + 32), ({"size": "paper"}, 8), ({"size": "released", "normalise": "temporal"}, 7 + 32)]


@pytest.mark.parametrize(("params", "reach"), REACHES, ids=str)
def test_a_frame_hears_of_no_frame_beyond_its_reach(warm: Warm, params: dict, reach: int) -> None:
    """One frame to either side for every temporal kernel of three, and half the window of the moving mean."""
    video = (torch.from_numpy(clips_of_bytes(1, 101, 16, 16)).float() / 255).requires_grad_()
    warm(Rppgnet(**params)).respond(video).wave[0, 50].backward()
    assert video.grad is not None
    heard = video.grad.abs().amax(dim=(0, 2, 3, 4)).nonzero().flatten().tolist()
    assert heard == list(range(50 - reach, 50 + reach + 1))


@pytest.mark.parametrize(("params", "reach"), REACHES, ids=str)
def test_chunks_give_what_the_whole_clip_gives(
    warm: Warm, params: dict, reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, video = warm(Rppgnet(**params)), clips_of_bytes(1, 201, 16, 16)
    with torch.no_grad():
        whole = method.respond(torch.from_numpy(video).float() / 255).wave.numpy()
    monkeypatch.setattr(rppgnet, "_CHUNK_PIXELS", 1)
    assert 2 * 2 * reach < 201  # so there are at least three chunks
    chunked = method.predict(video, 30.0)
    np.testing.assert_allclose(chunked, whole, rtol=0, atol=1e-4 * whole.std())


def test_a_clip_does_not_depend_on_its_batch_nor_on_earlier_calls(warm: Warm) -> None:
    method, video = warm(Rppgnet(size="small")), clips_of_bytes(3, 31)
    together = method.predict(video, 30.0)
    assert together.shape == (3, 31) and together.dtype == np.float32
    for b in (2, 0, 1):
        np.testing.assert_array_equal(method.predict(video[b : b + 1], 30.0)[0], together[b])


def test_bytes_floats_and_tensors_are_one_video(warm: Warm) -> None:
    method, video = warm(Rppgnet(size="small")), clips_of_bytes(1, 20)
    wave = method.predict(video, 30.0)
    np.testing.assert_array_equal(method.predict(video.astype(np.float32) / 255, 30.0), wave)
    np.testing.assert_array_equal(method.predict(torch.from_numpy(video), 30.0), wave)


def test_prediction_leaves_a_network_in_training_as_it_was() -> None:
    method = Rppgnet(size="small")
    method.module.train()
    before = {name: tensor.clone() for name, tensor in method.module.state_dict().items()}
    method.predict(clips_of_bytes(1, 20), 30.0)
    assert method.module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.module.state_dict().items())


@pytest.mark.parametrize("shape", [(1, 20, 20, 32, 3), (1, 20, 32, 36, 3), (1, 20, 8, 32, 3)])
def test_sizes_that_cannot_be_halved_three_times_are_refused(shape: tuple[int, ...]) -> None:
    method = Rppgnet(size="small")
    with pytest.raises(SignalError, match=rf"{shape[2]} x {shape[3]} pixels, expected multiples of 8 from 16"):
        method.predict(np.zeros(shape, np.uint8), 30.0)
    with pytest.raises(SignalError, match=r"clips\.size"):
        method.respond(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(20, 32, 32, 3), (1, 20, 32, 32, 4)])
def test_what_is_no_batch_of_clips_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SignalError, match=r"expected \(B, T, H, W, 3\)"):
        Rppgnet(size="small").predict(np.zeros(shape, np.uint8), 30.0)


# --- learning --------------------------------------------------------------------------------------------------------


def faces(B: int, T: int, seed: int) -> TrainingBatch:
    """Clips of noise of two grey levels with a patch that blood darkens by up to 1 %, and the wave of that blood."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(T) / 30
    rate_hz = 0.8 + 2 * torch.rand(B, 1, generator=generator)
    blood = torch.sin(2 * math.pi * (rate_hz * t + torch.rand(B, 1, generator=generator)))
    skin = torch.zeros(B, T, 16, 16)
    skin[:, :, 3:13, 4:14] = 1
    strength = torch.tensor([0.003, 0.01, 0.006])
    video = 0.5 * (1 - blood[:, :, None, None, None] * strength * skin[..., None])
    video = video + 2 / 255 * torch.randn(video.shape, generator=generator)
    wave = (blood - blood.mean(1, keepdim=True)) / blood.std(1, keepdim=True, correction=0)
    condition = torch.zeros(B, dtype=torch.int64)
    return TrainingBatch(video=video, reference=video, wave=wave, condition=condition, fps_hz=30.0, skin=skin)


def test_it_learns_a_pulse_and_hears_it_in_clips_it_never_saw() -> None:
    method = Rppgnet(size="small")
    optimiser = torch.optim.Adam(method.module.parameters(), 5e-3)
    curve = []
    for step in range(25):
        losses = method.training_step(faces(4, 48, seed=step), CONTEXT)
        curve.append(losses["rppg"].item())
        optimiser.zero_grad()
        torch.stack([method.loss_weights[name] * loss for name, loss in losses.items()]).sum().backward()
        optimiser.step()
    assert curve[0] > 0.7
    assert np.mean(curve[-5:]) < 0.1
    unseen = faces(2, 100, seed=1000)
    heard = method.predict(unseen.video, 30.0)
    for wave, truth in zip(heard, unseen.wave.numpy(), strict=True):
        assert np.corrcoef(wave, truth)[0, 1] > 0.9  # systole up, too


def test_it_is_trained_as_section_4_1_says() -> None:
    for size in ("paper", "released"):
        recipe = RppgnetParams(size=size).recipe()
        assert (recipe.epochs, recipe.learning_rate, recipe.frames, recipe.schedule) == (15, 1e-4, 64, "constant")
