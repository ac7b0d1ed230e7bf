from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr

import rppgbench_restoration.framewise
from rppgbench.errors import SignalError
from rppgbench.learning.clip_sampler import ClipSampler, TrainingRecording
from rppgbench.learning.learner import DifferentiableEnhancer, TrainingContext
from rppgbench.learning.loop import train
from rppgbench_restoration import ArcnnParams, DncnnParams
from rppgbench_restoration.arcnn import Arcnn
from rppgbench_restoration.dncnn import Dncnn

NETWORKS = {
    "arcnn": lambda **params: Arcnn(size="small", **params),
    "fast": lambda **params: Arcnn(size="small", variant="fast", **params),
    "dncnn": lambda **params: Dncnn(size="small", **params),
}
CONTEXT = TrainingContext(step=0, steps=1, generator=torch.Generator())


@pytest.fixture(params=NETWORKS)
def make(request):
    return NETWORKS[request.param]


def test_it_is_what_the_core_trains(make):
    assert isinstance(make(), DifferentiableEnhancer)


@pytest.mark.parametrize("space", ["rgb", "luma"])
def test_a_frame_comes_out_the_same_whatever_its_neighbours_are(make, noise, shake, space, monkeypatch):
    learner, video = shake(make(space=space)), noise(2, 7, 12, 10, 3).numpy()
    enhanced = learner.enhance(video)
    order = np.random.RandomState(1).permutation(7)
    np.testing.assert_allclose(learner.enhance(video[:, order]), enhanced[:, order], atol=1e-6)
    np.testing.assert_allclose(learner.enhance(video[1:]), enhanced[1:], atol=1e-6)
    monkeypatch.setitem(rppgbench_restoration.framewise.PIXELS, "cpu", 3 * 12 * 10)  # three frames at a time
    np.testing.assert_allclose(learner.enhance(video), enhanced, atol=1e-6)
    assert not np.allclose(enhanced, video, atol=0.01)


def test_bytes_and_their_floats_come_out_the_same(make, shake):
    learner, video = shake(make()), np.random.RandomState(0).randint(0, 256, (1, 2, 8, 8, 3)).astype(np.uint8)
    enhanced = learner.enhance(video)
    assert enhanced.dtype == np.float32
    np.testing.assert_array_equal(learner.enhance(video / np.float32(255)), enhanced)
    np.testing.assert_array_equal(learner.enhance(torch.from_numpy(video)), enhanced)


def test_only_enhance_keeps_to_the_range(make, noise, shake):
    learner, video = shake(make()), 3 * noise(1, 2, 8, 8, 3) - 1
    restored = learner.restore(video).detach().numpy()
    assert restored.min() < 0 or restored.max() > 1
    np.testing.assert_allclose(learner.enhance(video), restored.clip(0, 1), atol=1e-6)


def test_enhancing_in_the_midst_of_training_changes_nothing(make, noise, shake):
    learner = shake(make())
    video = noise(1, 2, 8, 8, 3)
    expected = learner.enhance(video)
    learner.module.train()
    before = {name: tensor.clone() for name, tensor in learner.module.state_dict().items()}
    np.testing.assert_array_equal(learner.enhance(video), expected)
    assert learner.module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.module.state_dict().items())


def test_what_is_no_batch_of_clips_is_refused(make):
    with pytest.raises(SignalError, match=r"expected \(B, T, H, W, 3\)"):
        make().enhance(np.zeros((4, 8, 8, 3), np.uint8))


def test_luma_leaves_chroma_alone(make, noise, shake):
    video = noise(1, 2, 8, 8, 3)
    restored = shake(make(space="luma")).restore(video).detach()
    before, after = rgb2ycbcr(video.double().numpy()), rgb2ycbcr(restored.double().numpy())
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=1e-3)
    assert np.abs(after[..., 0] - before[..., 0]).max() > 1


@pytest.mark.parametrize(("space", "weights"), [("rgb", np.eye(3)), ("luma", np.array([[0.299], [0.587], [0.114]]))])
def test_the_loss_is_the_mean_squared_error(make, noise, shake, batch_of, space, weights):
    learner = shake(make(space=space))
    video, reference = noise(2, 3, 8, 8, 3), noise(2, 3, 8, 8, 3, seed=1)
    losses = learner.training_step(batch_of(video, reference), CONTEXT)
    difference = (learner.restore(video).detach() - reference).double().numpy() @ weights
    assert losses.keys() == learner.loss_weights.keys() == {"mse"}
    assert losses["mse"].item() == pytest.approx((difference**2).mean(), rel=1e-5)


def test_images_are_channels_last_in_every_layer(make, noise):
    learner, seen = make(), []
    for layer in learner.module.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda _, inputs, output: seen.extend([inputs[0], output]))
    learner.restore(noise(1, 2, 8, 8, 3))
    assert len(seen) > 8
    assert all(images.is_contiguous(memory_format=torch.channels_last) for images in seen)


def test_training_undoes_a_blur(make):
    # A known degradation, local and the same in every frame. Held out: other pictures.
    random = np.random.RandomState(0)
    sharp = random.randint(0, 256, (80, 16, 16, 3)).astype(np.uint8)
    around = sum(np.roll(sharp.astype(float), shift, axis) for axis in (1, 2) for shift in (-1, 1))
    blurred = np.rint(0.6 * sharp + 0.1 * around).astype(np.uint8)
    recording = TrainingRecording(recording="r", clips={"c": blurred[:64]}, reference=sharp[:64], wave=random.randn(64))
    recipe = DncnnParams(size="small").recipe().model_copy(update={"iterations": 60, "frames": 8, "flip": False})
    sampler = ClipSampler([recording], {"c": 1}, frames=recipe.frames, fps_hz=30.0, seed=0)
    learner, truth = make(), sharp[None, 64:] / np.float32(255)
    before = ((learner.enhance(blurred[None, 64:]) - truth) ** 2).mean()  # it starts as the identity
    train(learner, sampler, recipe, seed=0, device=torch.device("cpu"))
    after = ((learner.enhance(blurred[None, 64:]) - truth) ** 2).mean()
    assert after < 0.9 * before


@pytest.mark.parametrize("params", [ArcnnParams, DncnnParams])
def test_every_network_learns_from_as_much(params):
    from rppgbench_yu2019 import StvenParams

    for size in ("paper", "small"):
        for kind in ("recipe", "joint_recipe"):
            own, other = getattr(params(size=size), kind)(), getattr(StvenParams(size=size), kind)()
            length = "iterations", "epochs", "batch", "accumulate", "frames"
            assert [getattr(own, name) for name in length] == [getattr(other, name) for name in length]
