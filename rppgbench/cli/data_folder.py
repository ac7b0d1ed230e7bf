"""Lookup of a dataset and its folder for the commands of ``rppgbench data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rppgbench.errors import DatasetUnavailable

if TYPE_CHECKING:
    from rich.console import Console

    from rppgbench.contracts import DatasetSpec
    from rppgbench.datasets.open_dataset import OpenDataset
    from rppgbench.registry import Registry

_LEAST_COLUMNS = 160


def dataset_spec(registry: Registry, name: str) -> DatasetSpec:
    """The spec of dataset ``name``.

    Raises:
        UnknownName: there is none; the hint suggests the nearest.
    """
    from rppgbench.contracts import DatasetSpec

    spec = registry.spec("dataset", name)
    if not isinstance(spec, DatasetSpec):
        raise TypeError(f"{name} is a {spec.kind}")
    return spec


def open_by_name(name: str, path: Path | None) -> tuple[OpenDataset, bool]:
    """The dataset in ``path``, else in its configured folder, and whether the configuration marks it as partial.

    Raises:
        DatasetUnavailable: no folder is given or configured, or it does not hold the dataset.
    """
    from rppgbench.datasets.open_dataset import open_dataset
    from rppgbench.registry import load_registry
    from rppgbench.settings import configured_folders

    registry = load_registry()
    spec = dataset_spec(registry, name)
    folder = configured_folders().get(name)
    if path is None and folder is None and spec.needs_files:
        raise DatasetUnavailable(
            f"dataset {name!r} is not on this machine: {spec.summary}\n"
            f"  how to get it: {spec.how_to_get or spec.url or 'ask its authors'}",
            hint=f"then say where it lies: rppgbench data add {name} PATH, or --path PATH"
            + (f"; a small copy to try: rppgbench data fixture {name} PATH" if spec.fixture else ""),
        )
    root = path if path is not None else folder.path if folder is not None else None
    return open_dataset(registry, spec, root), path is None and folder is not None and folder.partial


def wide_console() -> Console:
    """A console on standard output, at least 160 columns wide if it is no terminal, to keep file names whole."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, _LEAST_COLUMNS))
