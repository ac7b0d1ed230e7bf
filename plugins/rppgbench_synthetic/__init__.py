"""Rendered faces with a known pulse, on any machine and without a licence."""

from __future__ import annotations

from collections.abc import Iterable

from rppgbench.contracts import DatasetSpec
from rppgbench.hookspecs import hookimpl
from rppgbench_synthetic.rendering_params import SyntheticParams


@hookimpl
def rppgbench_datasets() -> Iterable[DatasetSpec]:
    yield DatasetSpec(
        name="synthetic",
        factory="rppgbench_synthetic.synthetic_dataset:Synthetic",
        params=SyntheticParams,
        summary="Rendered faces of six skin tones at rest and after exercise, with exactly known beats",
        cite="skin reflection model: Wang, den Brinker, Stuijk & de Haan, IEEE TBME 64(7), 2017, "
        "doi:10.1109/TBME.2016.2609282",
        license="Apache-2.0",
        redistributable=True,
        needs_files=False,
        cohort=True,
        how_to_get="nothing to get: rendered from a seed when a protocol asks for it",
    )
