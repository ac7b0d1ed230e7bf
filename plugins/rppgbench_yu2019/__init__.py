"""rPPGNet and STVEN of Yu et al., ICCV 2019 (heart rate from highly compressed face video), written from the paper.

Specs and params, without torch: plugins are listed and protocols read on machines without it. Each network stands
whole in a module of its own, ``rppgnet.py`` and ``stven.py``; ``convolution.py`` is the layout of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from rppgbench.contracts import EnhancerSpec, MethodSpec
from rppgbench.hookspecs import hookimpl
from rppgbench.learning.enhancer_recipes import ONE_CPU_CORE, PUBLISHED
from rppgbench.learning.recipe import JointRecipe, LearnerParams, NetworkCost, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

CITE = (
    "Yu, Peng, Li, Hong, Zhao: Remote heart rate measurement from highly compressed facial videos, "
    "ICCV 2019, doi:10.1109/ICCV.2019.00024"
)
LICENSE = "Apache-2.0"

Size = Literal["paper", "released", "small"]
Ablation = Literal["base", "base+skin", "base+skin+parts", "base+skin+atten", "full"]
AttentionOver = Literal["spatial", "spatiotemporal"]
Normalisation = Literal["affine", "temporal"]
Labels = Literal["planes", "shifts"]

_SIZES = "the paper's text and tables, the network its authors released, or one for a CPU core"


class RppgnetParams(LearnerParams):
    """Size, branches, input and loss of rPPGNet."""

    size: Annotated[Size, Field(description=_SIZES)] = "paper"
    ablation: Annotated[Ablation, Field(description="branches that are there: the rows of the paper's Table 2")] = (
        "full"
    )
    attention: Annotated[
        AttentionOver,
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

    def cost(self) -> NetworkCost:
        """The cost counted of the network at the paper's size; the usual one of a small network for size small."""
        if self.size == "small":
            return NetworkCost()
        return NetworkCost(
            training_flop_per_pixel=2.3e5,
            inference_flop_per_pixel=9e4,
            training_bytes_per_pixel=2500.0,
            inference_bytes=5e8,
            weights_bytes=4e6,
        )

    def recipe(self) -> Recipe:
        """The recipe of section 4.1, batch and schedule not printed there; for size small one for a CPU core."""
        if self.size == "small":
            return Recipe(iterations=200, batch=4, learning_rate=3e-3, schedule="cosine", clip_norm=1.0)
        return Recipe(epochs=15, batch=4, frames=64, learning_rate=1e-4)


class StvenParams(LearnerParams):
    """Size of STVEN, and its way to the condition."""

    size: Annotated[Size, Field(description=_SIZES)] = "paper"
    labels: Annotated[
        Labels | None,
        Field(
            description="how the condition enters: as planes beside the colours, as published, which the next norm "
            "all but takes away, or as shifts in the norms; None: shifts for size small, else planes"
        ),
    ] = None

    def cost(self) -> NetworkCost:
        """The cost counted of the network at the paper's size; the usual one of a small network for size small."""
        if self.size == "small":
            return NetworkCost()
        return NetworkCost(
            training_flop_per_pixel=5.3e7,
            joint_flop_per_pixel=1.0e7,
            inference_flop_per_pixel=4.4e6,
            training_bytes_per_pixel=2500.0,
            inference_bytes=5e8,
            weights_bytes=2e8,
        )

    def recipe(self) -> Recipe:
        """The recipe of section 4.1; for size small one for a CPU core."""
        return (ONE_CPU_CORE if self.size == "small" else PUBLISHED).alone

    def joint_recipe(self) -> JointRecipe:
        """The recipe in front of the frozen method, ten epochs; for size small one for a CPU core."""
        return (ONE_CPU_CORE if self.size == "small" else PUBLISHED).joint


@hookimpl
def rppgbench_methods() -> Iterable[MethodSpec]:
    yield MethodSpec(
        name="rppgnet",
        factory="rppgbench_yu2019.rppgnet:Rppgnet",
        input="video",
        learns=True,
        skin_labels=True,
        params=RppgnetParams,
        rehearsal={"size": "small"},
        summary="A (2+1)-D network that attends to skin and learns from the face's parts as well",
        cite=CITE,
        license=LICENSE,
    )


@hookimpl
def rppgbench_enhancers() -> Iterable[EnhancerSpec]:
    yield EnhancerSpec(
        name="stven",
        factory="rppgbench_yu2019.stven:Stven",
        learns=True,
        pairs=True,
        conditional=True,
        params=StvenParams,
        rehearsal={"size": "small"},
        summary="A conditional spatio-temporal generator that gives back what compression took",
        cite=CITE,
        license=LICENSE,
    )
    yield EnhancerSpec(
        name="stven_spatial",
        factory="rppgbench_yu2019.stven:StvenSpatial",
        learns=True,
        pairs=True,
        conditional=True,
        control=True,
        params=StvenParams,
        rehearsal={"size": "small"},
        summary="STVEN frame by frame, as large: what its look through time is worth",
        cite=CITE,
        license=LICENSE,
    )
