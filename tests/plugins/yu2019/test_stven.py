"""STVEN against the paper's tables, its equations computed by hand, and torch's own 3-D layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rppgbench.errors import PluginError, SignalError
from rppgbench.learning.learner import DifferentiableEnhancer, TrainingBatch, TrainingContext
from rppgbench_yu2019 import Labels, StvenParams
from rppgbench_yu2019.stven import (
    DESIGNS,
    PAPER,
    RELEASED,
    SMALL,
    SPATIAL_DESIGNS,
    Design,
    Generator,
    NormRelu,
    SpatialDeconv,
    Stven,
    StvenSpatial,
    TemporalDeconv,
    VolumeConv,
    VolumeDeconv,
    in_windows,
    window_starts,
)

torch.set_num_threads(1)

CONTEXT = TrainingContext(step=0, steps=1, generator=torch.Generator())


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def clips(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, 3, generator=torch.Generator().manual_seed(seed))


def learnt(kind: type[Stven] = Stven, n_conditions: int = 4) -> Stven:
    """A small network that is not the identity any more."""
    torch.manual_seed(0)
    stven = kind(n_conditions=n_conditions, size="small")
    nn.init.normal_(stven.module.last.weight, std=0.05)
    return stven


def pairs(video: Tensor, reference: Tensor, *conditions: int) -> TrainingBatch:
    wave = torch.zeros(video.shape[:2])
    return TrainingBatch(video=video, reference=reference, wave=wave, condition=torch.tensor(conditions), fps_hz=30.0)


# --- what it is made of -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "n_conditions", "weights"),
    [
        # The layers of the paper's Table 1 added up, six blocks of two sets, as many channels between as behind.
        (PAPER, 4, 46_776_451),
        (replace(PAPER, widths=(16, 32, 128)), 4, 2_945_059),
        (replace(PAPER, widths=(16, 32, 64)), 4, 908_643),
        # What the network that the authors released counts, and would count with six convolutions.
        (RELEASED, 5, 37_326_784),
        (RELEASED, 4, 37_317_376),
        (replace(RELEASED, blocks=6), 5, 51_490_496),
        (replace(RELEASED, blocks=6), 4, 51_481_088),
    ],
)
def test_it_has_as_many_weights_as_the_tables_say(design: Design, n_conditions: int, weights: int) -> None:
    with torch.device("meta"):
        assert count(Generator(design, n_conditions)) == weights


@pytest.mark.parametrize("size", ["paper", "released", "small"])
def test_the_spatial_control_is_as_large_and_sees_one_frame(size: str) -> None:
    with torch.device("meta"):
        stven, spatial = Generator(DESIGNS[size], 4), Generator(SPATIAL_DESIGNS[size], 4)
    assert count(spatial) == pytest.approx(count(stven), rel=0.05)
    kernels = [
        layer.weight.shape[2] for layer in spatial.modules() if isinstance(layer, (nn.Conv3d, nn.ConvTranspose3d))
    ]
    assert len(kernels) > 6
    assert set(kernels) == {1}


@pytest.mark.parametrize("size", ["paper", "released"])
def test_stages_have_the_shapes_of_table_1(size: str) -> None:
    with torch.device("meta"):
        generator = Generator(DESIGNS[size], 4)
        label = torch.zeros(1, dtype=torch.int64)
        features = generator.shrink(torch.empty(1, 64, 128, 128, 7), label)
        assert features.shape == (1, 32, 32, 32, 512)
        assert generator.blocks(features, label).shape == features.shape
        assert generator.grow(features, label).shape == (1, 64, 128, 128, 64)
        assert generator(torch.empty(1, 64, 128, 128, 3), label).shape == (1, 64, 128, 128, 3)


@pytest.mark.parametrize("kind", [Stven, StvenSpatial])
@pytest.mark.parametrize("shape", [(2, 64, 32, 32), (1, 32, 32, 32), (1, 33, 16, 24), (1, 1, 8, 8), (1, 2, 128, 128)])
def test_clips_keep_their_shape(kind: type[Stven], shape: tuple[int, ...]) -> None:
    restored = learnt(kind).restore(clips(*shape))
    assert restored.shape == (*shape, 3)
    assert restored.isfinite().all()


def test_the_paper_and_the_small_design_run_at_any_width() -> None:
    for design in (PAPER, RELEASED, SMALL):
        torch.manual_seed(0)
        generator = Generator(replace(design, widths=(2, 3, 4), blocks=1), 2)
        nn.init.normal_(generator.last.weight)
        video = clips(1, 5, 8, 12)
        generator(video, torch.tensor([1])).square().sum().backward()
        # A bias before a norm has no say: the norm takes it out. All else must have learnt something.
        idle = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().sum()]
        assert all(name.endswith("bias") for name in idle)


def test_an_odd_clip_is_one_whose_last_frame_stands_still() -> None:
    stven, video = learnt(), clips(1, 9, 16, 16)
    longer = stven.restore(torch.cat([video, video[:, -1:]], dim=1))
    torch.testing.assert_close(stven.restore(video), longer[:, :9])


# --- layers, against torch's on the usual layout ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "function", "stride", "padding"),
    [
        (VolumeConv(3, 5, 3, 7, stride=(1, 1), bias=True), nn.functional.conv3d, 1, (1, 3, 3)),
        (VolumeConv(3, 5, 3, 4, stride=(1, 2), bias=True), nn.functional.conv3d, (1, 2, 2), 1),
        (VolumeConv(3, 5, 4, 4, stride=(2, 2), bias=False), nn.functional.conv3d, 2, 1),
        (VolumeDeconv(3, 5, bias=True), nn.functional.conv_transpose3d, 2, 1),
        (SpatialDeconv(3, 5, bias=True), nn.functional.conv_transpose3d, (1, 2, 2), (0, 1, 1)),
        (TemporalDeconv(3, 5, bias=False), nn.functional.conv_transpose3d, (2, 1, 1), (1, 0, 0)),
    ],
)
def test_layers_are_those_of_table_1(layer: nn.Module, function: object, stride: object, padding: object) -> None:
    video = clips(2, 6, 8, 12)
    given = layer(video)
    usual = video.permute(0, 4, 1, 2, 3).contiguous()
    expected = function(usual, layer.weight, layer.bias, stride, padding).permute(0, 2, 3, 4, 1)  # type: ignore[operator]
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5, check_stride=False)
    assert given.is_contiguous()


def test_the_norm_is_torchs_instance_norm() -> None:
    layer, video = NormRelu(3), clips(2, 6, 8, 12)
    nn.init.uniform_(layer.weight, 0.5, 2)
    nn.init.uniform_(layer.bias, -1, 1)
    usual = nn.functional.instance_norm(video.permute(0, 4, 1, 2, 3), weight=layer.weight, bias=layer.bias).relu()
    given = layer(video, torch.tensor([0, 0]))
    torch.testing.assert_close(given, usual.permute(0, 2, 3, 4, 1), check_stride=False)


# --- what it does -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Stven, StvenSpatial])
def test_it_starts_as_the_identity_to_the_bit(kind: type[Stven]) -> None:
    stven, video = kind(n_conditions=4, size="small"), clips(2, 6, 16, 16)
    assert torch.equal(stven.restore(video), video)
    assert torch.equal(stven.module(video, torch.tensor([3, 1])), video)


def test_each_condition_asks_for_something_else() -> None:
    stven, video = learnt(), clips(1, 8, 16, 16)
    given = [stven.module(video, torch.tensor([condition])) for condition in range(4)]
    distances = [(a - b).abs().max() for i, a in enumerate(given) for b in given[:i]]
    assert min(distances) > 1e-3
    assert torch.equal(stven.restore(video), given[0])


@pytest.mark.parametrize(("labels", "differ"), [("planes", False), ("shifts", True)])
def test_a_norm_takes_planes_away_but_for_borders(labels: Labels, differ: bool) -> None:
    """A plane adds a constant to a channel, and the norm subtracts it: with kernels of one pixel there is no border."""
    torch.manual_seed(0)
    generator = Generator(replace(SMALL, size=1, labels=labels), 2)
    nn.init.normal_(generator.last.weight)
    video = clips(1, 8, 16, 16)
    one, other = (generator(video, torch.tensor([condition])) for condition in (0, 1))
    assert torch.allclose(one, other, atol=1e-4) != differ


def test_only_the_temporal_network_knows_the_order_of_frames() -> None:
    video, order = clips(1, 16, 16, 16), torch.randperm(16, generator=torch.Generator().manual_seed(1))
    for kind in (Stven, StvenSpatial):
        stven = learnt(kind)
        ordered = torch.allclose(stven.restore(video)[:, order], stven.restore(video[:, order]), atol=1e-5)
        assert ordered == (kind is StvenSpatial)


def test_losses_are_equations_3_and_4() -> None:
    stven = learnt()
    video, reference = clips(2, 8, 16, 16), clips(2, 8, 16, 16, seed=1)
    losses = stven.training_step(pairs(video, reference, 3, 1), CONTEXT)
    original, condition = torch.tensor([0, 0]), torch.tensor([3, 1])
    G = stven.module  # noqa: N806 - the paper's letter
    enhanced, recompressed = G(video, original), G(reference, condition)
    expected = {
        "enhance": ((enhanced - reference) ** 2).mean(),
        "compress": (recompressed - video).abs().mean(),
        "cycle_enhance": (G(enhanced, condition) - video).abs().mean(),
        "cycle_compress": (G(recompressed, original) - reference).abs().mean(),
    }
    assert set(losses) == set(stven.loss_weights) == set(expected)
    assert set(stven.loss_weights.values()) == {1.0}
    for name, loss in expected.items():
        torch.testing.assert_close(losses[name], loss, msg=lambda text, name=name: f"{name}: {text}")


def test_passes_that_are_done_again_give_the_same_bits() -> None:
    gradients = []
    for checkpoints_passes in (False, True):
        stven = learnt()
        stven.checkpoints_passes = checkpoints_passes
        losses = stven.training_step(pairs(clips(2, 8, 16, 16), clips(2, 8, 16, 16, seed=1), 2, 3), CONTEXT)
        torch.stack(list(losses.values())).sum().backward()
        gradients.append([parameter.grad for parameter in stven.module.parameters()])
    assert all(torch.equal(kept, again) for kept, again in zip(*gradients, strict=True))


def test_passes_that_are_done_again_hold_less() -> None:
    held = []
    for checkpoints_passes in (False, True):
        stven = learnt()
        stven.checkpoints_passes = checkpoints_passes
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: (sizes.append(x.numel() * x.element_size()), x)[1], lambda x: x
        ):
            stven.training_step(pairs(clips(1, 16, 16, 16), clips(1, 16, 16, 16), 1), CONTEXT)
        held.append(sum(sizes))
    assert held[1] < 0.1 * held[0]


def test_a_pass_of_the_papers_size_holds_5_gb() -> None:
    """Two floats per channel of Table 1 and place: what the convolution gives, and what norm and ReLU make of it."""
    full, half, quarter = 64 * 64 * 128**2, 128 * 64 * 64**2, 512 * 32 * 32**2
    expected_bytes = 4 * 2 * (2 * full + 2 * half + (1 + 24) * quarter)
    held: dict[int, torch.UntypedStorage] = {}

    def hold(x: Tensor) -> Tensor:
        held[x.untyped_storage()._cdata] = x.untyped_storage()
        return x

    with torch.device("meta"):
        generator = Generator(PAPER, 4)
        with torch.autograd.graph.saved_tensors_hooks(hold, lambda x: x):
            generator(torch.empty(1, 64, 128, 128, 3), torch.zeros(1, dtype=torch.int64))
    weights = {parameter.untyped_storage()._cdata for parameter in generator.parameters()}
    held_bytes = sum(storage.nbytes() for key, storage in held.items() if key not in weights)
    assert held_bytes == pytest.approx(expected_bytes, rel=0.02)


def test_training_undoes_a_degradation() -> None:
    """A colour cast unknown to the network, on clips that it has not seen; the truth is known."""

    def draw(seed: int) -> tuple[Tensor, Tensor]:
        blocks = clips(2, 8, 4, 4, seed=seed).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
        reference = 0.3 + 0.4 * blocks
        return reference * torch.tensor([0.8, 0.9, 1.0]) + torch.tensor([0.0, 0.05, -0.1]), reference

    torch.manual_seed(0)
    stven = Stven(n_conditions=2, size="small")
    optimiser = torch.optim.Adam(stven.module.parameters(), 5e-3)
    for step in range(25):
        optimiser.zero_grad()
        losses = stven.training_step(pairs(*draw(step), 1, 1), CONTEXT)
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
    video, reference = draw(1000)
    with torch.no_grad():
        after, before = (stven.restore(video) - reference).square().mean(), (video - reference).square().mean()
    assert after < 0.25 * before


# --- long clips ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_frames", [1, 63, 64, 65, 100, 112, 113, 900])
def test_windows_cover_every_frame_and_fade_into_each_other(n_frames: int) -> None:
    starts = window_starts(n_frames, 64, 16)
    ends = [start + 64 for start in starts]
    assert starts[0] == 0
    assert max(ends[-1], 64) == max(n_frames, 64)
    assert all(end - start >= 16 for end, start in zip(ends, starts[1:], strict=False))
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("n_frames", [1, 40, 64, 65, 150, 300])
def test_windows_of_the_identity_are_the_identity(n_frames: int) -> None:
    seen: list[tuple[int, ...]] = []

    def identity(window: np.ndarray) -> np.ndarray:
        seen.append(window.shape)
        return window

    video = clips(2, n_frames, 2, 3).numpy()
    np.testing.assert_allclose(in_windows(identity, video, length=64, overlap=16), video, rtol=1e-6)
    assert set(seen) == {(1, min(n_frames, 64), 2, 3, 3)}


def test_windows_fade_linearly() -> None:
    """Windows that give 0, 1, 2: the mixture at a frame is by closed form j / 17 of the later window."""
    number = iter(range(3))
    video = np.zeros((1, 160, 1, 1, 1), np.float32)
    mixed = in_windows(lambda window: np.full_like(window, next(number)), video, length=64, overlap=16)[0, :, 0, 0, 0]
    ramp = np.arange(1, 17) / 17
    expected = np.concatenate([np.zeros(48), ramp, np.ones(32), 1 + ramp, np.full(48, 2)])
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


def test_enhancing_depends_on_nothing_but_the_clip() -> None:
    stven = learnt()
    video = (clips(3, 70, 8, 8) * 255).byte().numpy()
    together = stven.enhance(video)
    assert together.dtype == np.float32
    assert together.shape == video.shape
    for b in range(3):
        np.testing.assert_array_equal(stven.enhance(video[b : b + 1])[0], together[b])
    stven.module.train()
    np.testing.assert_array_equal(stven.enhance(torch.from_numpy(video)), together)
    np.testing.assert_allclose(stven.enhance(video.astype(np.float32) / 255), together, atol=1e-5)


def test_enhancing_stays_in_range_where_restoring_leaves_it() -> None:
    stven = learnt()
    nn.init.normal_(stven.module.last.weight, std=1)
    video = clips(1, 16, 16, 16)
    restored, enhanced = stven.restore(video), stven.enhance(video.numpy())
    assert restored.min() < 0
    assert restored.max() > 1
    assert restored.requires_grad
    np.testing.assert_array_equal(enhanced, restored.detach().clamp(0, 1).numpy())


# --- how it is asked for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Stven, StvenSpatial])
@pytest.mark.parametrize("size", ["paper", "released", "small"])
def test_params_make_an_enhancer_that_can_be_trained_through_a_method(kind: type[Stven], size: str) -> None:
    with torch.device("meta"):
        stven = kind(**StvenParams(size=size).model_dump(), n_conditions=3)
    assert isinstance(stven, DifferentiableEnhancer)
    assert stven.checkpoints_passes == (size != "small")


def test_what_it_cannot_work_on_is_named() -> None:
    with pytest.raises(PluginError, match=r"1 condition.*\n.*enhancers_learn_from"):
        Stven(n_conditions=1, size="small")
    stven = Stven(n_conditions=2, size="small")
    with pytest.raises(SignalError, match="30 x 32"):
        stven.enhance(np.zeros((1, 4, 30, 32, 3), np.uint8))
    video = clips(1, 2, 8, 8)
    with pytest.raises(PluginError, match="2 conditions, got number 2"):
        stven.training_step(pairs(video, video, 2), CONTEXT)
