"""Trainings as tasks: equal ones are one, and none has a subject of its test fold as input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rppgbench.errors import ProtocolError
from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_graph import TaskGraph
from rppgbench.protocol.folds import Fold


@pytest.fixture
def plan(learning, store) -> Plan:
    return make_plan(learning(), store)


def behind(plan: Plan, task: Task) -> Iterator[Task]:
    """The task and all tasks it depends on, down to the videos and the truth."""
    pending, found = [task.key], set()
    while pending:
        key = pending.pop()
        if key in plan.tasks and key not in found:
            found.add(key)
            yield plan.tasks[key]
            pending.extend(plan.tasks[key].inputs.values())


def fits(plan: Plan) -> list[Task]:
    return [task for task in plan.tasks.values() if task.stage in ("fit", "train")]


def fold_of(plan: Plan, task: Task) -> Fold:
    """Fold by the label, which closed-form fits have too; asserted against the settings of the others."""
    index = int(task.label.partition(" fold ")[2].split()[0])
    assert getattr(task.settings, "fold", index) == index
    return plan.folds[index]


def test_no_fit_sees_anything_of_a_subject_it_is_tested_on(plan):
    subject_of = {recording.id: recording.subject for recording in plan.recordings}
    kinds = set()
    for task in fits(plan):
        fold = fold_of(plan, task)
        ancestors = list(behind(plan, task))
        found = {subject_of[ancestor.recording.id] for ancestor in ancestors if ancestor.recording}
        assert not found & set(fold.test), task.label
        assert found == set(fold.train), task.label
        named = [key for ancestor in ancestors for key in getattr(ancestor.settings, "recordings", ())]
        assert {subject_of[name] for name in named} <= set(fold.train)
        # Roles and settings name recordings too: none may be of a test subject, whatever its task says.
        named = " ".join([*task.inputs, *(getattr(a.settings, "recording", "") for a in ancestors)])
        assert not [r.id for r in plan.recordings if r.subject in fold.test and r.id in named.split()]
        kinds.add(getattr(task.settings, "role", "closed form"))
        kinds |= {ancestor.stage for ancestor in ancestors}
    assert kinds >= {"method", "enhancer", "joint", "closed form", "truth", "traces", "crop", "skin", "encode"}


def test_every_cell_is_answered_by_fits_of_its_own_fold(plan):
    found = 0
    for trial in plan.trials:
        behind_it = [task for task in behind(plan, trial.score) if task.stage in ("fit", "train")]
        assert all(fold_of(plan, task) == trial.fold for task in behind_it)
        assert all(getattr(task.settings, "seed", None) in (trial.seed, None) for task in behind_it)
        assert trial.recording.subject in trial.fold.test
        found += len(behind_it)
    assert found


def test_equal_fits_are_one_task(plan):
    names = sorted(task.label.removeprefix("train ") for task in fits(plan) if task.stage == "train")
    once = [
        "masked from reference", "mixer + pulse jointly from brighter-10", "mixer from brighter-10",
        "pulse from brighter-10", "pulse from reference", "pulse from reference, brighter-10",
    ]  # fmt: skip
    assert names == [f"{name} fold {fold} seed {seed}" for name in once for fold in (0, 1) for seed in (0, 1)]


def learnt_from(plan: Plan, name: str, fold: int = 0) -> Task:
    return next(task for task in fits(plan) if task.label == f"train {name} fold {fold} seed 0")


@pytest.mark.parametrize(
    ("name", "labels", "crops"),
    [
        ("pulse from reference", {"reference": 0}, set()),
        ("pulse from brighter-10", {"brighter-10": 1}, {"brighter-10"}),
        ("pulse from reference, brighter-10", {"reference": 0, "brighter-10": 1}, {"brighter-10"}),
        ("mixer from brighter-10", {"brighter-10": 1}, {"brighter-10"}),
    ],
)
def test_a_fit_has_the_clips_of_its_conditions_and_the_reference(plan, name, labels, crops):
    task = learnt_from(plan, name)
    assert task.settings.conditions == labels
    train = {f"{subject}-rest" for subject in plan.folds[0].train}
    roles = {f"{what} {recording}" for what in ("truth", "alignment", "reference") for recording in train}
    assert set(task.inputs) == roles | {f"crops {recording} {c}" for recording in train for c in crops}


def test_joint_training_goes_on_from_both_trained_parts(plan):
    joint = learnt_from(plan, "mixer + pulse jointly from brighter-10")
    assert plan.tasks[joint.inputs["method state"]] is learnt_from(plan, "pulse from reference")
    assert plan.tasks[joint.inputs["enhancer state"]] is learnt_from(plan, "mixer from brighter-10")


def test_skin_masks_are_inputs_of_methods_with_skin_labels_alone(plan):
    asked = {task.label.split()[1] for task in fits(plan) if any(role.startswith("skin ") for role in task.inputs)}
    assert asked == {"masked"}


def test_a_conditional_enhancer_gets_the_number_of_conditions_with_the_reference(learning, store):
    plan = make_plan(learning("mixer + pulse", levels="[10, 20, 30]"), store)
    described = [getattr(task.settings, "enhancer", None) for task in plan.tasks.values()]
    assert {enhancer.n_conditions for enhancer in described if enhancer} == {4}


@pytest.mark.parametrize("entry", ["pulse", "mixer + green", "mixer + pulse [joint]", "masked"])
def test_a_fold_that_learns_from_whom_it_tests_is_refused(learning, store, plan, entry):
    protocol = learning(entry)
    graph = TaskGraph(protocol, plan.datasets, store)
    leaky = Fold(0, test=("s0", "s1"), train=("s1", "s2"))
    with pytest.raises(ProtocolError, match="fold 0 would learn from subjects it tests: s1"):
        graph.need("score", plan.recordings[0], leaky, protocol.reference, protocol.entries[0], 0)
    assert graph.need(
        "score", plan.recordings[0], Fold(0, ("s0", "s1"), ("s2",)), protocol.reference, protocol.entries[0], 0
    )
