"""Admission of transient artefacts (face clips) to the disk, and their eviction after the last reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rppgbench.errors import StoreError
from rppgbench.pipeline.disk_budget import DiskBudget, is_transient, transient_inputs
from rppgbench.pipeline.task import Task
from rppgbench.text import format_bytes


class DiskAdmission:
    """Admission control of the tasks of ``TRANSIENT_STAGES`` within a disk budget, and the keys that can be evicted.

    It does not access the store: the driver reports each event of the tasks ``to_do`` and evicts the keys returned
    before it asks again. Charged bytes are those of all kept artefacts, expected where they are still to come; scratch;
    and transient artefacts on the disk or being made. A transient task may start if the limit holds the charged bytes,
    the unstarted transient tasks before it, and itself; other tasks always may. docs/running.md shows that the limit
    holds and that no run waits for ever.
    """

    def __init__(self, to_do: Sequence[Task], budget: DiskBudget) -> None:
        self._budget = budget
        transient = [task for task in to_do if is_transient(task)]
        self._expected = {task.key: task.bytes_out for task in to_do}
        self._unstarted = _FenwickTree([task.bytes_out for task in transient])
        self._rank = {task.key: rank for rank, task in enumerate(transient)}  # of unstarted tasks
        self._on_disk = dict(budget.present)  # or being made
        self._being_made: set[str] = set()
        self._remade: set[str] = set()
        self._readers: dict[str, set[str]] = {key: set() for key in (*budget.present, *self._rank)}
        for task in to_do:
            for key in transient_inputs(task, self._readers):
                self._readers[key].add(task.key)
        kept = sum(task.bytes_out for task in to_do if not is_transient(task))
        self._charged = kept + budget.peak.scratch_bytes + sum(self._on_disk.values())

    @property
    def charged_bytes(self) -> float:
        """Bytes on the disk, being made, or reserved for kept artefacts still to come."""
        return self._charged

    def may_start(self, task: Task) -> bool:
        """Whether there is room for the task; if not, there is none for later unstarted transient tasks either."""
        limit, rank = self._budget.limit_bytes, self._rank.get(task.key)
        if rank is None or not self._budget.evicts or limit is None or task.key in self._remade:
            return True
        return self._charged + self._unstarted.before(rank) + task.bytes_out <= limit

    def started(self, task: Task) -> None:
        """Charge a task that starts, for the first time or once more after its worker died."""
        rank = self._rank.pop(task.key, None)
        if rank is not None:
            self._unstarted.remove(rank)
        if task.key in self._readers:
            self._being_made.add(task.key)
            self._charge(task.key, task.bytes_out)

    def finished(self, task: Task, n_bytes: float) -> list[str]:
        """Charge a result by its actual size; returns the keys that can be evicted."""
        self._remade.discard(task.key)
        if task.key in self._readers:
            self._being_made.discard(task.key)
            self._charge(task.key, n_bytes)
        else:
            self._charged += n_bytes - self._expected.get(task.key, 0.0)
            self._expected[task.key] = n_bytes
        return self._release_inputs(task)

    def given_up(self, task: Task) -> list[str]:
        """Discharge a task that failed or is blocked; returns the keys that can be evicted."""
        rank = self._rank.pop(task.key, None)
        if rank is not None:
            self._unstarted.remove(rank)
        self._remade.discard(task.key)
        self._being_made.discard(task.key)
        if task.key in self._readers:
            self._discharge(task.key)
        else:
            self._charged -= self._expected.pop(task.key, 0.0)
        return self._release_inputs(task)

    def needed_again(self, task: Task, readers: Iterable[Task]) -> None:
        """Register a task that is run once more because its result, which ``readers`` need, is damaged or gone.

        It may start at once, even above the limit: its inputs are there or are made again too, so it soon ends. Its
        transient inputs that are gone have to be registered in the same way.
        """
        self._remade.add(task.key)
        if is_transient(task):
            self._readers.setdefault(task.key, set()).update(reader.key for reader in readers)
        for key in transient_inputs(task, self._readers):
            self._readers[key].add(task.key)

    def too_small(self) -> StoreError:
        """The error to raise when no task runs and no ready task may start."""
        limit = self._budget.limit_bytes or 0.0
        return StoreError(
            f"what lies on the disk is larger than was expected: with what is to come {format_bytes(self._charged)}, "
            f"which leaves no room for more clips in {format_bytes(limit)}",
            hint="what is done is kept: the same command with a higher --disk-limit goes on from here",
        )

    def _release_inputs(self, task: Task) -> list[str]:
        """The keys that can be evicted after the end of a task."""
        candidates = {*transient_inputs(task, self._readers)}
        for key in candidates:
            self._readers[key].discard(task.key)
        if not self._budget.evicts:
            return []
        candidates |= {task.key} & self._on_disk.keys()
        unread = [key for key in candidates if self._is_unread(key)]
        for key in unread:
            self._discharge(key)
        return unread

    def _is_unread(self, key: str) -> bool:
        is_whole = key in self._on_disk and key not in self._being_made and key not in self._remade
        return is_whole and not self._readers[key]

    def _charge(self, key: str, n_bytes: float) -> None:
        self._charged += n_bytes - self._on_disk.get(key, 0.0)
        self._on_disk[key] = n_bytes

    def _discharge(self, key: str) -> None:
        self._charged -= self._on_disk.pop(key, 0.0)


class _FenwickTree:
    """Prefix sums of a list from which numbers are removed, both in O(log n) (Fenwick 1994, a binary indexed tree)."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._numbers = list(numbers)
        self._tree = [0.0, *numbers]
        for index in range(1, len(self._tree)):
            parent = index + (index & -index)
            if parent < len(self._tree):
                self._tree[parent] += self._tree[index]

    def before(self, index: int) -> float:
        """The sum of those of the first ``index`` numbers that were not removed."""
        total = 0.0
        while index:
            total += self._tree[index]
            index &= index - 1
        return total

    def remove(self, index: int) -> None:
        """Remove the number at ``index``: it counts as 0 from now on."""
        number, self._numbers[index] = self._numbers[index], 0.0
        index += 1
        while index < len(self._tree):
            self._tree[index] -= number
            index += index & -index
