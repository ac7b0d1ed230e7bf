"""The stages, one module each with a ``STAGE``; no other list of them exists."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from rppgbench.pipeline.stage import Stage


@cache
def stages() -> Mapping[str, Stage[Any]]:
    """All stages by name, in the order of their positions."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found: list[Stage[Any]] = [module.STAGE for module in modules]
    return {stage.name: stage for stage in sorted(found, key=lambda stage: stage.position)}
