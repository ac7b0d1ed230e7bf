"""What may be asked of the restoration networks, and how they are trained unless an entry says otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rppgbench.learning.recipe import JointRecipe, LearnerParams, Recipe

Size = Literal["paper", "small"]
Space = Literal["rgb", "luma"]
Variant = Literal["arcnn", "fast"]
Start = Literal["identity", "gaussian"]


class RestorationParams(LearnerParams):
    """What all of them have: how large, of which planes, and recipes that give each network the same to learn from.

    The papers trained on patches of still photographs; here every network sees the clips, and as many of them, that
    STVEN sees (Yu et al., ICCV 2019, section 4.4), or a comparison would be one of recipes.
    """

    size: Annotated[Size, Field(description="as published, or one for a CPU core")] = "paper"
    space: Annotated[
        Space, Field(description="what is restored: R, G and B together, or the luma alone, as published")
    ] = "rgb"

    def recipe(self) -> Recipe:
        """As many iterations as STVEN's (section 4.1 there); for size small what a core can do."""
        if self.size == "small":
            return Recipe(iterations=150, batch=2, frames=32, learning_rate=2e-3, schedule="cosine", clip_norm=1.0)
        return Recipe(iterations=20_000, batch=1, accumulate=4, learning_rate=1e-4)

    def joint_recipe(self) -> JointRecipe:
        """Ten further epochs in front of the frozen method; for size small what a core can do."""
        if self.size == "small":
            return JointRecipe(
                iterations=150, batch=2, learning_rate=2e-3, schedule="cosine", clip_norm=1.0, reconstruction=10.0
            )
        return JointRecipe(epochs=10, batch=1, accumulate=4, learning_rate=1e-4)


class ArcnnParams(RestorationParams):
    """AR-CNN or its fast form."""

    variant: Annotated[Variant, Field(description="AR-CNN of 2015, or Fast AR-CNN of 2016")] = "arcnn"
    start: Annotated[
        Start, Field(description="weights that hand the video through, as the others begin, or noise, as published")
    ] = "identity"

    def recipe(self) -> Recipe:
        """As much material as the others, but smaller steps for size small.

        What predicts the frame itself loses some of it with every large step, and has few steps to win it back.
        """
        recipe = super().recipe()
        return recipe.model_copy(update={"learning_rate": 5e-4}) if self.size == "small" else recipe


class DncnnParams(RestorationParams):
    """DnCNN, of some depth."""

    depth: Annotated[
        int | None,
        Field(ge=3, le=64, description="convolutions: 20 for unknown degradations, 17 for a known one; None: by size"),
    ] = None
