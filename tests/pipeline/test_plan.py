"""Tasks to run after clips were evicted."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from rppgbench.errors import UnknownName
from rppgbench.pipeline.disk_budget import is_transient
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.stage_settings import StageSettings
from rppgbench.pipeline.task_graph import TaskGraph


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


def test_a_stage_that_is_not_there_is_named_with_the_nearest(protocol, store):
    graph = TaskGraph(protocol(), [], store)
    with pytest.raises(UnknownName, match="no stage is called 'trace'") as refused:
        graph.need("trace")
    assert "'traces'" in refused.value.hint


def test_settings_of_a_stage_leave_the_preimages_own_names_alone():
    from rppgbench.pipeline.stages.align_stage import STAGE

    class Taken(StageSettings):
        inputs: int

    with pytest.raises(TypeError, match="other uses for the settings inputs"):
        replace(STAGE, settings=Taken)
