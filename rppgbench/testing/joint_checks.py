"""Conformance checks for joint training: gradients through a frozen method, and an enhancer in front of it."""

from __future__ import annotations

from collections.abc import Set

import torch
from torch import Tensor

from rppgbench.contracts import Spec
from rppgbench.learning.learner import DifferentiableEnhancer, DifferentiableMethod, Response, TrainingBatch
from rppgbench.testing.demand import LEARNERS, require
from rppgbench.testing.state import changed, copy_of


def check_frozen_method(spec: Spec, method: DifferentiableMethod, batch: TrainingBatch, names: Set[str]) -> None:
    """Check that gradients reach the clips through ``respond`` and ``losses`` and do not change the frozen method.

    Raises:
        PluginError: they do not, or a response or the names of the losses break the contract.
    """
    before = copy_of(method.module)
    trainable = [p for p in method.module.parameters() if p.requires_grad]
    method.module.eval().requires_grad_(False)
    video = batch.video.clone().requires_grad_()
    response = method.respond(video)
    _check_response(spec, response, video)
    losses = method.losses(response, batch)
    same = losses.keys() == names
    _demand(same, spec, f"losses() gives {sorted(losses)}, training_step {sorted(names)}: expected the same")
    total = torch.stack([method.loss_weights[name] * loss.float() for name, loss in losses.items()]).sum()
    _demand(total.requires_grad, spec, "respond() loses the graph: no enhancer can be trained through it")
    torch.autograd.backward(total)
    reached = video.grad is not None and bool(torch.isfinite(video.grad).all()) and bool(video.grad.any())
    _demand(reached, spec, "gradients that come back to the clips are zero or not finite")
    differing = changed(method.module, before)
    _demand(not differing, spec, f"respond() changes {differing} of a frozen method in evaluation mode")
    for parameter in trainable:
        parameter.requires_grad_(True)


def _check_response(spec: Spec, response: Response, video: Tensor) -> None:
    B, T = video.shape[:2]
    _demand(isinstance(response, Response), spec, f"respond() gives a {type(response).__name__}, expected a Response")
    for name, wave in {"wave": response.wave, **response.side_waves}.items():
        _demand(wave.shape == (B, T), spec, f"respond() gives {name!r} of shape {tuple(wave.shape)}, expected {(B, T)}")
    for name, features in response.feature_maps.items():
        fits = features.ndim == 5 and features.shape[0] == B
        _demand(fits, spec, f"feature map {name!r} has shape {tuple(features.shape)}, expected (B, C, T, h, w)")
    for name, shown in response.maps.items():
        fits = shown.ndim == 4 and shown.shape[:2] == (B, T)
        _demand(fits, spec, f"map {name!r} has shape {tuple(shown.shape)}, expected (B, T, h, w)")


def check_enhancer_in_front(spec: Spec, enhancer: DifferentiableEnhancer, batch: TrainingBatch) -> None:
    """Check that ``restore`` keeps shape and graph, gives float32 under autocast, and does not change the module.

    Raises:
        PluginError: ``restore`` breaks the contract.
    """
    before = copy_of(enhancer.module)
    restored = enhancer.restore(batch.video)
    shape, expected = tuple(restored.shape), tuple(batch.video.shape)
    _demand(shape == expected, spec, f"restore() gives shape {shape}, expected {expected}")
    _demand(bool(torch.isfinite(restored).all()), spec, "restore() gives values that are not finite")
    _demand(restored.requires_grad, spec, "restore() loses the graph: it cannot be trained in front of a method")
    differing = changed(enhancer.module, before)
    _demand(not differing, spec, f"restore() changes {differing} in evaluation mode")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        under_autocast = enhancer.restore(batch.video[:1, :4])  # bfloat16 is slow on most CPUs
    for output in (restored, under_autocast):
        dtype = str(output.dtype).removeprefix("torch.")
        _demand(
            output.dtype == torch.float32, spec, f"restore() gives {dtype}, expected float32: 8 bits delete the pulse"
        )


def _demand(holds: bool, spec: Spec, what: str) -> None:
    require(holds, spec, what, LEARNERS)
