"""What may be asked of rPPGNet and of STVEN, and how each is trained unless an entry says otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rppgbench.learning.recipe import JointRecipe, LearnerParams, Recipe

Size = Literal["paper", "released", "small"]
Ablation = Literal["base", "base+skin", "base+skin+parts", "base+skin+atten", "full"]
Normalisation = Literal["affine", "temporal"]


class RppgnetParams(LearnerParams):
    """rPPGNet: which size of it, with which of its branches, learning by which loss."""

    size: Annotated[
        Size, Field(description="the paper's text and tables, the network its authors released, or one for a CPU core")
    ] = "paper"
    ablation: Annotated[Ablation, Field(description="branches that are there: the rows of the paper's Table 2")] = (
        "full"
    )
    attention: Annotated[
        Literal["spatial", "spatiotemporal"],
        Field(description="the softmax of the attention runs over each frame, or over all frames of a clip"),
    ] = "spatial"
    attention_in_backbone: Annotated[
        bool | None,
        Field(description="attention before blocks 3 and 4, not at the heads alone; None: unless size is released"),
    ] = None
    loss: Annotated[Literal["pearson", "mse"], Field(description="what every wave is held against the truth by")] = (
        "pearson"
    )
    max_shift: Annotated[
        int, Field(ge=0, description="frames that a wave and the truth may be out of step by; pearson alone")
    ] = 0
    normalise: Annotated[
        Normalisation | None,
        Field(description="how pixels enter; None: temporal for size small, else affine, the paper's own"),
    ] = None

    @model_validator(mode="after")
    def _shift_needs_pearson(self) -> RppgnetParams:
        if self.loss == "mse" and self.max_shift:
            raise ValueError("max_shift is for loss: pearson, the squared error knows no shift")
        return self

    def recipe(self) -> Recipe:
        """Section 4.1 of the paper, which says neither batch nor schedule; for size small what a core can do."""
        if self.size == "small":
            return Recipe(iterations=200, batch=4, learning_rate=3e-3, schedule="cosine", clip_norm=1.0)
        return Recipe(epochs=15, batch=4, frames=64, learning_rate=1e-4)


class StvenParams(LearnerParams):
    """STVEN: which size of it."""

    size: Annotated[
        Size, Field(description="the paper's text and tables, the network its authors released, or one for a CPU core")
    ] = "paper"
    labels: Annotated[
        Literal["planes", "shifts"] | None,
        Field(
            description="how it is told the condition: planes beside the colours, as published, which the next norm "
            "all but takes away, or shifts in its norms; None: shifts for size small, else planes"
        ),
    ] = None

    def recipe(self) -> Recipe:
        """Section 4.1 of the paper; for size small what a core can do."""
        if self.size == "small":
            return Recipe(iterations=150, batch=2, frames=32, learning_rate=2e-3, schedule="cosine", clip_norm=1.0)
        return Recipe(iterations=20_000, batch=1, accumulate=4, learning_rate=1e-4)

    def joint_recipe(self) -> JointRecipe:
        """Ten further epochs in front of the frozen method; for size small what a core can do."""
        if self.size == "small":
            # With the paper's weight of 1e-4 for pixels, faces drift 30 dB away from the reference: nothing that a
            # method of this size looks at holds them.
            return JointRecipe(
                iterations=150, batch=2, learning_rate=2e-3, schedule="cosine", clip_norm=1.0, reconstruction=10.0
            )
        return JointRecipe(epochs=10, batch=1, accumulate=4, learning_rate=1e-4)
