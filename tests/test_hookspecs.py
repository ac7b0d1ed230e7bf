"""Every hook is documented with an example that works."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import numpy as np
import pytest

from rppgbench import hookspecs
from rppgbench.registry import SPEC_TYPES, Registry

HOOKS = [f"rppgbench_{kind}s" for kind in SPEC_TYPES]


def example(hook: str) -> str:
    found = re.search(r"```python\n(.*?)```", getattr(hookspecs, hook).__doc__, re.DOTALL)
    assert found, f"{hook} has no example"
    return "\n".join(line[4:] if line.startswith("    ") else line for line in found[1].splitlines())


def test_every_hook_is_specified_and_nothing_else():
    specified = [name for name in vars(hookspecs) if name.startswith("rppgbench_")]
    assert sorted(specified) == sorted(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_in_the_docstring_registers_without_problems(hook, monkeypatch):
    module = ModuleType("my_package")
    monkeypatch.setitem(sys.modules, "my_package", module)
    exec(example(hook), module.__dict__)
    registry = Registry.from_plugins(mine=module)
    assert registry.plugins[0].problems == ()
    assert len(registry.plugins[0].specs) == 1


def test_the_method_of_the_example_gives_waves(monkeypatch):
    module = ModuleType("my_package")
    monkeypatch.setitem(sys.modules, "my_package", module)
    exec(example("rppgbench_methods"), module.__dict__)
    method = Registry.from_plugins(mine=module).create("method", "red_minus_green")
    assert method.predict(np.ones((2, 90, 3)), 30.0).shape == (2, 90)


def test_the_enhancer_of_the_example_keeps_the_shape(monkeypatch):
    module = ModuleType("my_package")
    monkeypatch.setitem(sys.modules, "my_package", module)
    exec(example("rppgbench_enhancers"), module.__dict__)
    enhancer = Registry.from_plugins(mine=module).create("enhancer", "temporal_mean")
    enhanced = enhancer.enhance(np.full((1, 5, 4, 4, 3), 51, np.uint8))
    np.testing.assert_allclose(enhanced, 0.2, rtol=1e-6)
