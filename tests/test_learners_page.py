"""The page on learners: its example is a plugin, and keeps the contract."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from rppgbench.learning.learner import Learner  # noqa: E402
from rppgbench.registry import Registry, make  # noqa: E402
from rppgbench.testing import check  # noqa: E402

PAGE = Path(__file__).parents[1] / "docs" / "learners.md"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The example's files as an importable package."""
    for source in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        path = tmp_path / re.match(r"# ([\w/.]+)", source)[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import my_package

    yield my_package
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        monkeypatch.delitem(sys.modules, name)


def test_the_example_keeps_the_contract(package, tmp_path):
    spec = Registry.from_plugins(mine=package).spec("method", "mix")
    check(spec, tmp_path)
    assert isinstance(make(spec, spec.params()), Learner)
