"""Restoration of single frames: AR-CNN and DnCNN, enhancers without a look through time, and a control.

Specs and params, without torch: plugins are listed and protocols read on machines without it. Each network stands
whole in the module of its paper; ``framewise.py`` is the learner around either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rppgbench.contracts import EnhancerSpec
from rppgbench.hookspecs import hookimpl
from rppgbench.learning.enhancer_recipes import ONE_CPU_CORE, PUBLISHED
from rppgbench.learning.recipe import JointRecipe, LearnerParams, NetworkCost, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

LICENSE = "Apache-2.0"

NetworkSize = Literal["paper", "small"]
Space = Literal["rgb", "luma"]
Variant = Literal["arcnn", "fast"]
Start = Literal["identity", "gaussian"]


class RestorationParams(LearnerParams):
    """Size and planes of a network of frames, and the recipes shared by all enhancers under comparison.

    The papers trained on patches of still photographs; here every network sees the same clips as STVEN, and as many
    (Yu et al., ICCV 2019, section 4.4), or a comparison would be one of recipes.
    """

    size: Annotated[NetworkSize, Field(description="as published, or one for a CPU core")] = "paper"
    space: Annotated[
        Space, Field(description="what is restored: R, G and B together, or the luma alone, as published")
    ] = "rgb"

    @property
    def n_weights(self) -> float:
        """Weights of the network at its published size, about."""
        raise NotImplementedError

    def cost(self) -> NetworkCost:
        """The cost that follows from the weights: each is used once a pixel, and thrice in training."""
        if self.size == "small":
            return NetworkCost()
        flop = 2 * self.n_weights
        return NetworkCost(
            training_flop_per_pixel=3 * flop,
            joint_flop_per_pixel=3 * flop,
            inference_flop_per_pixel=flop,
            training_bytes_per_pixel=2500.0,
            inference_bytes=5e8,
            weights_bytes=4 * self.n_weights + 1e6,
        )

    def recipe(self) -> Recipe:
        """The recipe of as many iterations as STVEN's (section 4.1 there); for size small one for a CPU core."""
        return (ONE_CPU_CORE if self.size == "small" else PUBLISHED).alone

    def joint_recipe(self) -> JointRecipe:
        """The recipe in front of the frozen method, ten epochs; for size small one for a CPU core."""
        return (ONE_CPU_CORE if self.size == "small" else PUBLISHED).joint


class ArcnnParams(RestorationParams):
    """AR-CNN or its fast form, and its start."""

    variant: Annotated[Variant, Field(description="AR-CNN of 2015, or Fast AR-CNN of 2016")] = "arcnn"
    start: Annotated[
        Start, Field(description="weights that hand the video through, as the others begin, or noise, as published")
    ] = "identity"

    @property
    def n_weights(self) -> float:
        """Weights of the four layers of 9, 7, 1 and 5 pixels."""
        return 1.2e5

    def recipe(self) -> Recipe:
        """The recipe of the others, but smaller steps for size small.

        A prediction of the frame itself loses some of it with every large step, and has few steps to win it back.
        """
        recipe = super().recipe()
        return recipe.model_copy(update={"learning_rate": 5e-4}) if self.size == "small" else recipe


class DncnnParams(RestorationParams):
    """DnCNN, of some depth."""

    depth: Annotated[
        int | None,
        Field(ge=3, le=64, description="convolutions: 20 for unknown degradations, 17 for a known one; None: by size"),
    ] = None

    @property
    def n_weights(self) -> float:
        """Weights of the layers of 64 channels and 3 pixels."""
        return 3.7e4 * (self.depth or 20)


@hookimpl
def rppgbench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        name="identity",
        factory="rppgbench_restoration.identity:Identity",
        control=True,
        summary="The video as it is: what an enhancer has to beat",
        license=LICENSE,
    )
    yield EnhancerSpec(
        name="arcnn",
        factory="rppgbench_restoration.arcnn:Arcnn",
        learns=True,
        pairs=True,
        params=ArcnnParams,
        rehearsal={"size": "small"},
        summary="Four convolutions that predict the clean frame itself; or a fast form of it",
        cite=(
            "Dong, Deng, Loy, Tang: Compression artifacts reduction by a deep convolutional network, ICCV 2015; "
            "fast: Yu, Dong, Loy, Tang: Deep convolution networks for compression artifacts reduction, arXiv:1608.02778"
        ),
        license=LICENSE,
    )
    yield EnhancerSpec(
        name="dncnn",
        factory="rppgbench_restoration.dncnn:Dncnn",
        learns=True,
        pairs=True,
        params=DncnnParams,
        rehearsal={"size": "small"},
        summary="A deep stack of small convolutions that predicts what compression added, to take it away again",
        cite=(
            "Zhang, Zuo, Chen, Meng, Zhang: Beyond a Gaussian denoiser: residual learning of deep CNN for image "
            "denoising, IEEE TIP 26(7), 2017"
        ),
        license=LICENSE,
    )
