"""The classical methods, one module per paper, and the controls of every comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.contracts import MethodSpec
from rppgbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

LICENSE = "Apache-2.0"


@hookimpl
def rppgbench_methods() -> Iterable[MethodSpec]:
    yield MethodSpec(
        name="green",
        factory="rppgbench_classical.green:Green",
        input="trace",
        summary="Mean green of the skin",
        cite="Verkruysse, Svaasand, Nelson: Remote plethysmographic imaging using ambient light, Opt. Express 16, 2008",
        license=LICENSE,
    )
    yield MethodSpec(
        name="chrom",
        factory="rppgbench_classical.chrom:Chrom",
        input="trace",
        summary="Two chrominance signals, combined so that what specular reflection does to both cancels",
        cite="de Haan, Jeanne: Robust pulse rate from chrominance-based rPPG, IEEE TBME 60(10), 2013",
        license=LICENSE,
    )
    yield MethodSpec(
        name="pos",
        factory="rppgbench_classical.pos:Pos",
        input="trace",
        suggested=True,
        summary="Projection on the plane orthogonal to the skin's tone, tuned in every 1.6 s",
        cite="Wang, den Brinker, Stuijk, de Haan: Algorithmic principles of remote PPG, IEEE TBME 64(7), 2017",
        license=LICENSE,
    )
    yield MethodSpec(
        name="white_noise",
        factory="rppgbench_classical.control_methods:WhiteNoise",
        version=2,
        input="trace",
        control=True,
        summary="Noise in the place of a wave: what the rest of the pipeline makes of nothing",
        license=LICENSE,
    )
    yield MethodSpec(
        name="mean_hr",
        factory="rppgbench_classical.control_methods:MeanHeartRate",
        input="trace",
        learns=True,
        learns_from="truth",
        control=True,
        summary="The mean heart rate of the training subjects, whatever the video shows",
        license=LICENSE,
    )
    yield MethodSpec(
        name="pos_background",
        factory="rppgbench_classical.pos:Pos",
        input="trace",
        region="background",
        control=True,
        summary="POS beside the face, where there is no pulse to find",
        cite="Wang, den Brinker, Stuijk, de Haan: Algorithmic principles of remote PPG, IEEE TBME 64(7), 2017",
        license=LICENSE,
    )
