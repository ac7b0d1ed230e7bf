"""Training recipes of learners: defaults on their params, overridden by a protocol's entries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rppgbench.contracts import Params


class NetworkCost(Params):
    """Cost of a network, for estimates before it was measured; by default that of a small one.

    Operations are per pixel of a clip (B x T x H x W): of a training step, of a step in front of a frozen method, of a
    prediction. Bytes are those kept per pixel of a batch for its gradients, those of the layers while it predicts,
    and those of its weights on disk.
    """

    training_flop_per_pixel: float = Field(1.6e4, ge=0)
    joint_flop_per_pixel: float = Field(1.6e4, ge=0)
    inference_flop_per_pixel: float = Field(1.0e4, ge=0)
    training_bytes_per_pixel: float = Field(450.0, ge=0)
    inference_bytes: float = Field(0.0, ge=0)
    weights_bytes: float = Field(1e6, ge=0)


class Recipe(Params):
    """Length, batch, learning rate and precision of a training; the optimiser is Adam.

    Every field is part of the fit's key. The weights of the last iteration are kept, without model selection.
    """

    iterations: int | None = Field(None, ge=1, description="optimiser steps; give these or epochs")
    epochs: float | None = Field(
        None, gt=0, description="passes over the training material: its frames over frames x batch x accumulate"
    )
    batch: int = Field(4, ge=1, description="clips in one forward pass")
    accumulate: int = Field(1, ge=1, description="forward passes an optimiser step adds up")
    frames: int = Field(64, ge=2, description="frames of a clip, from a random place of a recording")
    learning_rate: float = Field(1e-4, gt=0)
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="of the learning rate: constant, or a short warm-up and a cosine to 0"
    )
    weight_decay: float = Field(0.0, ge=0)
    clip_norm: float | None = Field(None, gt=0, description="largest norm of the gradient")
    flip: bool = Field(True, description="mirror every other clip, its reference and its skin labels alike")
    weights: dict[str, float] = Field(
        default_factory=dict, description="of losses by name, where not the learner's own"
    )
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of the forward pass in training")
    compile: bool = Field(False, description="torch.compile the training step")
    deterministic: bool = Field(True, description="only operations that give the same bits each time")

    def n_clips(self, frames: float) -> float:
        """Clips drawn in training on ``frames`` frames of material."""
        if self.iterations:
            return float(self.iterations * self.batch * self.accumulate)
        return float((self.epochs or 0) * frames / self.frames)

    @model_validator(mode="after")
    def _one_length(self) -> Recipe:
        if (self.iterations is None) == (self.epochs is None):
            raise ValueError("expected either iterations or epochs")
        return self


class JointRecipe(Recipe):
    """Joint training of an enhancer before a frozen method: Yu et al., ICCV 2019, section 3.3, equations 9 and 10."""

    target: Literal["reference_wave", "truth", "both"] = Field(
        "reference_wave", description="what waves are held against: the method's on the reference, the contact sensor's"
    )
    perceptual: float = Field(1.0, ge=0, description="weight of the feature maps' distance (epsilon, eq. 10)")
    reconstruction: float = Field(1e-4, ge=0, description="weight of the pixels' squared error (rho, eq. 10)")


class LearnerParams(Params):
    """Params of a learner, with its default recipes."""

    def cost(self) -> NetworkCost:
        """Cost of the network with these params."""
        return NetworkCost()

    def recipe(self) -> Recipe:
        """The default recipe of separate training."""
        return Recipe(epochs=15)

    def joint_recipe(self) -> JointRecipe:
        """The default recipe of joint training, for an enhancer."""
        return JointRecipe(epochs=10)
