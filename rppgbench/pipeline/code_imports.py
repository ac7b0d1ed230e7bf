"""Imports of code: modules of the core and other packages, directly or through others.

Imports count at the top of a module and inside functions; those under ``TYPE_CHECKING`` run nothing and do not count.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rppgbench.errors import StoreError

CORE = "rppgbench"
# Modules of the core that find, move and name things, or test them, and compute no artefact's bytes: an error text or
# the layout of a store may change without a video being encoded again.
NEUTRAL_MODULES = (
    "rppgbench.errors", "rppgbench.hookspecs", "rppgbench.registry", "rppgbench.settings", "rppgbench.store",
    "rppgbench.testing", "rppgbench.text",
)  # fmt: skip


class Imports(NamedTuple):
    """Modules of the core and top-level names of other packages that code imports."""

    core: frozenset[str]
    others: frozenset[str]


@cache
def imports_of(module: str) -> Imports:
    """Imports of a module of the core and of all modules of the core that it imports, with the packages above them.

    The module itself is among them.
    """
    core: set[str] = set()
    others: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name in core or _is_neutral(name):
            continue
        core.add(name)
        found = _direct_imports(name)
        others |= found.others
        pending += [*found.core, *_packages_above(name)]
    return Imports(frozenset(core), frozenset(others))


@cache
def imports_of_package(package: str) -> Imports:
    """Imports of all modules of a plugin's package, and of the modules of the core that they import."""
    found = [_imports_in(path.read_text(encoding="utf-8"), package, path.name) for path in _python_files(package)]
    core = {name for one in found for name in one.core if not _is_neutral(name)}
    closures = [imports_of(name) for name in sorted(core)]
    others = {name for one in (*found, *closures) for name in one.others} - {package}
    return Imports(frozenset().union(*(one.core for one in closures)), frozenset(others))


@cache
def source_of(module: str) -> Path:
    """File of a module; of a package its ``__init__.py``."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise StoreError(f"package {module!r} cannot be found", hint="install the plugin it belongs to")
    return Path(spec.origin)


def is_package(module: str) -> bool:
    return source_of(module).name == "__init__.py"


def _python_files(package: str) -> list[Path]:
    return sorted(source_of(package).parent.rglob("*.py")) if is_package(package) else [source_of(package)]


def _is_neutral(module: str) -> bool:
    return module == CORE or any(module == name or module.startswith(f"{name}.") for name in NEUTRAL_MODULES)


def _packages_above(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(2, len(parts))]


@cache
def _direct_imports(module: str) -> Imports:
    path = source_of(module)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _imports_in(path.read_text(encoding="utf-8"), package, path.name)


def _imports_in(source: str, package: str, filename: str) -> Imports:
    core: set[str] = set()
    others: set[str] = set()
    for name in _imported_names(ast.parse(source, filename), package):
        top = name.partition(".")[0]
        if top == CORE:
            core.add(_module_of(name))
        elif top not in sys.stdlib_module_names:
            others.add(top)
    return Imports(frozenset(core), frozenset(others))


def _imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names of imported modules, or of imported objects with their module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and _tests_type_checking(node.test):
            for other in node.orelse:
                yield from _imported_names(other, package)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        else:
            yield from _imported_names(node, package)


def _tests_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


@cache
def _module_of(name: str) -> str:
    """Module of a dotted name of the core: the name itself, or the module with that object."""
    root = source_of(CORE).parent.parent
    parts = name.split(".")
    while len(parts) > 1:
        path = root.joinpath(*parts)
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            break
        parts.pop()
    return ".".join(parts)
