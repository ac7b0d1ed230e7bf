"""Every built-in component keeps the contract, and one that breaks it is refused."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from rppgbench.contracts import EnhancerSpec, MethodSpec
from rppgbench.errors import PluginError
from rppgbench.registry import SPEC_TYPES, load_registry
from rppgbench.testing import check

SPECS = [spec for kind in SPEC_TYPES for spec in load_registry().specs(kind)]
PARAMS = {
    "synthetic": {"subjects": 2, "duration_s": 1.0, "size": (160, 120)},
    **{codec: {"bitrate_kbps": 200} for codec in ("mpeg4", "x264", "x265")},
}


def test_there_is_something_to_check():
    assert {spec.kind for spec in SPECS} >= {"method", "enhancer", "codec", "dataset"}


def smallest(spec):
    """Params for the check: small networks, since the default sizes take minutes on a CPU."""
    return {**getattr(spec, "rehearsal", {}), **PARAMS.get(spec.name, {})}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}-{spec.name}")
def test_a_built_in_component_keeps_the_contract(spec, tmp_path):
    if getattr(spec, "learns", False):
        pytest.importorskip("torch")
    check(spec, tmp_path, smallest(spec))


class Transposed:
    def predict(self, traces, fps_hz):
        return traces[..., 1].T


class OfTheBatch:
    def predict(self, traces, fps_hz):
        return traces[..., 1] - traces[..., 1].mean()


class Remembering:
    calls = 0

    def predict(self, traces, fps_hz):
        self.calls += 1
        return traces[..., 1] + self.calls


class Meddling:
    def predict(self, traces, fps_hz):
        traces -= traces.mean(1, keepdims=True)
        return traces[..., 1]


class Rounding:
    def enhance(self, video):
        return np.asarray(video)


class OfBytesAlone:
    def predict(self, video, fps_hz):
        return np.asarray(video, np.uint8)[..., 1].mean((2, 3))


class AlwaysDividing:
    def enhance(self, video):
        return np.asarray(video / 255, np.float32)


@pytest.fixture
def broken(monkeypatch):
    module = ModuleType("broken_components")
    for thing in (Transposed, OfTheBatch, Remembering, Meddling, Rounding, OfBytesAlone, AlwaysDividing):
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "broken_components", module)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Transposed", "waves of shape"),
        ("OfTheBatch", "alone gives another wave"),
        ("Remembering", "depends on earlier calls"),
        ("Meddling", "changes the clips"),
    ],
)
def test_a_method_that_breaks_the_contract_is_caught(broken, name, complaint, tmp_path):
    spec = MethodSpec(name="broken", factory=f"broken_components:{name}", input="trace", summary="")
    with pytest.raises(PluginError, match=complaint):
        check(spec, tmp_path)


def test_an_enhancer_that_rounds_is_caught(broken, tmp_path):
    with pytest.raises(PluginError, match="expected float32: rounding deletes the pulse"):
        check(EnhancerSpec(name="broken", factory="broken_components:Rounding", summary=""), tmp_path)


def test_components_that_accept_uint8_alone_are_caught(broken, tmp_path):
    method = MethodSpec(name="broken", factory="broken_components:OfBytesAlone", input="video", summary="")
    enhancer = EnhancerSpec(name="broken", factory="broken_components:AlwaysDividing", summary="")
    for spec in (method, enhancer):
        with pytest.raises(PluginError, match=r"the same clips as float32 in \[0, 1\]"):
            check(spec, tmp_path)
