from __future__ import annotations

from pathlib import Path

import pytest

from rppgbench.protocol.protocol_library import find_protocol
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def protocol():
    return lambda: load_protocol(find_protocol("smoke"), load_registry())
