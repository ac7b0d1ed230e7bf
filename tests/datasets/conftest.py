from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from rppgbench.datasets.open_dataset import OpenDataset, open_dataset
from rppgbench.registry import Registry


@pytest.fixture(scope="session")
def sheets() -> Iterator[ModuleType]:
    """The module of the test dataset, importable by its factory's name, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield import_module("sheets")


@pytest.fixture(scope="session")
def published(sheets: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    for name in sheets.RATES_HZ:
        sheets.write_subject(root, name)
    return root


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(published, tmp_path / "copy")


@pytest.fixture(scope="session")
def registry(sheets: ModuleType) -> Registry:
    return Registry.from_plugins(sheets=sheets)


@pytest.fixture
def dataset(registry: Registry, root: Path) -> OpenDataset:
    return open_dataset(registry, registry.spec("dataset", "sheets"), root)
