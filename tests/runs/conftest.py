from __future__ import annotations

from pathlib import Path

import pytest

from rppgbench.engine.store import Store
from rppgbench.protocol.library import find
from rppgbench.protocol.resolve import load
from rppgbench.registry import load_registry


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def protocol():
    return lambda: load(find("smoke"), load_registry())
