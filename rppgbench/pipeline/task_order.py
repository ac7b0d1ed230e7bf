"""In which order a plan's tasks are best done: what can be made again is to lie on the disk for as short as may be."""

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

    Conditions come in the order of ``ranked``. Where clips of the reference are read under every condition and no fit
    reads them, as before an enhancer that learns nothing, those of all recordings would lie there to the end: recording
    by recording needs less.
    """
    by_condition = depth_first(tasks, (trial.score.key for trial in trials_by_condition(trials)))
    if not any(is_transient(task) for task in tasks.values()):
        return by_condition
    by_recording = depth_first(tasks, (trial.score.key for trial in trials))
    return min(by_condition, by_recording, key=lambda order: disk_peak([*order.values()]).transient_bytes)


def trials_by_condition(trials: Sequence[Trial]) -> list[Trial]:
    """The trials by condition: the reference, then what anything learns from, then the others.

    Fits need all clips of the conditions that they learn from at once, and the first trial that such a fit is behind
    brings them in. Tested next, they are gone before the others, of which one recording's are there at a time. A fit to
    the tested condition alone (``EACH``) needs no clips before that condition's turn.
    """
    learnt_from = {
        name
        for entry in {trial.entry.id: trial.entry for trial in trials}.values()
        for lesson in (entry.method_training, entry.enhancer_training)
        if lesson is not None
        for name in lesson.condition_ids
        if name != TRAIN_ON_TESTED_CONDITION
    }
    conditions = {trial.condition.id: trial.condition for trial in trials}
    in_turn = sorted(conditions.values(), key=lambda c: (not c.is_reference, c.id not in learnt_from))
    rank = {condition.id: number for number, condition in enumerate(in_turn)}
    return sorted(trials, key=lambda trial: rank[trial.condition.id])


def depth_first(tasks: Mapping[str, Task], roots: Iterable[str]) -> dict[str, Task]:
    """All ``tasks``, each straight after those of its inputs that were not there yet: what ``roots`` need in their
    order, then the rest."""
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
