"""A dataset on this machine: where it lies, and what its loader finds there."""

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
    """A dataset and the folder that it lies in, None for one that makes its recordings; cheap to send to a process,
    where its loader is made anew."""

    spec: DatasetSpec
    root: Path | None

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The loader.

        Raises:
            DatasetUnavailable: the folder holds no such dataset.
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
        """All recordings whose files are there, in natural order.

        Raises:
            DatasetUnavailable: there is none; the message says what lies there.
        """
        found = tuple(self.dataset.recordings())
        if not found:
            raise self._nothing()
        return found

    def inventory(self) -> Inventory | None:
        """What was published against what is here, None when the loader knows nothing of that."""
        return self.dataset.inventory() if isinstance(self.dataset, InventoriedDataset) else None

    def recording(self, name: str) -> Recording:
        """The recording of that name.

        Raises:
            UnknownName: there is none; for one that was published and is not here the message says what is missing.
        """
        return self.chosen([name])[0]

    def chosen(self, names: Iterable[str]) -> list[Recording]:
        """The recordings of these names, in natural order; all when there are none."""
        found = {recording.id: recording for recording in self.recordings()}
        asked = set(names) or set(found)
        for name in sorted(asked - set(found)):
            raise self._unknown(name, list(found))
        return [recording for name, recording in found.items() if name in asked]

    def relative(self, path: Path) -> Path:
        """``path`` as seen from the dataset's folder, where it lies in there."""
        return path.relative_to(self.root) if self.root is not None and path.is_relative_to(self.root) else path

    def _unknown(self, name: str, found: Sequence[str]) -> UnknownName:
        inventory = self.inventory()
        for absent in inventory.absent if inventory is not None else ():
            if absent.id == name:
                return UnknownName(f"{absent.path}: {absent.reason} (recording {name!r})", hint=absent.remedy or None)
        return UnknownName(f"dataset {self.spec.name!r} has no recording {name!r} here", hint=_near(name, found))

    def _nothing(self) -> DatasetUnavailable:
        inventory = self.inventory()
        message = f"{self.root or self.spec.name}: not one whole recording of dataset {self.spec.name!r}"
        if inventory is not None and inventory.absent:
            first = inventory.absent[0]
            message += f"; the first that is missing: {first.path}: {first.reason}"
        if self.root is not None:
            message += f" (there is: {_listing(self.root)})"
        return DatasetUnavailable(message, hint=self.spec.how_to_get or None)


def open_dataset(registry: Registry, spec: DatasetSpec, root: Path | None) -> OpenDataset:
    """A dataset in a folder, its loader made.

    Raises:
        DatasetUnavailable: the folder is missing or holds no such dataset; if it looks like another one, the hint says
            which.
    """
    holding = OpenDataset(spec, root.expanduser().absolute() if root is not None and spec.needs_files else None)
    if holding.root is not None and not holding.root.is_dir():
        if holding.root.exists():
            hint = f"name the folder that it lies in: {holding.root.parent}"
            raise DatasetUnavailable(f"{holding.root}: is a file, expected a folder", hint=hint)
        hint = f"name the folder that holds dataset {spec.name!r}"
        raise DatasetUnavailable(f"{holding.root}: no such folder", hint=hint)
    try:
        _ = holding.dataset
    except DatasetUnavailable as error:
        others = resembling(registry, spec, holding.root)
        if others:
            commands = " or ".join(f"rppgbench data add {name} {holding.root}" for name in others)
            hint = f"it looks like {', '.join(others)}: {commands}"
            raise DatasetUnavailable(error.message, hint=hint) from None
        raise
    return holding


def resembling(registry: Registry, spec: DatasetSpec, root: Path | None) -> list[str]:
    """Names of the other datasets whose loaders find recordings in the folder."""
    if root is None:
        return []
    found = []
    for other in registry.specs("dataset"):
        if other.name != spec.name and getattr(other, "needs_files", False):
            try:
                if make(other, validate_params(other, {}), root=root).recordings():
                    found.append(other.name)
            except Exception:  # a stranger's loader on a folder that is not its own
                continue
    return found


def _near(name: str, found: Sequence[str]) -> str:
    """What may have been meant; an id with other numbers was not, so then what is here."""
    alike = [other for other in found if _numbers(other) == _numbers(name)]
    near = difflib.get_close_matches(name, alike, n=1)
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
