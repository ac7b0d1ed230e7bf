"""Estimates of memory by rules of thumb, and of sizes against what tasks leave."""

from __future__ import annotations

import pytest

from rppgbench.engine.disk import taken_bytes
from rppgbench.engine.estimate import TORCH_WORKER_BYTES, WORKER_BYTES, peak_memory, task_memory
from rppgbench.engine.plan import make_plan
from rppgbench.engine.work import perform


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
        perform(task, store, registry, "cpu")
        taken = taken_bytes(store.path(task.key))
        if taken > task.bytes_out:
            larger[task.label] = (taken, task.bytes_out)
    assert larger == {}
