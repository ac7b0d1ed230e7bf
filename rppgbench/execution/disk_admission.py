"""What lies on the disk while a run goes on: which clips may be cut now, and which may go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rppgbench.errors import StoreError
from rppgbench.pipeline.disk_budget import DiskBudget, is_transient, transient_inputs
from rppgbench.pipeline.task import Task
from rppgbench.text import format_bytes


class DiskAdmission:
    """Admits tasks that make what passes (``PASSING``: clips) as far as the budget goes, and says what may be removed.

    It knows no store: whoever runs the tasks ``to_do`` tells it of each and removes what it names before asking again.
    Charged are all kept bytes, those still to come as expected; scratch; and the passing artefacts that lie there or
    are being made.

    A passing task may start when the limit holds what is charged, the passing tasks before it that have not started,
    and itself. Others always may. So the limit holds as long as nothing is larger than expected. And nothing waits for
    ever where the limit is at least the announced peak: say nothing runs, and of the passing tasks that may not start c
    is the first. By then all tasks before c have ended: the passing ones have started, and the others need none but
    those. So of what was made before c there lies only what lies there when tasks run one by one in their order, and
    that with c is within the peak. Of what comes after c, let d have started last: it was only let in with room for
    c beside all that was charged then or had yet to start before d, and nothing else has started since. Either way
    there is room for c, and all that c needs is done.
    """

    def __init__(self, to_do: Sequence[Task], budget: DiskBudget) -> None:
        self._budget = budget
        passing = [task for task in to_do if is_transient(task)]
        self._expected = {task.key: task.bytes_out for task in to_do}
        self._waiting = _FenwickTree([task.bytes_out for task in passing])
        self._rank = {task.key: rank for rank, task in enumerate(passing)}  # of those that never started
        self._lying = dict(budget.present)  # or being made
        self._making: set[str] = set()
        self._again: set[str] = set()
        self._readers: dict[str, set[str]] = {key: set() for key in (*budget.present, *self._rank)}
        for task in to_do:
            for key in transient_inputs(task, self._readers):
                self._readers[key].add(task.key)
        kept = sum(task.bytes_out for task in to_do if not is_transient(task))
        self._charged = kept + budget.peak.scratch_bytes + sum(self._lying.values())

    @property
    def charged_bytes(self) -> float:
        """What lies there, is being made, or is kept for what has yet to come."""
        return self._charged

    def may_start(self, task: Task) -> bool:
        """Whether there is room for it. When there is none for a passing task that has not been started before, there
        is none for those after it in the order either."""
        limit, rank = self._budget.limit_bytes, self._rank.get(task.key)
        if rank is None or not self._budget.evicts or limit is None or task.key in self._again:
            return True
        return self._charged + self._waiting.before(rank) + task.bytes_out <= limit

    def started(self, task: Task) -> None:
        """The task runs now, be it for the first time or because its worker died."""
        rank = self._rank.pop(task.key, None)
        if rank is not None:
            self._waiting.take(rank)
        if task.key in self._readers:
            self._making.add(task.key)
            self._charge(task.key, task.bytes_out)

    def finished(self, task: Task, n_bytes: float) -> list[str]:
        """The task has its result, of so many bytes; returns keys of what nobody will read any more."""
        self._again.discard(task.key)
        if task.key in self._readers:
            self._making.discard(task.key)
            self._charge(task.key, n_bytes)
        else:
            self._charged += n_bytes - self._expected.get(task.key, 0.0)
            self._expected[task.key] = n_bytes
        return self._read(task)

    def given_up(self, task: Task) -> list[str]:
        """The task failed or is blocked and will not be done; returns keys of what nobody will read any more."""
        rank = self._rank.pop(task.key, None)
        if rank is not None:
            self._waiting.take(rank)
        self._again.discard(task.key)
        self._making.discard(task.key)
        if task.key in self._readers:
            self._discharge(task.key)
        else:
            self._charged -= self._expected.pop(task.key, 0.0)
        return self._read(task)

    def needed_again(self, task: Task, readers: Iterable[Task]) -> None:
        """What the task made is damaged or gone, and ``readers`` need it: it is done once more, and read once more.

        It may start at once, whatever lies there: all that it needs is there or is needed again too, so it soon ends.
        Passing inputs of it that are gone from the disk have to be told of in the same way.
        """
        self._again.add(task.key)
        if is_transient(task):
            self._readers.setdefault(task.key, set()).update(reader.key for reader in readers)
        for key in transient_inputs(task, self._readers):
            self._readers[key].add(task.key)

    def too_small(self) -> StoreError:
        """Why nothing can go on, when nothing runs and what is ready may not start."""
        limit = self._budget.limit_bytes or 0.0
        return StoreError(
            f"what lies on the disk is larger than was expected: with what is to come {format_bytes(self._charged)}, "
            f"which leaves no room for more clips in {format_bytes(limit)}",
            hint="what is done is kept: the same command with a higher --disk-limit goes on from here",
        )

    def _read(self, task: Task) -> list[str]:
        """What may go now that the task has ended."""
        concerned = {*transient_inputs(task, self._readers)}
        for key in concerned:
            self._readers[key].discard(task.key)
        if not self._budget.evicts:
            return []
        concerned |= {task.key} & self._lying.keys()
        unread = [key for key in concerned if self._may_go(key)]
        for key in unread:
            self._discharge(key)
        return unread

    def _may_go(self, key: str) -> bool:
        return not self._readers[key] and key in self._lying and key not in self._making and key not in self._again

    def _charge(self, key: str, n_bytes: float) -> None:
        self._charged += n_bytes - self._lying.get(key, 0.0)
        self._lying[key] = n_bytes

    def _discharge(self, key: str) -> None:
        self._charged -= self._lying.pop(key, 0.0)


class _FenwickTree:
    """Sums of the first numbers of a list of which numbers are taken out: a Fenwick tree, so both take O(log n)."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._numbers = list(numbers)
        self._tree = [0.0, *numbers]
        for index in range(1, len(self._tree)):
            parent = index + (index & -index)
            if parent < len(self._tree):
                self._tree[parent] += self._tree[index]

    def before(self, index: int) -> float:
        """The sum of what is left of the first ``index`` numbers."""
        total = 0.0
        while index:
            total += self._tree[index]
            index &= index - 1
        return total

    def take(self, index: int) -> None:
        """Take out the number at ``index``."""
        number, self._numbers[index] = self._numbers[index], 0.0
        index += 1
        while index < len(self._tree):
            self._tree[index] -= number
            index += index & -index
