"""Versions of the code behind an artefact: part of its key, and what a host must have that makes it.

The code behind a stage is derived: all modules of the core that its module imports, directly or through others, at the
top or inside functions, and the packages of the components that it runs with the modules that these import. Imports
under ``TYPE_CHECKING`` run nothing and do not count.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions, version
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from rppgbench.contracts import Spec
from rppgbench.errors import StoreError

CORE = "rppgbench"
# Modules of the core that find, move and name things, or test them, and compute no artefact's bytes: an error text or
# the layout of a store may change without a video being encoded again.
NEUTRAL_MODULES = (
    "rppgbench.errors", "rppgbench.hookspecs", "rppgbench.registry", "rppgbench.settings", "rppgbench.store",
    "rppgbench.testing", "rppgbench.text",
)  # fmt: skip
# Libraries that validate, find and pack, and compute no artefact's bytes.
NEUTRAL_LIBRARIES = frozenset({"packaging", "platformdirs", "pluggy", "pydantic", "ruamel-yaml", "ruamel.yaml"})
# Libraries that the core imports on behalf of components that use them: in a key where a component's package imports
# them, so that what needs no network has the same keys whether or not torch is installed.
COMPONENT_LIBRARIES = frozenset({"torch", "safetensors"})


@dataclass(frozen=True)
class CodeVersions:
    """Versions of the code behind an artefact.

    ``core`` is a digest of the core's modules, ``components`` maps "<kind> <name>" to a digest of the component's
    package, its data files included, ``libraries`` maps distributions to versions, "absent" for one not installed.
    """

    core: str
    components: Mapping[str, str]
    libraries: Mapping[str, str]

    @property
    def component_names(self) -> list[tuple[str, str]]:
        """Kind and name of each component."""
        return [(kind, name) for kind, _, name in (key.partition(" ") for key in self.components)]

    def described(self) -> dict[str, Any]:
        """The versions as plain data."""
        return {"core": self.core, "components": dict(self.components), "libraries": dict(self.libraries)}

    def differences(self, other: CodeVersions) -> list[str]:
        """Lines such as ``numpy is 2.1.0, not 2.4.0`` for what ``other`` has in another version."""
        found = {CORE: self.core, **self.components, **self.libraries}
        wanted = {CORE: other.core, **other.components, **other.libraries}
        return [f"{name} is {found.get(name, 'absent')}, not {wanted[name]}" for name in wanted
                if found.get(name, "absent") != wanted[name]]  # fmt: skip


class Imports(NamedTuple):
    """Modules of the core and top-level names of other packages that code imports."""

    core: frozenset[str]
    others: frozenset[str]


def code_versions(stage_module: str, components: Iterable[Spec] = ()) -> CodeVersions:
    """Versions of the code behind tasks of the stage in a module that run these components."""
    specs = {f"{spec.kind} {spec.name}": package_of(spec) for spec in components}
    return _code_versions(stage_module, tuple(sorted(specs.items())))


@cache
def _code_versions(stage_module: str, components: tuple[tuple[str, str], ...]) -> CodeVersions:
    packages = sorted({package for _, package in components})
    stage = imports_of(stage_module)
    core = stage.core.union(*(imports_of_package(package).core for package in packages))
    libraries = set(_library_names(stage.others)) - COMPONENT_LIBRARIES
    for package in packages:
        libraries |= {*_library_names(imports_of_package(package).others), *_requirements(package)}
    return CodeVersions(
        core=digest_of_modules(core),
        components={name: digest_of_package(package) for name, package in components},
        libraries=library_versions(sorted(libraries - NEUTRAL_LIBRARIES)),
    )


def package_of(spec: Spec) -> str:
    """Top-level package of the component's factory."""
    return spec.factory.partition(":")[0].partition(".")[0]


@cache
def imports_of(module: str) -> Imports:
    """Imports of a module of the core, of all that it imports of the core, and of the packages these lie in.

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
    """Imports of all modules of a plugin's package, and of what they import of the core."""
    found = [_imports_in(path.read_text(encoding="utf-8"), package, path.name) for path in _python_files(package)]
    core = {name for one in found for name in one.core if not _is_neutral(name)}
    closures = [imports_of(name) for name in sorted(core)]
    others = {name for one in (*found, *closures) for name in one.others} - {package}
    return Imports(frozenset().union(*(one.core for one in closures)), frozenset(others))


@cache
def digest_of_modules(modules: frozenset[str]) -> str:
    """Digest of the source of modules of the core, and of the data files that lie beside them."""
    files = {path for name in modules for path in (_source(name), *_data_beside(_source(name)))}
    root = _source(CORE).parent
    return _digest(sorted((path.relative_to(root).as_posix(), path) for path in files))


@cache
def digest_of_package(package: str) -> str:
    """Digest of all files of a plugin's package: its source, and what it ships beside, such as weights.

    Coarse on purpose: a needless recomputation costs minutes, a stale artefact costs a wrong number.
    """
    folder = _source(package).parent if _is_package(package) else None
    if folder is None:
        return _digest([(package, _source(package))])
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return _digest(sorted((path.relative_to(folder).as_posix(), path) for path in files))


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Installed versions of distributions; "absent" for one not installed."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0".encode())
        digest.update(_content(path))
    return digest.hexdigest()[:16]


@cache
def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return content.replace(b"\r\n", b"\n") if path.suffix == ".py" else content


@cache
def _source(module: str) -> Path:
    """File of a module; of a package its ``__init__.py``."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise StoreError(f"package {module!r} cannot be found", hint="install the plugin it belongs to")
    return Path(spec.origin)


def _is_package(module: str) -> bool:
    return _source(module).name == "__init__.py"


def _python_files(package: str) -> list[Path]:
    return sorted(_source(package).parent.rglob("*.py")) if _is_package(package) else [_source(package)]


def _data_beside(source: Path) -> Iterator[Path]:
    return (path for path in source.parent.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc", ".typed"))


def _is_neutral(module: str) -> bool:
    return module == CORE or any(module == name or module.startswith(f"{name}.") for name in NEUTRAL_MODULES)


def _packages_above(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(2, len(parts))]


@cache
def _direct_imports(module: str) -> Imports:
    path = _source(module)
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
    """Dotted names of what the code imports: modules, or things in modules."""
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
    """Module that a dotted name of the core lies in, or is."""
    root = _source(CORE).parent.parent
    parts = name.split(".")
    while len(parts) > 1:
        path = root.joinpath(*parts)
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            break
        parts.pop()
    return ".".join(parts)


@cache
def _distributions_by_package() -> Mapping[str, list[str]]:
    return packages_distributions()


def _library_names(packages: Iterable[str]) -> Iterator[str]:
    """Distributions that the top-level packages come from; the package's own name where none is installed."""
    for package in packages:
        names = _distributions_by_package().get(package, [package])
        yield from (name.lower().replace("_", "-") for name in names[:1])


@cache
def _requirements(package: str) -> frozenset[str]:
    """Distributions that a plugin's own distribution requires; none of those of the core itself."""
    for distribution in distributions():
        name = (distribution.metadata["Name"] or "").lower()
        if name == CORE or not any(
            point.group == CORE and point.value.partition(":")[0].partition(".")[0] == package
            for point in distribution.entry_points
        ):
            continue
        return frozenset(_required(distribution.requires or ())) - {CORE}
    return frozenset()


def _required(requires: Iterable[str]) -> Iterator[str]:
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name.lower().replace("_", "-")
