"""A plan: the tasks that answer a protocol, and the trials they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rppgbench.contracts import Recording
from rppgbench.pipeline.local_dataset import LocalDataset
from rppgbench.pipeline.task import Task
from rppgbench.protocol.folds import Fold
from rppgbench.protocol.resolve import Protocol
from rppgbench.protocol.resolved_component import Condition
from rppgbench.protocol.resolved_entry import ResolvedEntry
from rppgbench.store.store import Store


@dataclass(frozen=True)
class Trial:
    """One recording under one condition by one entry: what a score task answers for.

    ``seed`` is that of what the entry learnt; None where it learns nothing by chance.
    """

    recording: Recording
    fold: Fold
    condition: Condition
    entry: ResolvedEntry
    seed: int | None
    score: Task
    encode: Task | None
    n_windows: int


@dataclass
class Plan:
    """Tasks by key, in the order in which they are best done, and the trials that they add up to.

    Of the ``datasets`` the first is tested. ``narrowed`` says that ``--only`` left a part of it.
    """

    protocol: Protocol
    datasets: Sequence[LocalDataset]
    folds: Sequence[Fold]
    tasks: dict[str, Task] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    narrowed: bool = False

    @property
    def complete(self) -> bool:
        """Whether its results may be published: all of it, and in earnest."""
        return not self.narrowed and not self.protocol.rehearsal

    @property
    def recordings(self) -> Sequence[Recording]:
        """The recordings that are tested, in natural order."""
        return self.datasets[0].recordings

    def wanted(self, store: Store) -> list[Task]:
        """The tasks that still have to run: those whose results, or the results made from them, are not there yet."""
        needed: dict[str, bool] = {}
        pending = [trial.score.key for trial in self.trials]
        while pending:
            key = pending.pop()
            if key in needed or key not in self.tasks:
                continue
            needed[key] = not store.has(key)
            if needed[key]:
                pending.extend(self.tasks[key].inputs.values())
        return [task for key, task in self.tasks.items() if needed.get(key)]
