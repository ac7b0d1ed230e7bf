"""The stages, one module each with a ``STAGE``; no other list of them exists."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from rppgbench.errors import UnknownName, nearest
from rppgbench.pipeline.stage import Stage


@cache
def stages() -> Mapping[str, Stage[Any]]:
    """All stages by name, in the order of their positions."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found: list[Stage[Any]] = []
    for module in modules:
        if not isinstance(getattr(module, "STAGE", None), Stage):
            raise TypeError(f"{module.__name__}: defines no STAGE, and only stages lie in {__name__}")
        found.append(module.STAGE)
    return {stage.name: stage for stage in sorted(found, key=lambda stage: (stage.position, stage.name))}


def stage_named(name: str) -> Stage[Any]:
    """The stage of that name.

    Raises:
        UnknownName: there is none; the hint has the nearest name.
    """
    try:
        return stages()[name]
    except KeyError:
        raise UnknownName(f"no stage is called {name!r}", hint=nearest(name, stages())) from None
