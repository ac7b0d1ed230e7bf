"""Joint training of an enhancer in front of a frozen method (Yu et al., ICCV 2019, section 3.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rppgbench.learning.learner import DifferentiableEnhancer, DifferentiableMethod, TrainingBatch, TrainingContext
from rppgbench.learning.recipe import JointRecipe


class JointModule:
    """Enhancer and method as one learner, of which only the enhancer is trained.

    The method stays in evaluation mode with frozen weights and running statistics; gradients pass through it to the
    enhancer's output. Losses (eq. 10): the method's own against its prediction on the reference video, the contact
    sensor's wave, or both; the mean squared distance between its feature maps and those on the reference (eq. 9); the
    squared pixel error.
    """

    def __init__(self, enhancer: DifferentiableEnhancer, method: DifferentiableMethod, recipe: JointRecipe) -> None:
        self._enhancer, self._method, self._recipe = enhancer, method, recipe
        method.module.requires_grad_(False)
        self.module: nn.Module = enhancer.module
        self.loss_weights: Mapping[str, float] = {
            **{f"{kind}.{name}": weight for kind in self._targets() for name, weight in method.loss_weights.items()},
            "perceptual": recipe.perceptual,
            "reconstruction": recipe.reconstruction,
        }

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> dict[str, Tensor]:
        self._method.module.eval()  # training mode is for the enhancer alone
        enhanced = self._enhancer.restore(batch.video)
        with torch.no_grad():
            reference = self._method.respond(batch.reference)
        response = self._method.respond(enhanced)
        waves = {"reference_wave": _standardised(reference.wave), "truth": batch.wave}
        losses: dict[str, Tensor] = {}
        for kind in self._targets():
            target_batch = dataclasses.replace(batch, video=enhanced, wave=waves[kind])
            losses |= {f"{kind}.{name}": loss for name, loss in self._method.losses(response, target_batch).items()}
        distances = [
            nn.functional.mse_loss(response.feature_maps[name].float(), reference.feature_maps[name].float())
            for name in reference.feature_maps
        ]
        losses["perceptual"] = torch.stack(distances).sum() if distances else enhanced.new_zeros(())
        losses["reconstruction"] = nn.functional.mse_loss(enhanced.float(), batch.reference)
        return losses

    def _targets(self) -> tuple[str, ...]:
        return ("reference_wave", "truth") if self._recipe.target == "both" else (self._recipe.target,)


def _standardised(wave: Tensor) -> Tensor:
    """``(B, T)`` with zero mean and unit variance in each row, as ``TrainingBatch.wave``."""
    centred = wave.float() - wave.float().mean(dim=1, keepdim=True)
    return centred / centred.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-8)
