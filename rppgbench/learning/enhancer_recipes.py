"""Recipes for enhancers under comparison: as many clips, as often, by the same optimiser, for every network.

Yu et al., ICCV 2019, compare enhancers trained on the same material (section 4.4) and print one recipe (section 4.1).
With recipes of their own, networks would be compared by their recipes. An enhancer's params choose a pair:

    class MyParams(LearnerParams):
        def recipe(self) -> Recipe:
            return PUBLISHED.alone

        def joint_recipe(self) -> JointRecipe:
            return PUBLISHED.joint
"""

from __future__ import annotations

from dataclasses import dataclass

from rppgbench.learning.recipe import JointRecipe, Recipe


@dataclass(frozen=True, kw_only=True)
class EnhancerRecipes:
    """An enhancer's two recipes: ``alone``, on pairs of clips, then ``joint``, in front of a frozen method."""

    alone: Recipe
    joint: JointRecipe


# Section 4.1: 20,000 iterations, then ten epochs in front of the method. The paper does not print the batch.
PUBLISHED = EnhancerRecipes(
    alone=Recipe(iterations=20_000, batch=1, accumulate=4, learning_rate=1e-4),
    joint=JointRecipe(epochs=10, batch=1, accumulate=4, learning_rate=1e-4),
)

# Minutes on one CPU core, for networks of some ten thousand weights. With the paper's weight of 1e-4 for pixels, faces
# drift 30 dB away from the reference in joint training: nothing in the view of a method of this size holds them.
ONE_CPU_CORE = EnhancerRecipes(
    alone=Recipe(iterations=150, batch=2, frames=32, learning_rate=2e-3, schedule="cosine", clip_norm=1.0),
    joint=JointRecipe(
        iterations=150, batch=2, learning_rate=2e-3, schedule="cosine", clip_norm=1.0, reconstruction=10.0
    ),
)
