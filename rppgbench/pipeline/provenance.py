"""Versions of the code behind an artefact: part of its key, and to be the same on every host that makes it.

The code behind a stage is derived from imports: all modules of the core that its module imports, directly or through
others, and the packages of the components that it runs with the modules that these import.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions, version
from pathlib import Path
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement

from rppgbench.contracts import Kind, Spec
from rppgbench.pipeline.code_imports import CORE, imports_of, imports_of_package, is_package, source_of

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
    def component_names(self) -> list[tuple[Kind, str]]:
        """Kind and name of each component."""
        return [(cast("Kind", kind), name) for kind, _, name in (key.partition(" ") for key in self.components)]

    def described(self) -> dict[str, Any]:
        """The versions as plain data."""
        return {"core": self.core, "components": dict(self.components), "libraries": dict(self.libraries)}

    def differences(self, other: CodeVersions) -> list[str]:
        """Lines such as ``numpy is 2.1.0, not 2.4.0`` for code and libraries with other versions in ``other``."""
        found = {CORE: self.core, **self.components, **self.libraries}
        wanted = {CORE: other.core, **other.components, **other.libraries}
        return [f"{name} is {found.get(name, 'absent')}, not {wanted[name]}" for name in wanted
                if found.get(name, "absent") != wanted[name]]  # fmt: skip


def code_versions(stage_module: str, components: Iterable[Spec] = ()) -> CodeVersions:
    """Versions of the code behind tasks of the stage in a module that run these components."""
    specs = {f"{spec.kind} {spec.name}": package_of(spec) for spec in components}
    return _code_versions(stage_module, tuple(sorted(specs.items())))


@cache
def _code_versions(stage_module: str, components: tuple[tuple[str, str], ...]) -> CodeVersions:
    packages = sorted(_with_plugins_they_import({package for _, package in components}))
    stage = imports_of(stage_module)
    core = stage.core.union(*(imports_of_package(package).core for package in packages))
    libraries = set(_library_names(stage.others)) - COMPONENT_LIBRARIES
    for package in packages:
        imported = imports_of_package(package).others - _plugin_packages()
        libraries |= {*_library_names(imported), *_requirements(package)}
    others = set(packages) - {package for _, package in components}
    return CodeVersions(
        core=digest_of_modules(core),
        components={name: digest_of_package(package) for name, package in components},
        # A plugin's package that another one uses as a library has a digest for its version.
        libraries=library_versions(sorted(libraries - NEUTRAL_LIBRARIES))
        | {package: digest_of_package(package) for package in sorted(others)},
    )


def _with_plugins_they_import(packages: set[str]) -> set[str]:
    """The packages, and those of other plugins that they import, directly or by way of others."""
    found: set[str] = set()
    pending = [*packages]
    while pending:
        package = pending.pop()
        if package not in found:
            found.add(package)
            pending += imports_of_package(package).others & _plugin_packages()
    return found


def package_of(spec: Spec) -> str:
    """Top-level package of the component's factory."""
    return spec.factory.partition(":")[0].partition(".")[0]


@cache
def digest_of_modules(modules: frozenset[str]) -> str:
    """Digest of the source of modules of the core, and of the data files beside them."""
    files = {path for name in modules for path in (source_of(name), *_data_beside(source_of(name)))}
    root = source_of(CORE).parent
    return _digest(sorted((path.relative_to(root).as_posix(), path) for path in files))


@cache
def digest_of_package(package: str) -> str:
    """Digest of all files of a plugin's package: its source and its data files, such as weights.

    Coarse on purpose: a needless recomputation costs minutes, a stale artefact costs a wrong number.
    """
    folder = source_of(package).parent if is_package(package) else None
    if folder is None:
        return _digest([(package, source_of(package))])
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


def _data_beside(source: Path) -> Iterator[Path]:
    return (path for path in source.parent.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc", ".typed"))


@cache
def _distributions_by_package() -> Mapping[str, list[str]]:
    return packages_distributions()


def _library_names(packages: Iterable[str]) -> Iterator[str]:
    """Distributions of top-level packages; a package's own name if none is installed."""
    for package in packages:
        names = _distributions_by_package().get(package, [package])
        yield from (name.lower().replace("_", "-") for name in names[:1])


@cache
def _plugin_packages() -> frozenset[str]:
    """Top-level packages of all installed plugins."""
    points = (point for distribution in distributions() for point in distribution.entry_points if point.group == CORE)
    return frozenset(point.value.partition(":")[0].partition(".")[0] for point in points)


@cache
def _requirements(package: str) -> frozenset[str]:
    """Distributions that a plugin's own distribution requires; empty for a plugin of the core's."""
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
