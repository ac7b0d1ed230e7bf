"""Joint training: an enhancer learns on in front of a frozen method (Yu et al., ICCV 2019, section 3.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rppgbench.learning.learner import DifferentiableEnhancer, DifferentiableMethod, TrainingBatch, TrainingContext
from rppgbench.learning.recipe import JointRecipe


class JointModule:
    """Both as one learner, of which only the enhancer is trained: the same loop serves.

    The method stays in evaluation mode with its weights and running statistics frozen; gradients pass through it to
    the enhancer's output, which is its input. Losses (eq. 10): the method's own against the wave it gives on the
    reference video, which is softer than the contact sensor's (or against that, or both); the mean squared distance of
    its feature maps from those of the reference (eq. 9); the pixels' squared error.
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
        self._method.module.eval()  # whoever put the enhancer into training mode meant the enhancer
        enhanced = self._enhancer.restore(batch.video)
        with torch.no_grad():
            reference = self._method.respond(batch.reference)
        response = self._method.respond(enhanced)
        waves = {"reference_wave": _standardised(reference.wave), "truth": batch.wave}
        losses: dict[str, Tensor] = {}
        for kind in self._targets():
            held_against = dataclasses.replace(batch, video=enhanced, wave=waves[kind])
            losses |= {f"{kind}.{name}": loss for name, loss in self._method.losses(response, held_against).items()}
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
    """Each row of ``(B, T)`` with zero mean and unit variance, as ``TrainingBatch.wave`` is."""
    centred = wave.float() - wave.float().mean(dim=1, keepdim=True)
    return centred / centred.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-8)
