"""Datasets in folders on this machine, opened by their loaders."""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rppgbench.contracts import InventoriedDataset, Inventory, Recording
from rppgbench.datasets.completeness import spans
from rppgbench.errors import DatasetUnavailable, UnknownName
from rppgbench.registry import make, validate_params

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rppgbench.contracts import Dataset, DatasetSpec
    from rppgbench.registry import Registry

_SHOWN, _MOST_HERE = 6, 12


@dataclass(frozen=True)
class OpenDataset:
    """A dataset and its folder, None for one that renders its recordings; pickled without its loader."""

    spec: DatasetSpec
    root: Path | None

    @functools.cached_property
    def loader(self) -> Dataset:
        """The loader, made at first use.

        Raises:
            DatasetUnavailable: the folder does not hold the dataset.
        """
        local = {} if self.root is None else {"root": self.root}
        try:
            made: Dataset = make(self.spec, validate_params(self.spec, {}), **local)
        except OSError as error:
            raise DatasetUnavailable(f"{error.filename or self.root}: cannot be read: {error.strerror}") from None
        return made

    def __reduce__(self) -> tuple[type[OpenDataset], tuple[DatasetSpec, Path | None]]:
        return OpenDataset, (self.spec, self.root)

    def recordings(self) -> tuple[Recording, ...]:
        """All recordings with all their files, in natural order.

        Raises:
            DatasetUnavailable: there is none; the message lists the folder.
        """
        found = tuple(self.loader.recordings())
        if not found:
            raise self._no_recordings()
        return found

    def inventory(self) -> Inventory | None:
        """Published recordings against those here; None if the loader has no inventory."""
        return self.loader.inventory() if isinstance(self.loader, InventoriedDataset) else None

    def recording(self, name: str) -> Recording:
        """The recording with id ``name``.

        Raises:
            UnknownName: there is none; for a published one the message says which file is missing.
        """
        return self.select([name])[0]

    def select(self, names: Iterable[str]) -> list[Recording]:
        """The recordings with these ids, in natural order; all for no ids."""
        found = {recording.id: recording for recording in self.recordings()}
        wanted = set(names) or set(found)
        for name in sorted(wanted - set(found)):
            raise self._unknown(name, list(found))
        return [recording for name, recording in found.items() if name in wanted]

    def relative(self, path: Path) -> Path:
        """``path`` relative to the dataset's folder if it lies inside it, else as given."""
        return path.relative_to(self.root) if self.root is not None and path.is_relative_to(self.root) else path

    def _unknown(self, name: str, found: Sequence[str]) -> UnknownName:
        inventory = self.inventory()
        for absent in inventory.absent if inventory is not None else ():
            if absent.id == name:
                return UnknownName(f"{absent.path}: {absent.reason} (recording {name!r})", hint=absent.remedy or None)
        return UnknownName(f"dataset {self.spec.name!r} has no recording {name!r} here", hint=_near(name, found))

    def _no_recordings(self) -> DatasetUnavailable:
        inventory = self.inventory()
        message = f"{self.root or self.spec.name}: not one whole recording of dataset {self.spec.name!r}"
        if inventory is not None and inventory.absent:
            first = inventory.absent[0]
            message += f"; the first that is missing: {first.path}: {first.reason}"
        if self.root is not None:
            message += f" (there is: {_listing(self.root)})"
        return DatasetUnavailable(message, hint=self.spec.how_to_get or None)


def open_dataset(registry: Registry, spec: DatasetSpec, root: Path | None) -> OpenDataset:
    """The dataset in a folder, with its loader made.

    Raises:
        DatasetUnavailable: the folder is missing or does not hold the dataset; the hint names datasets that it does.
    """
    dataset = OpenDataset(spec, root.expanduser().absolute() if root is not None and spec.needs_files else None)
    if dataset.root is not None and not dataset.root.is_dir():
        if dataset.root.exists():
            hint = f"name the folder that it lies in: {dataset.root.parent}"
            raise DatasetUnavailable(f"{dataset.root}: is a file, expected a folder", hint=hint)
        hint = f"name the folder that holds dataset {spec.name!r}"
        raise DatasetUnavailable(f"{dataset.root}: no such folder", hint=hint)
    try:
        _ = dataset.loader
    except DatasetUnavailable as error:
        others = recognised_datasets(registry, spec, dataset.root)
        if others:
            commands = " or ".join(f"rppgbench data add {name} {dataset.root}" for name in others)
            hint = f"it looks like {', '.join(others)}: {commands}"
            raise DatasetUnavailable(error.message, hint=hint) from None
        raise
    return dataset


def recognised_datasets(registry: Registry, spec: DatasetSpec, root: Path | None) -> list[str]:
    """Names of the other datasets whose loaders find recordings in the folder."""
    if root is None:
        return []
    found = []
    for other in registry.specs("dataset"):
        if other.name != spec.name and getattr(other, "needs_files", False):
            try:
                if make(other, validate_params(other, {}), root=root).recordings():
                    found.append(other.name)
            except Exception:  # loaders may raise anything on a folder of another dataset
                continue
    return found


def _near(name: str, found: Sequence[str]) -> str:
    """A hint with the nearest id that has the same numbers, else with the ids that are here."""
    candidates = [other for other in found if _numbers(other) == _numbers(name)]
    near = difflib.get_close_matches(name, candidates, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    here = spans(found)
    return f"here: {', '.join(here[:_MOST_HERE])}" + (f" and {len(here) - _MOST_HERE} more" * (len(here) > _MOST_HERE))


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", name)]


def _listing(root: Path) -> str:
    names = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    shown = ", ".join(names[:_SHOWN]) or "nothing"
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
