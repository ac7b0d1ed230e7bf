"""No module of the core or of a plugin imports itself by way of others; no module or class name stands twice."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


@cache
def trees() -> dict[str, ast.Module]:
    """Syntax trees of all modules, by dotted name."""
    found = {}
    for base in (ROOT, ROOT / "plugins"):
        for path in sorted(base.glob("rppgbench*/**/*.py")):
            name = ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules that a module imports, be it at its top, in a function or for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None and not node.level, "imports are absolute"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in trees() else node.module


@cache
def graph() -> dict[str, set[str]]:
    """Imports within the tree, by importing module; without ``rppgbench`` itself, which has the version and the API."""
    modules = trees().keys() - {"rppgbench"}
    return {name: (set(imported(trees()[name])) & modules) - {name} for name in modules}


def repeated(names: Iterator[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def stems() -> Iterator[str]:
    paths = (path for base in ("rppgbench", "plugins") for path in (ROOT / base).rglob("*.py"))
    return (path.stem for path in paths if path.stem != "__init__")


def classes() -> Iterator[str]:
    return (node.name for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def test_no_module_imports_itself_by_way_of_others():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))


def test_no_module_name_stands_twice():
    assert repeated(stems()) == set()


def test_no_class_name_stands_twice():
    assert repeated(classes()) == set()


def test_the_picture_of_packages_is_the_import_contract_and_leaves_none_out():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    picture = page.partition("```text\nrppgbench/\n")[2].partition("plugins/")[0]
    drawn = [re.split(r"\s{2,}", line.strip())[0].split() for line in picture.splitlines() if line.strip()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert drawn == [[name.strip().removeprefix("rppgbench.") for name in layer.split("|")] for layer in layers]
    packages = {path.name for path in (ROOT / "rppgbench").iterdir() if (path / "__init__.py").is_file()}
    assert packages - {"testing"} <= {name for layer in drawn for name in layer}
