"""Tasks to run after clips were evicted."""

from __future__ import annotations

import shutil

import pytest

from rppgbench.pipeline.disk_budget import is_transient
from rppgbench.pipeline.planner import make_plan


@pytest.fixture
def finished(learning, store):
    """A plan whose tasks are all in the store, and a function that removes artefacts."""
    plan = make_plan(learning("masked", "same + pulse"), store)
    for task in plan.tasks.values():
        store.publish(task.preimage, lambda folder: {})
    assert {"crop", "skin", "train"} <= {task.stage for task in plan.tasks.values()}

    def without(*tasks):
        for task in tasks:
            shutil.rmtree(store.path(task.key))

    return plan, without


def transient(plan):
    return [task for task in plan.tasks.values() if is_transient(task)]


def test_evicted_clips_without_a_reader_are_not_made_again(finished, store):
    plan, without = finished
    without(*transient(plan))
    assert plan.wanted(store) == []


def test_evicted_clips_with_a_reader_are_made_again_and_no_others(finished, store):
    plan, without = finished
    trial = next(trial for trial in plan.trials if trial.entry.enhancer and not trial.condition.is_reference)
    predict = plan.tasks[trial.score.inputs["waves"]]
    without(*transient(plan), trial.score, predict)
    cut = {predict.inputs["crops"], predict.inputs["reference"]}
    assert [task.key for task in plan.wanted(store)] == [
        key for key in plan.tasks if key in {*cut, predict.key, trial.score.key}
    ]


def test_clips_and_masks_of_a_training_are_made_again(finished, store):
    plan, without = finished
    trial = next(trial for trial in plan.trials if trial.entry.id == "masked")
    predict = plan.tasks[trial.score.inputs["waves"]]
    fit = plan.tasks[predict.inputs["method state"]]
    without(*transient(plan), trial.score, predict, fit)
    again = [task for task in plan.wanted(store) if is_transient(task)]
    assert {task.key for task in again} == {
        *(key for task in (fit, predict) for key in task.inputs.values() if is_transient(plan.tasks[key]))
    }
    assert any(task.stage == "skin" for task in again)
