"""Registry of installed plugins: their specs by kind and name, and components made from them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any, cast

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from pydantic import ValidationError

from rppgbench import hookspecs
from rppgbench.contracts import CodecSpec, DatasetSpec, EnhancerSpec, Kind, MethodSpec, Params, Spec
from rppgbench.errors import PluginError, RppgbenchError, UnknownName, nearest
from rppgbench.version import __version__

SPEC_TYPES: Mapping[Kind, type[Spec]] = {
    "method": MethodSpec,
    "enhancer": EnhancerSpec,
    "codec": CodecSpec,
    "dataset": DatasetSpec,
}


@dataclass(frozen=True)
class Plugin:
    """One entry point: its distribution, the specs that it registers, and its problems."""

    name: str
    module: str
    distribution: str
    version: str
    specs: tuple[Spec, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass
class Registry:
    """Specs by kind and name; made by ``discover`` from installed plugins, or by ``from_plugins`` in tests."""

    plugins: list[Plugin] = field(default_factory=list)
    _specs: dict[tuple[Kind, str], tuple[Spec, Plugin]] = field(default_factory=dict)

    @classmethod
    def discover(cls) -> Registry:
        """The registry of the installed entry points of group ``rppgbench``; a failing one does not affect others."""
        registry = cls()
        for distribution, entry_point in sorted(_entry_points(), key=lambda pair: (pair[1].name, pair[1].value)):
            registry._add(_load(entry_point, distribution))
        return registry

    @classmethod
    def from_plugins(cls, **modules: object) -> Registry:
        """The registry of the given modules with hook implementations, by plugin name."""
        registry = cls()
        for name, module in modules.items():
            specs, problems = _collect(name, module)
            registry._add(Plugin(name, getattr(module, "__name__", name), "(none)", "0", specs, problems))
        return registry

    def specs(self, kind: Kind) -> list[Spec]:
        """All usable specs of a kind, sorted by name."""
        return [spec for (k, _), (spec, _) in sorted(self._specs.items(), key=lambda item: item[0]) if k == kind]

    def spec(self, kind: Kind, name: str) -> Spec:
        """The spec of a kind with name ``name``.

        Raises:
            UnknownName: there is none; the hint suggests the nearest name and lists broken plugins.
        """
        try:
            return self._specs[kind, name][0]
        except KeyError:
            hint = nearest(name, (n for k, n in self._specs if k == kind))
            broken = [p.name for p in self.plugins if p.problems]
            if broken:
                hint += f"; plugins with problems: {', '.join(broken)} (see 'rppgbench list plugins')"
            raise UnknownName(f"no {kind} is called {name!r}", hint=hint) from None

    def method(self, name: str) -> MethodSpec:
        return cast("MethodSpec", self.spec("method", name))

    def plugin_of(self, spec: Spec) -> Plugin:
        """The plugin that registered ``spec``."""
        return self._specs[spec.kind, spec.name][1]

    def named(self, name: str) -> list[Spec]:
        """The specs of all kinds with name ``name``."""
        return [spec for (_, n), (spec, _) in sorted(self._specs.items(), key=lambda item: item[0]) if n == name]

    def create(self, kind: Kind, name: str, params: Mapping[str, Any] | None = None, **local: Any) -> Any:
        """The component ``name``, made with validated ``params`` and ``local`` arguments such as a dataset's ``root``.

        Raises:
            UnknownName: there is no such component.
            PluginError: the params are invalid, or the factory cannot be imported or called.
        """
        spec = self.spec(kind, name)
        validated = validate_params(spec, params or {})
        return make(spec, validated, **local)

    def _add(self, plugin: Plugin) -> None:
        accepted, problems = [], list(plugin.problems)
        for spec in plugin.specs:
            other = self._specs.get((spec.kind, spec.name))
            if other is not None:
                owner = other[1]
                problems.append(
                    f"{spec.kind} {spec.name!r} is already registered by plugin {owner.name!r} "
                    f"({owner.distribution} {owner.version}); that one is kept, this one is left out"
                )
            else:
                accepted.append(spec)
        kept = Plugin(plugin.name, plugin.module, plugin.distribution, plugin.version, tuple(accepted), tuple(problems))
        self.plugins.append(kept)
        self._specs.update({(spec.kind, spec.name): (spec, kept) for spec in accepted})


@lru_cache(maxsize=1)
def load_registry() -> Registry:
    """The registry of the installed plugins, discovered once per process."""
    return Registry.discover()


def validate_params(spec: Spec, params: Mapping[str, Any]) -> Params:
    """``params`` as an instance of the spec's params model, with defaults.

    Raises:
        PluginError: a key is unknown (the message suggests the nearest), or a value is invalid.
    """
    try:
        return spec.params.model_validate(dict(params))
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                lines.append(f"unknown parameter {key!r} ({nearest(key, spec.params.model_fields)})")
            else:
                lines.append(f"{key}: {problem['msg']}, got {problem['input']!r}")
        raise PluginError(f"{spec.kind} {spec.name!r}: {'; '.join(lines)}") from None


def make(spec: Spec, params: Params, **local: Any) -> Any:
    """The component that the spec's factory returns for ``params`` and ``local`` as keyword arguments.

    Raises:
        PluginError: the factory cannot be imported or refuses its arguments.
    """
    module_name, _, attribute = spec.factory.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise PluginError(
            f"{spec.kind} {spec.name!r}: factory {spec.factory!r} cannot be imported: {error}",
            hint="if a package is missing, install it; else tell the plugin's author",
        ) from error
    arguments = {name: getattr(params, name) for name in type(params).model_fields}
    try:
        return factory(**local, **arguments)
    except RppgbenchError:
        raise
    except TypeError as error:
        raise PluginError(f"{spec.kind} {spec.name!r}: {spec.factory} refuses its arguments: {error}") from error


def _entry_points() -> Iterator[tuple[Distribution, EntryPoint]]:
    seen: set[tuple[str, str]] = set()
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if entry_point.group == hookspecs.PROJECT and (entry_point.name, entry_point.value) not in seen:
                seen.add((entry_point.name, entry_point.value))
                yield distribution, entry_point


def _load(entry_point: EntryPoint, distribution: Distribution) -> Plugin:
    name = distribution.metadata["Name"] or "(unnamed)"
    outdated = _outdated(distribution)
    if outdated:
        return Plugin(entry_point.name, entry_point.value, name, distribution.version, problems=(outdated,))
    try:
        module = entry_point.load()
        specs, problems = _collect(entry_point.name, module)
    except (Exception, SystemExit) as error:  # a plugin's import may raise anything; the others must load
        specs, problems = (), (_describe_import_failure(entry_point, error),)
    return Plugin(entry_point.name, entry_point.value, name, distribution.version, specs, problems)


def _outdated(distribution: Distribution) -> str | None:
    """The problem of a plugin that requires another version of rppgbench; None if this one satisfies it."""
    for text in distribution.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name.lower() == hookspecs.PROJECT and not requirement.specifier.contains(__version__, True):
            return f"needs rppgbench{requirement.specifier}, this is {__version__}; update whichever is older"
    return None


def _describe_import_failure(entry_point: EntryPoint, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename).name if error.filename else entry_point.value}:{error.lineno}"
        return f"cannot be imported: SyntaxError at {where}: {error.msg}"
    return f"cannot be imported: {type(error).__name__}: {error}"


def _collect(name: str, module: object) -> tuple[tuple[Spec, ...], tuple[str, ...]]:
    """Specs and problems of one plugin, called by a plugin manager of its own to isolate failures."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        return (), (f"{error}; hooks are: {', '.join(_hook_names())}",)
    problems = [
        f"defines {attribute!r} without @hookimpl, so it is not called" for attribute in _unmarked(manager, module)
    ]
    specs: list[Spec] = []
    for kind, spec_type in SPEC_TYPES.items():
        hook = getattr(manager.hook, f"rppgbench_{kind}s")
        try:
            answers: Iterable[Iterable[object]] = hook()
            for spec in (spec for answer in answers for spec in answer):
                if isinstance(spec, spec_type):
                    specs.append(spec)
                else:
                    problems.append(f"hook rppgbench_{kind}s gave {spec!r}, expected a {spec_type.__name__}")
        except (Exception, SystemExit) as error:  # a plugin's hook may raise anything
            problems.append(f"hook rppgbench_{kind}s failed: {type(error).__name__}: {error}")
    if not specs and not problems:
        problems.append(f"registers nothing; implement one of the hooks {', '.join(_hook_names())}")
    return tuple(specs), tuple(problems)


def _hook_names() -> list[str]:
    return [f"rppgbench_{kind}s" for kind in SPEC_TYPES]


def _unmarked(manager: pluggy.PluginManager, module: object) -> list[str]:
    implemented = {caller.name for caller in manager.get_hookcallers(module) or ()}
    return [name for name in _hook_names() if hasattr(module, name) and name not in implemented]
