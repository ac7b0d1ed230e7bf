"""A plan: the tasks of a protocol, and the trials that they add up to."""

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
    """One recording under one condition by one entry, the scope of a score task.

    ``seed`` is that of the entry's training; None for an entry without a random training.
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
    """Tasks by key in their order of execution, and the trials that they add up to.

    The first of the ``datasets`` is tested. ``narrowed`` is True if ``--only`` selected a part of the protocol.
    """

    protocol: Protocol
    datasets: Sequence[LocalDataset]
    folds: Sequence[Fold]
    tasks: dict[str, Task] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    narrowed: bool = False

    @property
    def complete(self) -> bool:
        """Whether results may be published: neither narrowed nor a rehearsal."""
        return not self.narrowed and not self.protocol.rehearsal

    @property
    def recordings(self) -> Sequence[Recording]:
        """Tested recordings, in natural order."""
        return self.datasets[0].recordings

    def wanted(self, store: Store) -> list[Task]:
        """Tasks to run: those missing in the store that a missing score depends on."""
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
