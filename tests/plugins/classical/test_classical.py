"""Properties of every trace method of the plugin."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest

import rppgbench_classical
from rppgbench.errors import SignalError
from rppgbench.signal.heart_rate import estimate_each
from rppgbench_classical.chrom import Chrom
from rppgbench_classical.control_methods import MeanHeartRate, WhiteNoise
from rppgbench_classical.green import Green
from rppgbench_classical.pos import Pos

PUBLISHED = [Green, Chrom, Pos]
SPECS = {spec.name: spec for spec in rppgbench_classical.rppgbench_methods()}


def mean_heart_rate() -> MeanHeartRate:
    method = MeanHeartRate()
    method.load({"hr_bpm": np.array([70.0])})
    return method


EVERY = [*PUBLISHED, WhiteNoise, mean_heart_rate]


def test_what_is_registered():
    assert list(SPECS) == ["green", "chrom", "pos", "white_noise", "mean_hr", "pos_background"]
    assert {name for name, spec in SPECS.items() if spec.control} == {"white_noise", "mean_hr", "pos_background"}
    assert {name for name, spec in SPECS.items() if spec.learns} == {"mean_hr"}
    assert {name for name, spec in SPECS.items() if spec.region == "background"} == {"pos_background"}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_factories_are_where_the_specs_say(spec):
    module, name = spec.factory.split(":")
    method = getattr(importlib.import_module(module), name)()
    assert callable(method.predict)
    assert hasattr(method, "fit") == spec.learns


def test_neither_torch_nor_scipy_nor_pandas_is_imported_to_predict():
    code = (
        "import sys, numpy as np\n"
        "from rppgbench_classical.pos import Pos; from rppgbench_classical.chrom import Chrom\n"
        "from rppgbench.signal.heart_rate import estimate_each\n"
        "traces = 100 + np.random.RandomState(0).randn(2, 300, 3)\n"
        "for method in (Pos(), Chrom()): estimate_each(method.predict(traces, 30.0), 30.0)\n"
        "print(sorted({'torch', 'scipy', 'pandas', 'dask'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_registering_imports_no_numerics():
    code = "import sys, rppgbench_classical; print(sorted({'numpy', 'array_api_compat', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("method_class", [Chrom, Pos])
@pytest.mark.parametrize("fps_hz", [15.0, 29.97, 30.0, 60.0])
def test_systole_is_up_and_the_rate_is_right_under_wandering_light(simulate, method_class, fps_hz):
    traces, blood = simulate(8, round(20 * fps_hz), fps_hz, noise=0.02)
    waves = method_class().predict(traces, fps_hz)
    middle = slice(round(2 * fps_hz), -round(2 * fps_hz))
    assert min(np.corrcoef(w[middle], b[middle])[0, 1] for w, b in zip(waves, blood, strict=True)) > 0.9
    found, true = estimate_each(waves, fps_hz), estimate_each(blood, fps_hz)
    np.testing.assert_allclose([f.beats_bpm for f in found], [t.beats_bpm for t in true], atol=1)


def test_green_is_up_at_systole_under_steady_light():
    blood = np.cos(np.arange(300) / 4)
    traces = np.array([150, 110, 90.0]) * (1 - 0.003 * blood[:, None] * np.array([0.33, 0.77, 0.53]))
    assert np.corrcoef(Green().predict(traces[None], 30.0)[0], blood)[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("method_class", [Chrom, Pos])
@pytest.mark.parametrize("change", ["noise", "step", "drift"])
def test_a_change_of_intensity_alone_gives_a_flat_wave(simulate, method_class, change):
    random = np.random.RandomState(0)
    intensity = {
        "noise": 1 + 0.05 * random.randn(900),
        "step": np.where(np.arange(900) < 450, 1.0, 1.4),
        "drift": np.linspace(0.7, 1.3, 900),
    }[change]
    flat = method_class().predict((intensity[:, None] * np.array([150, 110, 90.0]))[None], 30.0)
    pulsing = method_class().predict(simulate(1, 900)[0], 30.0)
    assert np.abs(flat).max() < 1e-9 * np.abs(pulsing).max()


@pytest.mark.parametrize("factory", EVERY)
def test_a_row_depends_on_its_trace_alone_to_the_last_bit(simulate, factory):
    traces, _ = simulate(45, 400)
    traces[7, 3, 1] = np.nan
    together = factory().predict(traces, 30.0)
    assert together.shape == (45, 400)
    for row in (0, 6, 7, 8, 40, 44):
        np.testing.assert_array_equal(factory().predict(traces[row : row + 1], 30.0)[0], together[row])


@pytest.mark.parametrize("factory", EVERY)
def test_torch_and_numpy_agree(simulate, factory):
    torch = pytest.importorskip("torch")
    traces, _ = simulate(40, 500)
    expected = factory().predict(traces, 30.0)
    found = factory().predict(torch.from_numpy(traces), 30.0)
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("factory", EVERY)
def test_the_floating_type_is_kept_and_integers_become_float64(simulate, factory):
    torch = pytest.importorskip("torch")
    traces, _ = simulate(3, 200)
    assert factory().predict(traces.astype(np.float32), 30.0).dtype == np.float32
    assert factory().predict(torch.from_numpy(traces).float(), 30.0).dtype == torch.float32
    assert factory().predict(traces.astype(np.uint8), 30.0).dtype == np.float64


@pytest.mark.parametrize("method_class", PUBLISHED)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_trace_that_is_not_finite_is_nan_and_spoils_no_other(simulate, method_class, bad):
    traces, _ = simulate(3, 300)
    expected = method_class().predict(traces, 30.0)
    traces[1, 50, 0] = bad
    waves = method_class().predict(traces, 30.0)
    assert np.isnan(waves[1]).all()
    np.testing.assert_array_equal(waves[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize("method_class", PUBLISHED)
def test_a_black_trace_is_nan(simulate, method_class):
    traces, _ = simulate(2, 300)
    traces[0] = 0
    waves = method_class().predict(traces, 30.0)
    assert np.isnan(waves[0]).all()
    assert np.isfinite(waves[1]).all()


@pytest.mark.parametrize("method_class", [Chrom, Pos])
def test_fewer_frames_than_a_window_are_refused(simulate, method_class):
    assert method_class().predict(simulate(1, 48)[0], 30.0).shape == (1, 48)
    with pytest.raises(SignalError, match="a trace of 47 frames, expected at least 48"):
        method_class().predict(simulate(1, 47)[0], 30.0)


@pytest.mark.parametrize("shape", [(300, 3), (2, 300, 4), (2, 3, 300)])
@pytest.mark.parametrize("method_class", PUBLISHED)
def test_other_shapes_are_refused(method_class, shape):
    with pytest.raises(SignalError, match=r"expected \(B, T, 3\)"):
        method_class().predict(np.ones(shape), 30.0)


@pytest.mark.parametrize("method_class", PUBLISHED)
def test_no_clips_no_waves(method_class):
    assert method_class().predict(np.ones((0, 300, 3)), 30.0).shape == (0, 300)
