"""Order of a plan's tasks, such that transient artefacts are on the disk for a short time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rppgbench.pipeline.disk_budget import disk_peak, is_transient
from rppgbench.pipeline.task import Task
from rppgbench.protocol.resolved_entry import TRAIN_ON_TESTED_CONDITION

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Trial


def order_tasks(tasks: Mapping[str, Task], trials: Sequence[Trial]) -> dict[str, Task]:
    """The ``tasks`` condition by condition, or recording by recording where that needs less disk at its peak.

    Conditions are in the order of ``trials_by_condition``. If clips of the reference are read under every condition and
    by no training, as with an enhancer that learns nothing, those of all recordings would stay to the end: recording by
    recording needs less.
    """
    by_condition = depth_first(tasks, (trial.score.key for trial in trials_by_condition(trials)))
    if not any(is_transient(task) for task in tasks.values()):
        return by_condition
    by_recording = depth_first(tasks, (trial.score.key for trial in trials))
    return min(by_condition, by_recording, key=lambda order: disk_peak([*order.values()]).transient_bytes)


def trials_by_condition(trials: Sequence[Trial]) -> list[Trial]:
    """The trials by condition: the reference, then training conditions, then the others.

    A training needs all clips of its conditions at once, made for the first trial that depends on it. Tested next, they
    are evicted before the others, of which one recording's clips are in the store at a time. A training on the tested
    condition (``TRAIN_ON_TESTED_CONDITION``) needs no clips before that condition is tested.
    """
    training_conditions = {
        name
        for entry in {trial.entry.id: trial.entry for trial in trials}.values()
        for training in (entry.method_training, entry.enhancer_training)
        if training is not None
        for name in training.condition_ids
        if name != TRAIN_ON_TESTED_CONDITION
    }
    conditions = {trial.condition.id: trial.condition for trial in trials}
    in_order = sorted(conditions.values(), key=lambda c: (not c.is_reference, c.id not in training_conditions))
    rank = {condition.id: number for number, condition in enumerate(in_order)}
    return sorted(trials, key=lambda trial: rank[trial.condition.id])


def depth_first(tasks: Mapping[str, Task], roots: Iterable[str]) -> dict[str, Task]:
    """All ``tasks``, each after its inputs in depth-first order: from the ``roots`` in their order, then the rest."""
    order: dict[str, Task] = {}
    opened: set[str] = set()
    for root in (*roots, *tasks):
        pending = [root]
        while pending:
            key = pending[-1]
            if key in order:
                pending.pop()
            elif key in opened:
                order[key] = tasks[pending.pop()]
            else:
                opened.add(key)
                inputs = [*tasks[key].inputs.values()]
                pending.extend(k for k in reversed(inputs) if k in tasks and k not in order)
    return order
