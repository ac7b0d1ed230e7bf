"""Restoration of single frames: what enhancers that never look through time make of compressed video, and a control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.contracts import EnhancerSpec
from rppgbench.hookspecs import hookimpl
from rppgbench_restoration.params import ArcnnParams, DncnnParams

if TYPE_CHECKING:
    from collections.abc import Iterable

LICENSE = "Apache-2.0"


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
