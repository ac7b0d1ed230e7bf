"""Costs that stages state: core-seconds, bytes read, memory; and sizes against what tasks leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppgbench.contracts import Recording
from rppgbench.learning.recipe import NetworkCost
from rppgbench.pipeline.cost_model import estimate_costs, peak_memory, task_reads, task_seconds
from rppgbench.pipeline.disk_budget import taken_bytes
from rppgbench.pipeline.frame_size import GUESSED_FRAME, frame_size
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.run_stage import run_stage
from rppgbench.pipeline.stage_settings import CORE_FLOP_PER_S, TORCH_WORKER_BYTES, WORKER_BYTES
from rppgbench.testing.rendered_cohort import write_video


def of(plan, stage):
    return next(task for task in plan.tasks.values() if task.stage == stage)


def memory(plan, stage):
    return of(plan, stage).cost.memory_bytes


@pytest.fixture
def plan(learning, store):
    return make_plan(learning("pulse"), store)


def test_only_what_needs_torch_is_charged_with_it(plan):
    assert memory(plan, "score") == WORKER_BYTES
    assert memory(plan, "train") > TORCH_WORKER_BYTES < memory(plan, "predict")
    assert WORKER_BYTES < memory(plan, "traces") < TORCH_WORKER_BYTES


def test_training_grows_with_its_batch(protocol, store):
    def planned(batch):
        learner = ("{method: green}", f"{{method: {{use: pulse, recipe: {{batch: {batch}}}}}}}")
        return memory(make_plan(protocol(learner), store), "train") - TORCH_WORKER_BYTES

    assert planned(2) > 0
    assert planned(6) == pytest.approx(3 * planned(2))


def test_peak_memory_is_that_of_the_largest_tasks(plan):
    to_do = [*plan.tasks.values()]
    one, two = peak_memory(to_do, 1), peak_memory(to_do, 2)
    assert one == max(task.cost.memory_bytes for task in to_do)
    assert one < two <= 2 * one
    few = [of(plan, "score"), of(plan, "truth")]
    assert peak_memory(few, 8) == 2 * WORKER_BYTES
    assert peak_memory([], 8) == 0


def test_no_artefact_is_larger_than_expected(learning, store, registry):
    """Expected sizes are bounds; the dataset's frames are 32 x 32 and it does not say so, so its video is left out."""
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


def test_a_task_reads_the_files_that_are_the_users_own(plan):
    boxes = of(plan, "boxes")
    own = replace(boxes, inputs={"video": "file:0"}, cost=replace(boxes.cost, bytes_in=12_345))
    assert reads(plan, own) == 12_345


def test_training_reads_the_clips_that_it_draws(protocol, store):
    """Clips are of 16 x 16 pixels and three colours; training on the reference alone draws no second clip."""
    recipe = "recipe: {iterations: 10, batch: 3, accumulate: 2, frames: 8}"
    brighter = ("copy, sweep: {bitrate_kbps: [100]}", "brighter, sweep: {levels: [10]}")
    clip = 8 * 16 * 16
    for learns_from, drawn in (("reference", 3), ("all", 3 + 1.5), ("[brighter-10]", 6)):
        learner = f"{{method: {{use: pulse, {recipe}}}, methods_learn_from: {learns_from}}}"
        plan = make_plan(protocol(brighter, ("{method: green}", learner)), store)
        train = of(plan, "train")
        sources = [plan.tasks[key] for key in train.inputs.values()]
        kept = sum(source.bytes_out for source in sources if source.stage not in ("crop", "skin"))
        assert reads(plan, train) - kept == pytest.approx(60 * clip * drawn), learns_from
        flop = NetworkCost().training_flop_per_pixel * 60 * clip
        assert train.cost.seconds == flop / CORE_FLOP_PER_S


def test_epochs_are_of_all_that_is_learnt_from(protocol, store):
    """Two training recordings in a fold, 8 s at 20 frames/s each: 20 clips of 32 frames in two epochs."""
    costs = []
    for length in ("epochs: 2.0", "iterations: 20"):
        learner = f"{{method: {{use: pulse, recipe: {{{length}, batch: 1, accumulate: 1, frames: 32}}}}}}"
        costs.append(of(make_plan(protocol(("{method: green}", learner)), store), "train").cost)
    assert costs[0] == costs[1]


def test_a_stage_adds_up_what_is_left_of_it(plan, store):
    to_do = [*plan.tasks.values()][3:]
    stages = estimate_costs(plan, store, to_do)
    seconds, bytes_in = task_seconds(plan, store, to_do), task_reads(plan, to_do)
    assert sum(stage.total for stage in stages) == len(to_do) + 3
    assert sum(stage.to_do for stage in stages) == len(to_do)
    assert sum(stage.seconds for stage in stages) == pytest.approx(sum(seconds.values()))
    assert sum(stage.bytes_in for stage in stages) == pytest.approx(sum(bytes_in.values()))
    networks = {stage.stage: stage.network_seconds / stage.seconds for stage in stages if stage.network_seconds}
    assert networks.keys() == {"train", "predict"}
    assert max(networks.values()) <= 1


def test_the_frames_of_own_videos_are_as_large_as_the_first_readable_header_says(tmp_path):
    def recordings(*names):
        return [Recording(id=n, subject=n, session="", fps_hz=30.0, duration_s=1.0, path=tmp_path / n) for n in names]

    write_video(iter(np.zeros((3, 48, 64, 3), np.uint8)), tmp_path / "a.avi", 30.0, encoder="ffv1", pix_fmt="bgr0")
    (tmp_path / "text.avi").write_text("no video")
    assert frame_size(recordings("text.avi", "a.avi")) == (64, 48)
    assert frame_size(recordings("text.avi", "none.avi")) == GUESSED_FRAME


def test_what_was_measured_goes_before_rules_of_thumb(plan, store, registry):
    render = of(plan, "render")
    run_stage(render, store, registry, "cpu")
    measured_s = store.manifest(render.key)["made"]["seconds"]
    assert task_seconds(plan, store, plan.tasks.values())[render.key] == pytest.approx(measured_s)
