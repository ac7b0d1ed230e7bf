"""A resumed fit ends with the same bits as an uninterrupted one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")

from rppgbench.learning import loop  # noqa: E402 - only if there is torch
from rppgbench.learning.checkpoint import Checkpoint  # noqa: E402
from rppgbench.learning.recipe import Recipe  # noqa: E402
from rppgbench.learning.reproducibility import reproducible  # noqa: E402

SEED = 3


class Interrupted(Exception):
    pass


@pytest.fixture
def fit(tiny, sampler, monkeypatch):
    """A function that trains for 9 steps, interrupted at forward pass ``cut_at``; weights, curve and steps."""
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", float("inf"))

    def fitted(checkpoint=None, *, accumulate=1, cut_at=None, first_weights=SEED):
        with reproducible(first_weights):
            learner = tiny.Method()
            passes, step = [], learner.training_step

            def training_step(batch, context):
                if len(passes) == cut_at:
                    raise Interrupted
                passes.append(context.step)
                return step(batch, context)

            learner.training_step = training_step
            recipe = Recipe(iterations=9, batch=2, accumulate=accumulate, schedule="cosine", learning_rate=0.01)
            curve = loop.train(
                learner, sampler(SEED), recipe, seed=SEED, device=torch.device("cpu"), checkpoint=checkpoint
            )
        return learner.module.state_dict(), curve, passes

    return fitted


def equal(one, other) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("accumulate", "cut_at", "step"), [(1, 4, 4), (2, 8, 4), (2, 9, 4)])
def test_a_resumed_fit_equals_an_uninterrupted_one(fit, tmp_path, accumulate, cut_at, step):
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    weights, curve, _ = fit(accumulate=accumulate)
    with pytest.raises(Interrupted):
        fit(checkpoint, accumulate=accumulate, cut_at=cut_at)
    # Other first weights: all that counts must come from the checkpoint.
    resumed, resumed_curve, passes = fit(checkpoint, accumulate=accumulate, first_weights=99)
    assert passes[0] == step, "it goes on, it does not begin anew"
    assert equal(resumed, weights)
    assert "0.running_var" in weights
    assert resumed_curve == curve


def test_a_checkpoint_does_not_change_a_fit(fit, tmp_path):
    weights, curve, _ = fit()
    kept, kept_curve, _ = fit(Checkpoint(tmp_path / "checkpoint.safetensors"))
    assert equal(kept, weights)
    assert kept_curve == curve
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_the_moments_of_adam_are_kept(fit, tmp_path):
    """With the weights alone the fit would end elsewhere: what the test above rests on."""
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    weights, _, _ = fit()
    with pytest.raises(Interrupted):
        fit(checkpoint, cut_at=4)
    restore = Checkpoint.restore

    class Forgetful(Checkpoint):
        def restore(self, module, optimiser):
            return restore(self, module, torch.optim.Adam(module.parameters()))

    forgetful, _, _ = fit(Forgetful(checkpoint.path))
    assert not equal(forgetful, weights)


@pytest.mark.parametrize("rest", ["nothing", "garbage", "half", "zeros"])
def test_a_damaged_checkpoint_is_ignored(fit, tmp_path, rest):
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors")
    weights, curve, _ = fit(checkpoint)
    whole = checkpoint.path.read_bytes()
    torn = {"nothing": b"", "garbage": b"not a checkpoint", "half": whole[: len(whole) // 2], "zeros": bytes(4096)}
    checkpoint.path.write_bytes(torn[rest])
    again, again_curve, passes = fit(checkpoint)
    assert passes == list(range(9))
    assert equal(again, weights)
    assert again_curve == curve


KILLED = '''\
"""Trains a few weights, and with ``hang`` stops at its sixth step."""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rppgbench.learning import loop
from rppgbench.learning.checkpoint import Checkpoint
from rppgbench.learning.reproducibility import reproducible
from rppgbench.learning.losses import negative_pearson
from rppgbench.learning.clip_sampler import TrainingRecording, ClipSampler
from rppgbench.learning.recipe import Recipe


class Learner:
    loss_weights = {"wave": 1.0}

    def __init__(self, hang):
        self.module, self.hang = nn.Sequential(nn.BatchNorm1d(3), nn.Conv1d(3, 1, 3, padding=1)), hang

    def training_step(self, batch, context):
        if self.hang and context.step == 6:
            time.sleep(60)
        colours = batch.video.mean((2, 3)).transpose(1, 2)
        return {"wave": negative_pearson(self.module(colours).squeeze(1), batch.wave)}


def digest(folder, hang=False):
    loop.CHECKPOINT_EVERY_S, loop.CHECKPOINT_SHARE = 0.0, float("inf")
    noise = np.random.RandomState(0)
    clip = noise.randint(256, size=(40, 2, 2, 3), dtype=np.uint8)
    recording = TrainingRecording(recording="a", clips={}, reference=clip, wave=noise.randn(40))
    sampler = ClipSampler([recording], {"reference": 0}, frames=8, fps_hz=30.0, seed=1)
    with reproducible(1):
        learner = Learner(hang)
        loop.train(
            learner, sampler, Recipe(iterations=12, batch=2), seed=1, device=torch.device("cpu"),
            checkpoint=Checkpoint(Path(folder) / "checkpoint.safetensors"),
        )
    values = [tensor.numpy().tobytes() for tensor in learner.module.state_dict().values()]
    return hashlib.sha256(b"".join(values)).hexdigest()


if __name__ == "__main__":
    digest(sys.argv[1], hang=True)
'''


@pytest.mark.slow
def test_a_fit_killed_outright_ends_with_the_same_digest(tmp_path, monkeypatch):
    script, killed, uninterrupted = tmp_path / "killed_fit.py", tmp_path / "killed", tmp_path / "uninterrupted"
    script.write_text(KILLED)
    killed.mkdir()
    uninterrupted.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, str(script), str(killed)], env=environment)
    try:
        while not (killed / "checkpoint.safetensors").exists() and process.poll() is None:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -9
    spec = importlib.util.spec_from_file_location("killed_fit", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_S", 0.0)  # put back what the module sets
    steps, step = [], module.Learner.training_step

    def noted(learner, batch, context):
        steps.append(context.step)
        return step(learner, batch, context)

    monkeypatch.setattr(module.Learner, "training_step", noted)
    resumed = module.digest(killed)
    assert 1 <= steps[0] <= 6, "it went on from where it was killed"
    assert resumed == module.digest(uninterrupted)
