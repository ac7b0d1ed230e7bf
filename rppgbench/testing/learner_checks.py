"""Conformance checks of learners: a training step, their state on disk, joint training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_file
from torch import Tensor, nn

from rppgbench.contracts import Spec
from rppgbench.learning.learner import (
    DifferentiableEnhancer,
    DifferentiableMethod,
    Learner,
    TrainingBatch,
    TrainingContext,
)
from rppgbench.testing.demand import LEARNERS, require
from rppgbench.testing.joint_checks import check_enhancer_in_front, check_frozen_method
from rppgbench.testing.sample_clips import training_batch
from rppgbench.testing.state import changed, copy_of, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

Use = Callable[[Any], "NDArray[np.float32]"]
_LEARNING_RATE = 1e-3


def check_learner(spec: Spec, new: Callable[[], Any], use: Use, folder: Path) -> Any:
    """A learner made by ``new``, checked, after one training step and in evaluation mode.

    ``use`` calls ``predict`` or ``enhance`` of the component and returns its output.

    Raises:
        PluginError: the learner breaks the contract.
    """
    learner = new()
    _demand(isinstance(learner, Learner), spec, "learns, but lacks module, loss_weights or training_step()")
    _demand(isinstance(learner.module, nn.Module), spec, f"module is a {type(learner.module).__name__}, no nn.Module")
    learner.module.train()
    batch = training_batch(spec)
    names = _check_training(spec, learner, batch)
    learner.module.eval()
    _check_state(spec, learner, new, use, folder)
    if isinstance(learner, DifferentiableMethod):
        check_frozen_method(spec, learner, batch, names)
    elif isinstance(learner, DifferentiableEnhancer):
        check_enhancer_in_front(spec, learner, batch)
    return learner


def _demand(holds: bool, spec: Spec, what: str) -> None:
    require(holds, spec, what, LEARNERS)


def _check_training(spec: Spec, learner: Learner, batch: TrainingBatch) -> frozenset[str]:
    """Names of the losses, after checking one training step."""
    before, rng_state = copy_of(learner.module), torch.get_rng_state()
    first = _losses(spec, learner, batch)
    same_stream = torch.equal(rng_state, torch.get_rng_state())
    _demand(same_stream, spec, "training_step draws from torch's own generator, expected context.generator")
    # A resumed fit must draw the same numbers: a step may depend on its state, batch and generator alone.
    learner.module.load_state_dict(before)
    losses = _losses(spec, learner, batch)
    one, again = ({name: loss.item() for name, loss in step.items()} for step in (first, losses))
    same = all(math.isclose(again[name], loss, rel_tol=1e-4, abs_tol=1e-7) for name, loss in one.items())
    _demand(same, spec, f"the same step gave losses {one}, then {again}: depends on more than state and generator")
    total = torch.stack([learner.loss_weights[name] * loss.float() for name, loss in losses.items()]).sum()
    _take_step(spec, learner, total)
    return frozenset(losses)


def _losses(spec: Spec, learner: Learner, batch: TrainingBatch) -> Mapping[str, Tensor]:
    context = TrainingContext(step=0, steps=10, generator=torch.Generator().manual_seed(0))
    losses, weights = learner.training_step(batch, context), learner.loss_weights
    unweighted, missing = losses.keys() - weights.keys(), {n for n, w in weights.items() if w} - losses.keys()
    _demand(not unweighted, spec, f"training_step gives {listed(unweighted)}, which loss_weights does not weigh")
    _demand(not missing, spec, f"loss_weights weighs {listed(missing)}, which training_step does not give")
    _demand(bool(losses), spec, "training_step gives no loss")
    for name, loss in losses.items():
        _demand(math.isfinite(weights[name]), spec, f"loss {name!r} weighs {weights[name]}, expected a finite number")
        is_scalar = isinstance(loss, Tensor) and loss.ndim == 0
        _demand(is_scalar, spec, f"loss {name!r} has shape {getattr(loss, 'shape', None)}, expected a scalar")
        _demand(bool(torch.isfinite(loss)), spec, f"loss {name!r} is {loss.item()} on a sound batch")
    return losses


def _take_step(spec: Spec, learner: Learner, total: Tensor) -> None:
    trainable = {name: p for name, p in learner.module.named_parameters() if p.requires_grad}
    _demand(bool(trainable), spec, "module has no parameter to train")
    _demand(total.requires_grad, spec, "no loss depends on the module's parameters")
    optimiser = torch.optim.Adam(trainable.values(), _LEARNING_RATE)
    torch.autograd.backward(total)
    unreached = {name for name, p in trainable.items() if p.grad is None}
    _demand(not unreached, spec, f"no loss reaches {listed(unreached)}: leave out or freeze parameters without use")
    gradients = {name: p.grad for name, p in trainable.items() if p.grad is not None}
    broken = {name for name, gradient in gradients.items() if not torch.isfinite(gradient).all()}
    _demand(not broken, spec, f"gradients of {listed(broken)} are not finite")
    _demand(any(bool(g.any()) for g in gradients.values()), spec, "all gradients are zero: nothing would be learnt")
    optimiser.step()


def _check_state(spec: Spec, learner: Learner, new: Callable[[], Any], use: Use, folder: Path) -> None:
    before = copy_of(learner.module)
    output = use(learner)
    differing = changed(learner.module, before)
    _demand(not differing, spec, f"use in evaluation mode changes {differing}")
    path = folder / "state.safetensors"
    loaded = new()
    try:
        save_file({name: t.detach().cpu().contiguous() for name, t in learner.module.state_dict().items()}, path)
        load_model(loaded.module, path)
    except (SafetensorError, RuntimeError, ValueError, AttributeError) as error:
        _demand(False, spec, f"module.state_dict() does not survive safetensors: {error}")
    loaded.module.eval()
    same = np.allclose(use(loaded), output, rtol=1e-5, atol=1e-6 * float(np.abs(output).max()))
    _demand(same, spec, "a new one with the same state gives something else: not all that it learnt is in module")
