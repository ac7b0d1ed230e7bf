"""Plugins are loaded one by one; a broken one is reported and does not affect the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rppgbench.contracts import CodecSpec, MethodSpec, NoParams, Params
from rppgbench.errors import PluginError, UnknownName
from rppgbench.hookspecs import hookimpl
from rppgbench.registry import Registry, validate_params


class GainParams(Params):
    gain: float = 1.0
    cutoff_hz: float = 4.0


class Gain:
    def __init__(self, gain: float, cutoff_hz: float) -> None:
        self.gain = gain

    def predict(self, traces, fps_hz):
        return self.gain * traces[..., 1]


def method(name: str, **changes) -> MethodSpec:
    return MethodSpec(
        **{
            "name": name,
            "factory": "tests_of_registry:Gain",
            "input": "trace",
            "summary": "",
            "params": GainParams,
            **changes,
        }
    )


def plugin(*specs) -> ModuleType:
    module = ModuleType("some_plugin")

    @hookimpl
    def rppgbench_methods():
        yield from specs

    module.rppgbench_methods = rppgbench_methods
    return module


def test_a_component_is_made_from_validated_params(monkeypatch):
    module = ModuleType("tests_of_registry")
    module.Gain = Gain
    monkeypatch.setitem(sys.modules, "tests_of_registry", module)
    registry = Registry.from_plugins(one=plugin(method("gain")))
    assert registry.create("method", "gain", {"gain": 3}).gain == 3.0


def test_an_unknown_param_is_refused_with_the_nearest_name():
    with pytest.raises(PluginError, match=r"unknown parameter 'gian' \(did you mean 'gain'\?\)"):
        validate_params(method("gain"), {"gian": 2})


def test_an_unknown_name_suggests_the_nearest():
    registry = Registry.from_plugins(one=plugin(method("gain")))
    with pytest.raises(UnknownName) as caught:
        registry.spec("method", "gaim")
    assert caught.value.hint == "did you mean 'gain'?"


def test_a_duplicate_is_reported_by_name_and_the_first_is_kept():
    first, second = method("gain", summary="first"), method("gain", summary="second")
    registry = Registry.from_plugins(one=plugin(first), two=plugin(second, method("other")))
    assert registry.spec("method", "gain") is first
    assert registry.spec("method", "other").name == "other"
    assert "already registered by plugin 'one'" in registry.plugins[1].problems[0]


def test_a_hook_that_raises_is_reported_and_the_rest_goes_on():
    broken = ModuleType("broken")

    @hookimpl
    def rppgbench_methods():
        raise ZeroDivisionError("oops")

    broken.rppgbench_methods = rppgbench_methods
    registry = Registry.from_plugins(broken=broken, sound=plugin(method("gain")))
    assert registry.plugins[0].problems == ("hook rppgbench_methods failed: ZeroDivisionError: oops",)
    assert [spec.name for spec in registry.specs("method")] == ["gain"]


def test_an_unknown_hook_is_an_error_that_lists_the_hooks():
    module = ModuleType("typo")

    @hookimpl
    def rppgbench_method():
        return ()

    module.rppgbench_method = rppgbench_method
    problems = Registry.from_plugins(typo=module).plugins[0].problems
    assert "rppgbench_method" in problems[0]
    assert "hooks are: rppgbench_methods" in problems[0]


def test_a_hook_without_its_marker_is_noticed():
    module = ModuleType("unmarked")
    module.rppgbench_codecs = lambda: ()
    problems = Registry.from_plugins(unmarked=module).plugins[0].problems
    assert problems == ("defines 'rppgbench_codecs' without @hookimpl, so it is not called",)


def test_a_spec_of_the_wrong_kind_is_refused():
    codec = CodecSpec(name="c", factory="a:B", summary="", encoder="c", label="c")
    problems = Registry.from_plugins(one=plugin(codec)).plugins[0].problems
    assert "expected a MethodSpec" in problems[0]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "No Good"}, "expected lower-case letters"),
        ({"factory": "nowhere"}, "not 'package.module:Callable'"),
        ({"params": dict}, "subclass of rppgbench.contracts.Params"),
    ],
)
def test_a_spec_that_cannot_work_says_so_at_once(changes, complaint):
    with pytest.raises(PluginError, match=complaint):
        method(**{"name": "gain", **changes})


def test_a_factory_that_is_not_there_is_named():
    registry = Registry.from_plugins(one=plugin(method("gone", factory="no_such_package:Gain", params=NoParams)))
    with pytest.raises(PluginError, match="'no_such_package:Gain' cannot be imported"):
        registry.create("method", "gone")


BROKEN_PLUGINS = {
    "exits": ("import sys\nsys.exit(3)\n", "", "SystemExit: 3"),
    "syntax_error": ("def broken(:\n", "", "SyntaxError at syntax_error.py:1"),
    "needs_missing": ("import not_installed_anywhere\n", "", "No module named 'not_installed_anywhere'"),
    "too_new": ("", "Requires-Dist: rppgbench>=99\n", "needs rppgbench>=99, this is"),
    "old_spec": (
        "from rppgbench.hookspecs import hookimpl\nfrom rppgbench.contracts import MethodSpec\n"
        "@hookimpl\ndef rppgbench_methods():\n    yield MethodSpec(name='x', entry='a:B', summary='')\n",
        "",
        "unexpected keyword argument 'entry'",
    ),
}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder like site-packages with one distribution per kind of fault."""
    for name, (source, requires, _) in BROKEN_PLUGINS.items():
        (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
        (info / "entry_points.txt").write_text(f"[rppgbench]\n{name} = {name}\n")
    return tmp_path


def test_broken_distributions_are_listed_with_what_is_wrong_and_the_others_work(installed, monkeypatch):
    monkeypatch.syspath_prepend(installed)
    registry = Registry.discover()
    problems = {plugin.name: " ".join(plugin.problems) for plugin in registry.plugins}
    for name, (_, _, complaint) in BROKEN_PLUGINS.items():
        assert complaint in problems[name]
    assert {"pos", "chrom", "green"} <= {spec.name for spec in registry.specs("method")}


def test_the_command_line_works_beside_a_broken_plugin(installed):
    done = subprocess.run(
        [sys.executable, "-m", "rppgbench", "list", "plugins"],
        env={"PYTHONPATH": str(installed), "PATH": "", "COLUMNS": "200"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "SyntaxError at syntax_error.py:1" in done.stdout
    assert "method pos" in done.stdout


def test_built_in_plugins_have_no_problems():
    installed = [plugin for plugin in Registry.discover().plugins if plugin.distribution == "rppgbench"]
    assert installed
    assert all(plugin.problems == () for plugin in installed)
