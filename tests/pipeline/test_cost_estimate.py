"""Estimates by rules of thumb: core-seconds, bytes read, memory; and of sizes against what tasks leave."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rppgbench.contracts import Recording
from rppgbench.pipeline.artefact_sizes import GUESSED_FRAME
from rppgbench.pipeline.cost_estimate import (
    TORCH_WORKER_BYTES,
    WORKER_BYTES,
    estimate_costs,
    peak_memory,
    task_memory,
    task_reads,
    task_seconds,
)
from rppgbench.pipeline.cost_model import frame_size
from rppgbench.pipeline.disk_budget import taken_bytes
from rppgbench.pipeline.local_dataset import LocalDataset
from rppgbench.pipeline.plan import make_plan
from rppgbench.pipeline.stage_work import run_stage
from rppgbench.testing.rendered_cohort import write_video


def of(plan, stage):
    return next(task for task in plan.tasks.values() if task.stage == stage)


@pytest.fixture
def plan(learning, store):
    return make_plan(learning("pulse"), store)


def test_only_what_needs_torch_is_charged_with_it(plan):
    assert task_memory(plan, of(plan, "score")) == WORKER_BYTES
    assert task_memory(plan, of(plan, "fit")) > TORCH_WORKER_BYTES < task_memory(plan, of(plan, "predict"))
    assert WORKER_BYTES < task_memory(plan, of(plan, "traces")) < TORCH_WORKER_BYTES


def test_a_fit_grows_with_its_batch(learning, store, plan):
    fit = of(plan, "fit")
    larger = {**fit.settings, "recipe": {**fit.settings["recipe"], "batch": 3 * fit.settings["recipe"]["batch"]}}
    more = task_memory(plan, type(fit)("fit", larger, fit.inputs, ""))
    assert more - TORCH_WORKER_BYTES == pytest.approx(3 * (task_memory(plan, fit) - TORCH_WORKER_BYTES))


def test_workers_take_together_what_the_largest_tasks_take(plan):
    to_do = [*plan.tasks.values()]
    one, two = peak_memory(plan, to_do, 1), peak_memory(plan, to_do, 2)
    assert one == max(task_memory(plan, task) for task in to_do)
    assert one < two <= 2 * one
    few = [of(plan, "score"), of(plan, "truth")]
    assert peak_memory(plan, few, 8) == 2 * WORKER_BYTES
    assert peak_memory(plan, [], 8) == 0


def test_no_artefact_takes_more_than_was_expected(learning, store, registry):
    """What bounds are made of; the dataset's frames are 32 x 32 and it does not say so, so its video is left out."""
    plan = make_plan(learning("masked", "mixer + green", seeds="[0]"), store)
    larger = {}
    for task in plan.tasks.values():
        run_stage(task, store, registry, "cpu")
        taken = taken_bytes(store.path(task.key))
        if taken > task.bytes_out:
            larger[task.label] = (taken, task.bytes_out)
    assert larger == {}


def reads(plan, task):
    return task_reads(plan, [task])[task.key]


def test_a_task_reads_what_its_inputs_leave(plan):
    score = of(plan, "score")
    assert reads(plan, score) == sum(plan.tasks[key].bytes_out for key in score.inputs.values()) > 0
    assert reads(plan, of(plan, "render")) == 0


def test_a_task_reads_the_files_that_are_the_users_own(plan, tmp_path):
    video = tmp_path / "own.avi"
    video.write_bytes(bytes(12_345))
    boxes = of(plan, "boxes")
    own = replace(boxes, inputs={"video": "file:0"}, local={"video": str(video)})
    assert reads(plan, own) == 12_345


def test_a_fit_reads_the_clips_that_it_draws(plan):
    """Of 16 x 16 pixels and three colours; one that learns from the reference alone draws no second clip."""
    fit = of(plan, "fit")
    recipe = {**fit.settings["recipe"], "iterations": 10, "batch": 3, "accumulate": 2, "frames": 8}
    kept = sum(
        plan.tasks[key].bytes_out for key in fit.inputs.values() if plan.tasks[key].stage not in ("crop", "skin")
    )
    alone = replace(fit, settings={**fit.settings, "recipe": recipe, "labels": {"original": 0}})
    paired = replace(fit, settings={**fit.settings, "recipe": recipe, "labels": {"original": 0, "copy": 1}})
    skin = sum(plan.tasks[key].stage == "skin" for key in fit.inputs.values()) > 0
    clip = 8 * 16 * 16
    assert reads(plan, alone) - kept == 60 * clip * (3 + skin)
    assert reads(plan, paired) - kept == 60 * clip * (3 + 1.5 + skin)


def test_epochs_are_of_all_that_is_learnt_from(plan):
    """Recordings of 8 s at 20 frames/s."""
    fit = of(plan, "fit")
    recipe = {**fit.settings["recipe"], "iterations": None, "epochs": 2.0, "frames": 32}
    n_clips = 2 * len(fit.settings["recordings"]) * len(fit.settings["labels"]) * 160 / 32
    by_epochs = replace(fit, settings={**fit.settings, "recipe": recipe})
    once = {**recipe, "epochs": None, "iterations": n_clips, "batch": 1, "accumulate": 1}
    assert reads(plan, by_epochs) == pytest.approx(reads(plan, replace(fit, settings={**fit.settings, "recipe": once})))


def test_a_stage_adds_up_what_is_left_of_it(plan, store):
    to_do = [*plan.tasks.values()][3:]
    stages = estimate_costs(plan, store, to_do)
    seconds, bytes_in = task_seconds(plan, store, to_do), task_reads(plan, to_do)
    assert sum(stage.total for stage in stages) == len(to_do) + 3
    assert sum(stage.to_do for stage in stages) == len(to_do)
    assert sum(stage.seconds for stage in stages) == pytest.approx(sum(seconds.values()))
    assert sum(stage.bytes_in for stage in stages) == pytest.approx(sum(bytes_in.values()))
    networks = {stage.stage: stage.network_seconds / stage.seconds for stage in stages if stage.network_seconds}
    assert networks.keys() == {"fit", "predict"}
    assert max(networks.values()) <= 1


def test_the_frames_of_own_videos_are_as_large_as_the_first_readable_header_says(tmp_path):
    def collection(*names, params=None):
        files = [Recording(id=n, subject=n, session="", fps_hz=30.0, duration_s=1.0, path=tmp_path / n) for n in names]
        return LocalDataset(SimpleNamespace(params=params), files, None)

    write_video(iter(np.zeros((3, 48, 64, 3), np.uint8)), tmp_path / "a.avi", 30.0, encoder="ffv1", pix_fmt="bgr0")
    (tmp_path / "text.avi").write_text("no video")
    assert frame_size(collection("text.avi", "a.avi")) == (64, 48)
    assert frame_size(collection("text.avi", "none.avi")) == GUESSED_FRAME
    assert frame_size(collection("a.avi", params=SimpleNamespace(size=(320, 240)))) == (320, 240)


def test_what_was_measured_goes_before_rules_of_thumb(plan, store, registry):
    render = of(plan, "render")
    run_stage(render, store, registry, "cpu")
    measured_s = store.manifest(render.key)["made"]["seconds"]
    assert task_seconds(plan, store, plan.tasks.values())[render.key] == pytest.approx(measured_s)
