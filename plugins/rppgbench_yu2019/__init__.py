"""rPPGNet and STVEN of Yu et al., ICCV 2019 (heart rate from highly compressed face video), written from the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.contracts import EnhancerSpec, MethodSpec
from rppgbench.hookspecs import hookimpl
from rppgbench_yu2019.params import RppgnetParams, StvenParams

if TYPE_CHECKING:
    from collections.abc import Iterable

CITE = (
    "Yu, Peng, Li, Hong, Zhao: Remote heart rate measurement from highly compressed facial videos, "
    "ICCV 2019, doi:10.1109/ICCV.2019.00024"
)
LICENSE = "Apache-2.0"


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
