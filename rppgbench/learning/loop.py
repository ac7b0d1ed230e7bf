"""The training loop of all learners, separate or joint, on CPU or GPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rppgbench.errors import PluginError, TrainingFailed
from rppgbench.learning.checkpoint import Checkpoint
from rppgbench.learning.clip_sampler import ClipSampler
from rppgbench.learning.learner import Learner, TrainingContext
from rppgbench.learning.recipe import Recipe

TOTAL = "total"
WARM_UP_SHARE = 0.05  # of the steps, under the cosine schedule
CHECKPOINT_EVERY_S = 20.0
CHECKPOINT_SHARE = 0.02  # of the training time at most: large weights take long to write
PROGRESS_EVERY_S = 1.0

# Step, number of steps, total loss, estimated seconds left.
Progress = Callable[[int, int, float, float], None]


def count_steps(recipe: Recipe, n_clips: float) -> int:
    """Optimiser steps of the recipe for a training set of ``n_clips`` clips per epoch."""
    if recipe.iterations is not None:
        return recipe.iterations
    return max(math.ceil((recipe.epochs or 0) * n_clips / (recipe.batch * recipe.accumulate)), 1)


def train(
    learner: Learner,
    sampler: ClipSampler,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
    progress: Progress = lambda step, steps, loss, left_s: None,
) -> dict[str, list[float]]:
    """Train ``learner.module`` in place; the curve of each loss by name, ``total`` included, one value per step.

    With a ``checkpoint`` training resumes from it, if there is one, and updates it; final weights do not depend on it.
    ``progress`` is called about once a second.

    Raises:
        TrainingFailed: a loss or a weight is not finite.
        PluginError: the losses of ``training_step`` do not match ``loss_weights``.
    """
    module = learner.module.to(device).train()
    step_of = torch.compile(learner.training_step) if recipe.compile else learner.training_step
    weights = _loss_weights(learner, recipe)
    optimiser = torch.optim.Adam(
        [p for p in module.parameters() if p.requires_grad], recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = count_steps(recipe, sampler.n_clips)
    done, curve = checkpoint.restore(module, optimiser) if checkpoint else (0, {})
    started = saved = reported = time.monotonic()
    saving_s = 0.0
    for step in range(done, steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * _rate(recipe, step, steps)
        optimiser.zero_grad(set_to_none=True)
        sums: dict[str, float] = {}
        for part in range(recipe.accumulate):
            number = step * recipe.accumulate + part
            batch = sampler.draw(number, recipe, device)
            generator = torch.Generator(device="cpu").manual_seed(seed * 1_000_003 + number)
            torch.manual_seed(seed * 1_000_003 + number)  # dropout uses the global generator
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                losses = step_of(batch, TrainingContext(step=step, steps=steps, generator=generator))
            total = _total(losses, weights)
            (total / recipe.accumulate).backward()  # type: ignore[no-untyped-call]
            for name, loss in {**losses, TOTAL: total}.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach()) / recipe.accumulate
        _check(sums, step)
        if recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(module.parameters(), recipe.clip_norm)
        optimiser.step()
        for name, value in sums.items():
            curve.setdefault(name, []).append(value)
        now = time.monotonic()
        if checkpoint and now - saved >= max(CHECKPOINT_EVERY_S, saving_s / CHECKPOINT_SHARE):
            checkpoint.save(step + 1, module, optimiser, curve)
            saved = time.monotonic()
            saving_s = saved - now
        if now - reported >= PROGRESS_EVERY_S:
            pace_s = (now - started) / (step + 1 - done)
            progress(step + 1, steps, sums[TOTAL], pace_s * (steps - step - 1))
            reported = now
    if not all(torch.isfinite(tensor).all() for tensor in module.state_dict().values()):
        raise TrainingFailed("weights are no longer numbers", hint="lower the recipe's learning_rate, or set clip_norm")
    module.eval()
    return curve


def _rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate at ``step`` as a fraction of the recipe's."""
    if recipe.schedule == "constant":
        return 1.0
    warm_up = max(round(WARM_UP_SHARE * steps), 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))


def _loss_weights(learner: Learner, recipe: Recipe) -> dict[str, float]:
    unknown = sorted(recipe.weights.keys() - learner.loss_weights.keys())
    if unknown:
        raise TrainingFailed(
            f"the recipe weighs {', '.join(unknown)}, which the learner has not",
            hint=f"its losses are {', '.join(learner.loss_weights)}",
        )
    weights = {**learner.loss_weights, **recipe.weights}
    if not any(weights.values()):
        raise TrainingFailed("every loss has weight 0: nothing would be learnt", hint="weigh one of them in the recipe")
    return weights


def _total(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    wanted = {name for name, weight in weights.items() if weight}
    if not wanted <= losses.keys() <= weights.keys() or TOTAL in weights:
        raise PluginError(
            f"training_step gave losses {sorted(losses)}, loss_weights has {sorted(weights)}",
            hint=f"every loss that counts must be given at every step; none may be called {TOTAL!r}",
        )
    return torch.stack([weights[name] * loss.float() for name, loss in losses.items()]).sum()


def _check(losses: Mapping[str, float], step: int) -> None:
    if not all(math.isfinite(value) for value in losses.values()):
        values = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        raise TrainingFailed(
            f"the loss is no longer a number at step {step + 1}: {values}",
            hint="lower the recipe's learning_rate, or set clip_norm",
        )
