"""The code in a key: the imports of a stage, and files and requirements of a component's package."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from rppgbench.contracts import MethodSpec
from rppgbench.pipeline import provenance
from rppgbench.pipeline.code_imports import NEUTRAL_MODULES, imports_of, imports_of_package, source_of
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stages import stages
from rppgbench.registry import load_registry
from rppgbench.store.store import Store

ROOT = Path(provenance.__file__).parents[1]
CORE_MODULES = sorted(
    ".".join(("rppgbench", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
)


@pytest.fixture
def edited(monkeypatch):
    """A function that has a module of the core read with one constant more; nothing is written."""
    read = provenance._content

    def edit(module: str | None) -> None:
        path = None if module is None else source_of(module)
        monkeypatch.setattr(
            provenance, "_content", lambda one: read(one) + (b"\nONE_CONSTANT_MORE = 1\n" if one == path else b"")
        )
        provenance.digest_of_modules.cache_clear()
        provenance._code_versions.cache_clear()

    yield edit
    monkeypatch.undo()
    for cached in (provenance.digest_of_modules, provenance._code_versions, provenance.digest_of_package):
        cached.cache_clear()


@pytest.mark.parametrize("stage", stages())
def test_a_constant_in_a_module_behind_a_stage_changes_its_keys_and_in_another_module_does_not(stage, edited):
    module = stages()[stage].module
    behind = imports_of(module).core
    before = code_versions(module)
    assert module in behind and "rppgbench.pipeline.stage" in behind
    for name in CORE_MODULES:
        edited(name)
        assert (code_versions(module) != before) is (name in behind), name


@pytest.mark.parametrize(
    ("stage", "inside", "outside"),
    [
        ("encode", {"rppgbench.contracts"}, {"rppgbench.signal.beats", "rppgbench.evaluation.score"}),
        ("traces", {"rppgbench.media.traces", "rppgbench.media.decode"}, {"rppgbench.signal.beats"}),
        ("label", {"rppgbench.evaluation.labels", "rppgbench.signal.beats"}, {"rppgbench.evaluation.score"}),
        ("align", {"rppgbench.evaluation.labels", "rppgbench.signal.delay"}, {"rppgbench.evaluation.score"}),
        ("fit", {"rppgbench.evaluation.labels"}, {"rppgbench.learning.loop"}),
        ("train", {"rppgbench.learning.loop", "rppgbench.learning.target"}, {"rppgbench.evaluation.score"}),
        ("predict", {"rppgbench.quality.clip", "rppgbench.quality.hvs"}, {"rppgbench.quality.pulse"}),
        ("score", {"rppgbench.quality.pulse", "rppgbench.evaluation.score"}, {"rppgbench.learning.loop"}),
    ],
)
def test_the_code_behind_a_stage_is_what_its_bytes_depend_on(stage, inside, outside):
    behind = imports_of(stages()[stage].module).core
    assert inside <= behind
    assert not outside & behind
    assert not [name for name in behind if name.startswith(("rppgbench.protocol", "rppgbench.cli"))]


def test_a_change_of_labels_reaches_every_control_and_every_trained_network(learning, tmp_path, edited):
    """A trained network and the constant predictor were once stale after such a change: no key of theirs had it in."""
    before, after = {}, {}
    for keys, module in ((before, None), (after, "rppgbench.evaluation.labels")):
        edited(module)
        plan = make_plan(learning(subjects=2), Store.open(tmp_path / "store"))
        for task in plan.tasks.values():
            keys[task.label] = task.key
        labels = {task.label: task for task in plan.tasks.values()}
    changed = {labels[label].stage for label in before if before[label] != after[label]}
    same = {labels[label].stage for label in before if before[label] == after[label]}
    assert changed == {"label", "align", "fit", "train", "predict", "score", "quality"}
    assert {"render", "truth", "boxes", "encode", "traces", "crop", "skin"} <= same
    assert "fit" not in same and "train" not in same and "score" not in same


RUN_ONE = """
import json, pickle, sys
from rppgbench.registry import load_registry
task, store = pickle.load(open(sys.argv[1], "rb"))
from rppgbench.pipeline.run_stage import run_stage
from rppgbench.pipeline.stages import stages
registry, _ = load_registry(), stages()
before = set(sys.modules)
store.discard(task.key)
run_stage(task, store, registry, "cpu")
print(json.dumps(sorted(name for name in set(sys.modules) - before if name.startswith("rppgbench."))))
"""
PROTOCOL = """\
rppgbench: 1
name: tiny
version: 1
title: One task of every stage
dataset: {use: synthetic, subjects: 2, recordings: [rest], duration_s: 8.0, fps_hz: 15.0, size: [160, 120]}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions:
  grid:
    - {use: mpeg4, sweep: {bitrate_kbps: [200]}}
clips: {length_s: 8.0, fps_hz: 15.0, size: [32, 32]}
training: {methods_learn_from: reference, enhancers_learn_from: [mpeg4], seeds: [0]}
evaluation:
  heart_rate: {use: spectrum, band_hz: [0.7, 4.0]}
  metrics: [hr_mae_bpm]
  primary: hr_mae_bpm
  interval: {bootstrap: 100}
entries:
  - {method: mean_hr}
  - {enhancer: {use: dncnn, size: small, recipe: {iterations: 1, frames: 32}},
     method: {use: rppgnet, size: small, recipe: {iterations: 1, frames: 32}}}
"""


def test_no_stage_imports_anything_of_the_core_that_its_keys_do_not_hold(tmp_path):
    """Against the truth: each stage does a task in a process of its own, and its imports are listed there."""
    import pickle

    from rppgbench.execution.driver import execute
    from rppgbench.execution.executor import InProcessExecutor
    from rppgbench.protocol.resolve import load_protocol

    (tmp_path / "tiny.yaml").write_text(PROTOCOL)
    registry, store = load_registry(), Store.open(tmp_path / "store")
    plan = make_plan(load_protocol(tmp_path / "tiny.yaml", registry), store)
    outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry, "cpu"))
    assert not outcome.failures, [failure.message for failure in outcome.failures.values()]
    one_of = {task.stage: task for task in plan.tasks.values()}
    assert set(one_of) == set(stages()) - {"clock"}
    for stage, task in one_of.items():
        (tmp_path / "task.pickle").write_bytes(pickle.dumps((task, store)))
        done = subprocess.run(
            [sys.executable, "-c", RUN_ONE, str(tmp_path / "task.pickle")], capture_output=True, text=True, check=True
        )
        specs = [registry.spec(kind, name) for kind, name in task.code.component_names]
        held = imports_of(stages()[stage].module).core.union(
            *(imports_of_package(provenance.package_of(spec)).core for spec in specs)
        )
        neutral = tuple(NEUTRAL_MODULES)
        missing = [name for name in json.loads(done.stdout) if name not in held and not name.startswith(neutral)]
        assert not missing, stage


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A plugin's package on the path, with a weights file and an import of a library."""
    folder = tmp_path / "weighty_plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text("import scipy.signal\nfrom rppgbench.signal.beats import beat_times\n")
    (folder / "weights.bin").write_bytes(b"1")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def versions(spec: MethodSpec):
    for cached in (
        provenance._content,
        source_of,
        provenance.digest_of_package,
        imports_of_package,
        provenance._code_versions,
    ):
        cached.cache_clear()
    return code_versions(stages()["predict"].module, [spec])


def test_the_data_files_the_core_imports_and_the_libraries_of_a_plugin_are_in_its_keys(package, monkeypatch):
    spec = MethodSpec(name="weighty", factory="weighty_plugin:X", input="trace", summary="")
    first = versions(spec)
    assert first.libraries["scipy"] == version("scipy")
    assert "torch" not in first.libraries
    (package / "weights.bin").write_bytes(b"2")
    second = versions(spec)
    assert first.components != second.components
    assert first.core == second.core != code_versions(stages()["predict"].module).core
    (package / "more.py").write_text("import torch\n")
    assert versions(spec).libraries["torch"] == version("torch")


def test_a_plugins_package_that_another_plugin_imports_is_in_its_keys(package):
    (package / "more.py").write_text("from rppgbench_ffmpeg.stream import encoded\n")
    found = versions(MethodSpec(name="weighty", factory="weighty_plugin:X", input="trace", summary="")).libraries
    assert found["rppgbench_ffmpeg"] == provenance.digest_of_package("rppgbench_ffmpeg")
    assert "av" in found


def test_line_ends_of_another_system_are_no_change(package):
    spec = MethodSpec(name="weighty", factory="weighty_plugin:X", input="trace", summary="")
    (package / "more.py").write_bytes(b"a = 1\n")
    before = versions(spec)
    (package / "more.py").write_bytes(b"a = 1\r\n")
    assert versions(spec) == before
    (package / "more.py").write_bytes(b"a = 2\n")
    assert versions(spec) != before


def test_the_requirements_of_a_plugins_distribution_are_in_its_keys(package, monkeypatch):
    """A method that wraps a library by other ways than an import still requires it."""
    info = package.parent / "weighty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: weighty\nVersion: 1.0\nRequires-Dist: rppgbench\nRequires-Dist: click>=8\n"
        "Requires-Dist: no-such-thing\nRequires-Dist: pytest; extra == 'test'\n"
    )
    (info / "entry_points.txt").write_text("[rppgbench]\nweighty = weighty_plugin\n")
    provenance._requirements.cache_clear()
    found = versions(MethodSpec(name="weighty", factory="weighty_plugin:X", input="trace", summary="")).libraries
    provenance._requirements.cache_clear()
    assert (found["click"], found["no-such-thing"]) == (version("click"), "absent")
    assert not {"pytest", "rppgbench"} & found.keys()


def test_results_of_a_cpu_and_of_a_gpu_share_no_key(learning, store):
    by_kind = {kind: make_plan(learning("pulse", "green"), store, device=kind) for kind in ("cpu", "cuda")}
    networks = {kind: {t.key for t in plan.tasks.values() if t.device} for kind, plan in by_kind.items()}
    others = {kind: {t.key for t in plan.tasks.values() if t.stage == "traces"} for kind, plan in by_kind.items()}
    assert networks["cpu"] and not networks["cpu"] & networks["cuda"]
    assert others["cpu"] == others["cuda"]
    train = next(task for task in by_kind["cpu"].tasks.values() if task.stage == "train")
    for change in ({"precision": "bfloat16"}, {"deterministic": False}):
        compute = train.settings.compute.model_copy(update=change)
        assert replace(train, settings=train.settings.model_copy(update={"compute": compute})).key != train.key
