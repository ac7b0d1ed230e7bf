"""Runs of plans: training subjects, tasks computed again, failures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from rppgbench.errors import ProtocolError
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.pipeline.planner import make_plan, parse_only
from rppgbench.pipeline.result_rows import encoding_rows, joined_rows, result_rows


@pytest.fixture
def run(registry, store):
    """A function from a protocol to its plan, outcome and rows."""

    def ran(protocol, only=()):
        plan = make_plan(protocol, store, only=only)
        outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry))
        return plan, outcome, result_rows(plan, store, outcome.failures)

    return ran


def stages(tasks) -> dict[str, int]:
    found: dict[str, int] = {}
    for task in tasks:
        found[task.stage] = found.get(task.stage, 0) + 1
    return found


def test_every_cell_is_scored_and_right(run, protocol):
    _, outcome, scored = run(protocol())
    assert not outcome.failures
    assert len(scored) == 4 * 2 * 2
    assert {row["status"] for row in scored} == {"scored"}
    truth = {f"s{n}": 60.0 + 6 * n for n in range(4)}
    for row in scored:
        assert row["hr_true_bpm"] == pytest.approx(truth[row["subject"]], abs=0.1)
        if row["entry"] == "green":
            assert row["hr_pred_bpm"] == pytest.approx(truth[row["subject"]], abs=0.2)


def test_a_learner_never_sees_its_test_subjects(run, protocol, store):
    plan, _, scored = run(protocol())
    truth = {f"s{n}": 60.0 + 6 * n for n in range(4)}
    for fold in plan.folds:
        (fit,) = [t for t in plan.tasks.values() if t.stage == "fit" and t.label.endswith(f"fold {fold.index}")]
        assert set(fit.inputs) == {f"{subject}-rest" for subject in fold.train}
        learnt = load_file(store.path(fit.key) / "state.safetensors")["hr_bpm"]
        np.testing.assert_allclose(sorted(learnt), sorted(truth[subject] for subject in fold.train), atol=0.1)
    for row in scored:
        if row["entry"] == "rate":
            mean = np.mean([truth[subject] for subject in plan.folds[row["fold"]].train])
            assert row["hr_pred_bpm"] == pytest.approx(mean, abs=0.2)


JOINED = (
    ("length_s: 8.0", "length_s: 4.0"),
    ("[0.7, 4.0]", "[1.0, 4.0]"),
    ("primary: hr_mae_bpm", "primary: hr_mae_bpm\n  joined_windows_s: [8]"),
    ("{method: rate}", "{method: crash}"),
)


def test_consecutive_windows_are_joined_and_none_vanishes(run, protocol, store):
    plan, outcome, scored = run(protocol(*JOINED))
    joined = joined_rows(plan, store, outcome.failures)
    assert (len(scored), len(joined)) == (2 * 4 * 2 * 2, 4 * 2 * 2)
    truth = {f"s{n}": 60.0 + 6 * n for n in range(4)}
    for row in joined:
        assert (row["window"], row["start_s"], row["end_s"]) == (0, 0.0, 8.0)
        if row["entry"] == "crash":
            assert row["status"] == "failed"
            assert "a bug of the plugin's" in row["reason"]
        else:
            assert row["status"] == "scored"
            assert row["hr_pred_beats_bpm"] == pytest.approx(truth[row["subject"]], abs=0.5)
            assert row["beats_matched_100ms"] == row["beats_true"] > 5


def test_a_wave_is_held_against_another_subjects_sensor_too(run, protocol):
    plan, _, scored = run(protocol())
    greens = [row for row in scored if row["entry"] == "green"]
    assert min(row["macc"] for row in greens) > 0.95
    assert max(row["macc_null"] for row in greens) < 0.9
    for trial in plan.trials:
        surrogate = plan.tasks[trial.score.inputs["surrogate"]]
        assert surrogate.stage == "truth"
        assert surrogate.recording.id != trial.recording.id


def test_one_rendering_and_one_decoding_serve_all_entries(run, protocol):
    plan, _, _ = run(protocol())
    assert stages(plan.tasks.values()) == {
        "render": 4, "truth": 4, "boxes": 4, "encode": 4, "traces": 8, "align": 4, "label": 4, "quality": 4, "fit": 2,
        "predict": 16, "score": 16,
    }  # fmt: skip


def test_a_second_run_has_nothing_to_do(run, protocol, store):
    _, _, first = run(protocol())
    plan = make_plan(protocol(), store)
    assert plan.wanted(store) == []
    assert result_rows(plan, store, {}) == first


def test_a_new_entry_computes_itself_alone(run, protocol, store):
    run(protocol(("  - {method: green}\n", "")))
    plan = make_plan(protocol(), store)
    assert stages(plan.wanted(store)) == {"predict": 8, "score": 8}


def test_another_scoring_decodes_nothing(run, protocol, store):
    run(protocol())
    plan = make_plan(protocol(("use: spectrum", "use: beats")), store)
    again = {"label", "quality", "score", "fit", "predict"}
    assert set(stages(plan.wanted(store))) == again, "a fit learns from heart rates"


def test_what_is_gone_but_not_needed_stays_gone(run, protocol, store):
    import shutil

    plan, _, _ = run(protocol())
    for task in plan.tasks.values():
        if task.stage == "render":
            shutil.rmtree(store.path(task.key))
    assert make_plan(protocol(), store).wanted(store) == []


def test_narrowing_leaves_the_folds_as_they_are(run, protocol):
    whole, _, _ = run(protocol())
    plan, _, scored = run(protocol(), only=["subject=s2", "method=rate", "condition=copy-100k"])
    assert [(row["subject"], row["entry"], row["condition"]) for row in scored] == [("s2", "rate", "copy-100k")]
    assert plan.folds == whole.folds
    assert not plan.complete


def test_a_recording_that_fails_costs_its_own_rows_and_they_say_why(run, protocol):
    _, outcome, scored = run(
        protocol(("use: mini", "use: mini, unreadable: s1-rest"), ("- {method: rate}", "- {method: filmed}"))
    )
    assert [failure.task.label for failure in outcome.failed] == ["render s1-rest"]
    assert {row["status"] for row in scored} == {"scored", "excluded"}, "no entry could have done better"
    excluded = [row for row in scored if row["status"] == "excluded"]
    assert {row["subject"] for row in excluded} == {"s1"}
    assert {row["reason"] for row in excluded} == {"render s1-rest: s1-rest cannot be rendered"}
    assert len(scored) == 16, "expected = scored + excluded"


def test_a_plugins_bug_costs_its_own_entry(run, protocol):
    _, outcome, scored = run(protocol(("- {method: rate}", "- {method: crash}")))
    assert {row["entry"] for row in scored if row["status"] == "failed"} == {"crash"}
    assert all("ZeroDivisionError: a bug of the plugin's" in failure.message for failure in outcome.failed)


def test_a_failed_task_is_tried_again_by_the_next_run(run, protocol, store):
    run(protocol(("- {method: rate}", "- {method: crash}")))
    plan = make_plan(protocol(("- {method: rate}", "- {method: crash}")), store)
    assert stages(plan.wanted(store)) == {"predict": 8, "score": 8}


def test_a_video_method_gets_crops(run, protocol):
    _, outcome, scored = run(protocol(("- {method: rate}", "- {method: filmed}")))
    assert not outcome.failures
    by_entry = {(row["subject"], row["condition"], row["entry"]): row["hr_pred_bpm"] for row in scored}
    for (subject, condition, entry), hr_bpm in by_entry.items():
        if entry == "filmed":
            assert hr_bpm == pytest.approx(by_entry[subject, condition, "green"], abs=0.1)


def test_achieved_rates_are_collected_per_recording(run, protocol, store):
    plan, _, scored = run(protocol())
    collected = encoding_rows(plan, store)
    assert len(collected) == 4
    assert {round(row["bitrate_bps"]) for row in collected} == {110_000}
    by_condition = {row["condition"]: row["achieved_bitrate_bps"] for row in scored}
    assert by_condition == {"reference": None, "copy-100k": pytest.approx(110_000)}
    assert all(len(row["sha256"]) == 64 for row in collected)


def test_windows_longer_than_every_recording_are_refused(protocol, store):
    with pytest.raises(ProtocolError, match=r"clips.length_s is 9 s, the longest recording 8 s"):
        make_plan(protocol(("length_s: 8.0", "length_s: 9.0")), store)


def test_a_frame_missing_at_the_end_costs_no_window(run, protocol, monkeypatch):
    import mini

    monkeypatch.setattr(mini.MiniDataset, "length_s", 7.96)
    _, outcome, scored = run(protocol(("- {method: rate}", "- {method: filmed}")))
    assert not outcome.failures
    assert {row["status"] for row in scored} == {"scored"}
    assert len(scored) == 16


def test_an_encoded_reference_is_possible(run, protocol):
    _, outcome, scored = run(protocol(("reference: {use: original}", "reference: {use: copy, bitrate_kbps: 500}")))
    assert not outcome.failures
    assert {row["status"] for row in scored} == {"scored"}


def test_another_truth_file_is_another_truth(run, protocol, store, monkeypatch, tmp_path):
    import mini

    path = tmp_path / "truth.csv"
    path.write_text("1")
    monkeypatch.setattr(mini.MiniDataset, "truth_files", (path,))
    run(protocol())
    assert make_plan(protocol(), store).wanted(store) == []
    path.write_text("2")
    again = {"truth", "align", "label", "quality", "fit", "predict", "score"}
    assert set(stages(make_plan(protocol(), store).wanted(store))) == again


def test_manifests_name_all_that_made_an_artefact(run, protocol, store):
    plan, _, _ = run(protocol())
    encode = next(task for task in plan.tasks.values() if task.stage == "encode")
    preimage = json.loads((store.path(encode.key) / "manifest.json").read_text())["preimage"]
    assert preimage["build"] == "copy 1"
    assert preimage["codec"]["params"] == {"bitrate_kbps": 100.0, "broken": False}
    assert set(preimage["code"]["libraries"]) >= {"numpy", "av", "opencv-python-headless"}
    assert preimage["code"]["components"].keys() == {"codec copy"}
    assert preimage["inputs"]["video"] in plan.tasks


@pytest.mark.parametrize("item", ["pos", "=pos", "method="])
def test_a_narrowing_that_is_no_pair_is_refused(item):
    with pytest.raises(ProtocolError):
        parse_only([item])


def test_a_bug_in_a_stage_excludes_no_window(run, protocol, store, monkeypatch):
    """What no code foresaw is a failure, which every board counts; it is not the recording's fault."""

    def broken(*arguments, **options):
        raise KeyError("a bug of the stage")

    monkeypatch.setattr("rppgbench.media.traces.measure_traces", broken)
    _, _, found = run(protocol())
    assert {row["status"] for row in found} == {"failed"}
    assert all("KeyError" in row["reason"] for row in found)
