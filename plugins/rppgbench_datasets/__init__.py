"""Datasets whose files a user has to bring."""

from __future__ import annotations

from collections.abc import Iterator

from rppgbench.contracts import DatasetSpec
from rppgbench.hookspecs import hookimpl


@hookimpl
def rppgbench_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="obf",
        factory="rppgbench_datasets.manifest:ManifestDataset",
        summary="Oulu Bio-Face: 200 five-minute videos of 100 adults at rest and after exercise, with ECG and BVP",
        cite="Li et al., The OBF database, FG 2018",
        license="restricted: no redistribution",
        how_to_get=(
            "ask the Center for Machine Vision and Signal Analysis, University of Oulu, for a licence; "
            "its file names are not published, so describe your copy in a table manifest.csv in its folder "
            "(columns subject, session, video, fps_hz, duration_s, truth, kind; see rppgbench_datasets/manifest.py)"
        ),
    )
