"""Entries that learn, from protocol to rows: trainings, artefacts, figures, failures."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from rppgbench.errors import ArtefactError, SignalError
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.pipeline.example_window import example_window, loss_curves
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.result_rows import result_rows
from rppgbench.pipeline.stage_progress import read_progress, write_progress
from rppgbench.pipeline.stages import train_stage
from rppgbench.store.store import Store

UNTRAINED = ("green", "rate", "same + green")
# 10 of 255 levels on one of three colours: 20 log10(255 / 10) + 10 log10(3) dB.
PSNR_IN_DB = 20 * math.log10(25.5) + 10 * math.log10(3)


def run(protocol, store, registry, only=()):
    plan = make_plan(protocol, store, only=only)
    outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry, "cpu"))
    scored = result_rows(plan, store, outcome.failures)
    return SimpleNamespace(plan=plan, outcome=outcome, rows=scored, store=store, registry=registry)


@pytest.fixture(scope="module")
def learned(registry, learning, tmp_path_factory):
    """One run of every kind of entry with two seeds."""
    return run(learning(subjects=2), Store.open(tmp_path_factory.mktemp("learned") / "store"), registry)


@pytest.fixture(scope="module")
def fits(learned):
    """The fits by gradients of fold 0 and seed 0 by their labels."""
    tasks = [task for task in learned.plan.tasks.values() if task.stage == "train"]
    selected = [task for task in tasks if (task.settings.fold, task.settings.seed) == (0, 0)]
    return {task.label.removeprefix("train ").partition(" fold ")[0]: task for task in selected}


def trial_of(learned, entry, condition="brighter-10", seed=0):
    return next(
        trial for trial in learned.plan.trials
        if trial.entry.id == entry and trial.condition.id == condition and trial.seed in (seed, None)
    )  # fmt: skip


def waves_of(learned, trial):
    with np.load(learned.store.path(trial.score.inputs["waves"]) / "waves.npz") as arrays:
        return arrays["waves"]


def test_every_window_is_scored_once_a_seed(learned):
    assert not learned.outcome.failures
    assert {row["status"] for row in learned.rows} == {"scored"}
    assert len(learned.rows) == 2 * 2 * (2 * 8 + 3), "recordings x conditions x (seeds x learners + others)"
    for entry in learned.plan.protocol.entries:
        for recording in learned.plan.recordings:
            trials = [r for r in learned.rows if (r["entry"], r["recording"]) == (entry.id, recording.id)]
            seeds = [row["seed"] for row in trials if row["condition"] == "brighter-10"]
            assert seeds == ([None] if entry.id in UNTRAINED else [0, 1])


@pytest.mark.parametrize(
    ("entry", "condition", "train", "methods", "enhancers"),
    [
        ("green", "brighter-10", None, None, None),
        ("rate", "brighter-10", None, None, None),
        ("pulse", "brighter-10", None, "reference", None),
        ("pulse [method from condition]", "brighter-10", None, "brighter-10", None),
        ("pulse [method from condition]", "reference", None, "reference", None),
        ("pulse [method from all]", "reference", None, "reference,brighter-10", None),
        ("same + green", "reference", None, None, None),
        ("same + pulse", "reference", None, "reference", None),
        ("mixer + green", "reference", "separate", None, "brighter-10"),
        ("mixer + pulse", "brighter-10", "separate", "reference", "brighter-10"),
        ("mixer + pulse [joint]", "brighter-10", "joint", "reference", "brighter-10"),
    ],
)
def test_rows_say_what_was_learnt_from_what(learned, entry, condition, train, methods, enhancers):
    selected = [row for row in learned.rows if (row["entry"], row["condition"]) == (entry, condition)]
    assert selected
    for row in selected:
        assert (row["train"], row["methods_learn_from"], row["enhancers_learn_from"]) == (train, methods, enhancers)
        assert (row["seed"] is None) == (train is None and methods is None)
        parts = {"method": {}, "enhancer": {}} if "+" in entry else {"method": {}}
        assert json.loads(row["params"]) == parts


def test_rows_say_how_near_an_enhancer_came_to_the_reference(learned):
    names = ("psnr_in_db", "psnr_out_db", "psnr_sd_in_db", "psnr_sd_out_db")
    for row in learned.rows:
        found = [row[name] for name in names]
        if row["condition"] == "reference":
            assert found == [None] * 4
            continue
        assert found[0] == pytest.approx(PSNR_IN_DB, abs=1e-3)
        assert found[2] == pytest.approx(0, abs=1e-3)
        if row["enhancer"] is None:
            assert found[1::2] == [None] * 2
            continue
        if row["enhancer"] == "same":
            assert found[1::2] == [found[0], found[2]]
        else:
            assert abs(found[1] - found[0]) > 0.01


@pytest.mark.parametrize("condition", ["reference", "brighter-10"])
@pytest.mark.parametrize("method", ["green", "pulse"])
def test_an_enhancer_that_does_nothing_changes_no_bit(learned, method, condition):
    plain, behind = (trial_of(learned, entry, condition) for entry in (method, f"same + {method}"))
    assert plain.recording == behind.recording
    assert plain.score.inputs["waves"] != behind.score.inputs["waves"]
    assert waves_of(learned, plain).shape == (1, 160)
    np.testing.assert_array_equal(waves_of(learned, plain), waves_of(learned, behind))


def test_another_seed_and_another_training_give_other_waves(learned):
    trials = [trial_of(learned, "pulse", seed=seed) for seed in (0, 1)]
    trials += [trial_of(learned, f"mixer + pulse{notes}") for notes in ("", " [joint]")]
    waves = [waves_of(learned, trial) for trial in trials]
    for number, one in enumerate(waves):
        assert all(not np.array_equal(one, other) for other in waves[:number])


def test_a_second_run_has_nothing_to_do(learned, learning):
    again = make_plan(learning(subjects=2), learned.store)
    assert again.wanted(learned.store) == []
    assert result_rows(again, learned.store, {}) == learned.rows


def test_a_fit_records_what_it_came_to(learned, fits):
    facts = {name: learned.store.facts(task.key) for name, task in fits.items()}
    # Batch normalisation of 3 colours, a convolution of 3 x 3 weights and its offset; 3 x 3 + 3, and 2 shades of 3.
    sizes = {"pulse from reference": 6 + 10, "mixer from brighter-10": 12 + 6}
    assert {name: facts[name]["n_parameters"] for name in sizes} == sizes
    train = [f"{subject}-rest" for subject in learned.plan.folds[0].train]
    for name, task in fits.items():
        state = learned.store.path(task.key) / "state.safetensors"
        assert facts[name]["weights_sha256"] == hashlib.sha256(state.read_bytes()).hexdigest()
        assert facts[name]["steps"] == (2 if "jointly" in name else 3)
        assert facts[name]["device"] == "cpu"
        assert facts[name]["left_out"] == {}
        assert facts[name]["delays_s"] == dict.fromkeys(train), "the faces here brighten at systole: no peak"
    assert len({fact["weights_sha256"] for fact in facts.values()}) == len(fits)


def test_a_curve_has_a_row_a_step_and_adds_up(learned, fits):
    with (learned.store.path(fits["pulse from reference"].key) / "curve.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == ["step", "wave", "size", "total"]
    steps, wave, size, total = np.array(lines, dtype=float).T
    assert steps.tolist() == [1, 2, 3]
    np.testing.assert_allclose(total, wave + 0.1 * size, rtol=1e-5)
    np.testing.assert_allclose(learned.store.facts(fits["pulse from reference"].key)["last_total"], total.mean())


def test_nothing_is_left_in_scratch(learned, fits):
    assert not any(learned.store.scratch_path(task.key).exists() for task in fits.values())
    assert not [path for path in (learned.store.root / "partial").rglob("*") if path.is_file()]
    assert all(read_progress(task.key, learned.store) is None for task in fits.values())


def test_loss_curves_of_all_fits_come_in_the_plans_order(learned):
    curves = loss_curves(learned.plan, learned.store)
    fits = [task for task in learned.plan.tasks.values() if task.stage == "train"]
    assert [(c.fold, c.seed, c.part) for c in curves] == [
        (task.settings.fold, task.settings.seed, task.settings.role) for task in fits
    ]
    joint = next(curve for curve in curves if curve.part == "joint")
    assert joint.entry == "mixer + pulse jointly from brighter-10"
    assert joint.steps.tolist() == [1, 2]
    assert {name: values.shape for name, values in joint.losses.items()} == dict.fromkeys(
        ["reference_wave.wave", "reference_wave.size", "perceptual", "reconstruction", "total"], (2,)
    )


def test_an_example_window_has_the_stated_shapes_and_the_scored_wave(learned):
    trial = trial_of(learned, "mixer + pulse [joint]")
    found = example_window(learned.plan, learned.store, learned.registry, trial, device="cpu")
    assert found.video.shape == found.reference.shape == found.enhanced.shape == (160, 16, 16, 3)
    assert (found.video.dtype, found.reference.dtype, found.enhanced.dtype) == (np.uint8, np.uint8, np.float32)
    np.testing.assert_array_equal(found.video[..., 0], found.reference[..., 0] + 10)
    np.testing.assert_array_equal(found.wave, waves_of(learned, trial)[0])
    np.testing.assert_array_equal(found.wave_without, waves_of(learned, trial_of(learned, "pulse"))[0])
    assert found.truth_wave.shape == (160,)
    np.testing.assert_allclose(found.maps["grey"], found.enhanced.mean(3), atol=1e-6)
    assert found.label == f"{trial.recording.id}, brighter-10, mixer + pulse [joint]"


def test_an_example_window_of_a_trace_method_compares_with_its_traces(learned):
    trial = trial_of(learned, "mixer + green")
    found = example_window(learned.plan, learned.store, learned.registry, trial, device="cpu")
    np.testing.assert_allclose(found.wave_without, waves_of(learned, trial_of(learned, "green"))[0], rtol=1e-6)
    assert not found.maps


def test_an_example_window_without_an_enhancer_shows_the_method_alone(learned):
    trial = trial_of(learned, "pulse", "reference")
    found = example_window(learned.plan, learned.store, learned.registry, trial, device="cpu")
    assert found.enhanced is found.wave_without is None
    np.testing.assert_array_equal(found.reference, found.video)
    np.testing.assert_allclose(found.maps["grey"], found.video.mean(3) / 255, atol=1e-6)


def test_an_example_window_needs_clips_and_waves(learned, tmp_path):
    with pytest.raises(SignalError, match="green sees mean colours, not clips"):
        example_window(learned.plan, learned.store, learned.registry, trial_of(learned, "green"))
    with pytest.raises(ArtefactError, match="not in the store"):
        example_window(learned.plan, Store.open(tmp_path / "empty"), learned.registry, trial_of(learned, "pulse"))


ONE = ("subject=s0", "condition=reference")


def test_a_loss_that_is_no_number_costs_its_own_entry_and_says_why(learning, store, registry):
    result = run(learning("green", "drift", seeds="[0]", subjects=2), store, registry, only=ONE)
    (failed,) = result.outcome.failed
    assert failed.task.stage == "train"
    assert "learning_rate" in str(failed.hint)
    assert {failure.task.stage for failure in result.outcome.blocked} == {"predict", "score"}
    assert {row["entry"]: row["status"] for row in result.rows} == {"green": "scored", "drift": "failed"}
    (reason,) = {row["reason"] for row in result.rows if row["entry"] == "drift"}
    assert reason.startswith(f"{failed.task.label}: the loss is no longer a number at step 2: wave inf")


def test_a_fit_that_was_cut_off_goes_on_in_the_next_run(learning, learned, fits, store, registry, monkeypatch):
    """The final weights are those of the uninterrupted one."""
    import tiny_networks

    steps, reports, step = [], [], tiny_networks.Pulse.training_step
    fold = next(trial.fold.index for trial in learned.plan.trials if trial.recording.subject == "s0")

    def cut_off(learner, batch, context):
        steps.append(context.step)
        if steps == [0, 1, 2]:
            raise OSError("the power went out")
        return step(learner, batch, context)

    def heard(key, store, progress):
        write_progress(key, store, progress)
        reports.append(read_progress(key, store))

    monkeypatch.setattr(tiny_networks.Pulse, "training_step", cut_off)
    monkeypatch.setattr(train_stage, "write_progress", heard)
    monkeypatch.setattr("rppgbench.learning.loop.CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr("rppgbench.learning.loop.CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr("rppgbench.learning.loop.PROGRESS_EVERY_S", 0.0)
    first = run(learning("pulse", seeds="[0]", subjects=2), store, registry, only=ONE)
    assert [failure.message for failure in first.outcome.failed] == ["OSError: the power went out"]
    second = run(learning("pulse", seeds="[0]", subjects=2), store, registry, only=ONE)
    assert not second.outcome.failures
    assert steps == [0, 1, 2, 2]
    assert [(progress.step, progress.steps) for progress in reports] == [(1, 3), (2, 3), (3, 3)]
    (task,) = [task for task in second.plan.tasks.values() if task.stage == "train"]
    assert task.settings.fold == fold
    assert store.facts(task.key)["weights_sha256"] == learned.store.facts(task.key)["weights_sha256"]
