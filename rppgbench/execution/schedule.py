"""The order of tasks: which one may start next, and the consequences of the end of one."""

from __future__ import annotations

import heapq
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import Observer, RunOutcome, TaskDone, TaskEnded, TaskFailure, TaskStarted

# Tasks of a lane start in the order of the plan. "gpu" has those that run a network, "transient" those whose results
# are evicted after their last reader, which start one after the other as there is room for them.
Lane: TypeAlias = Literal["cpu", "gpu", "transient"]
_Rank: TypeAlias = tuple[int, int, str]
LANES: tuple[Lane, ...] = get_args(Lane)


def runs_on_gpu(task: Task) -> bool:
    """Whether the task trains or runs a network on a GPU."""
    return task.device not in (None, "cpu")


class Schedule:
    """Tasks to do, each to start after its inputs, in the order of the plan.

    ``known`` are all tasks of the plan by key, among them those whose results turn out to be damaged. With a
    ``shuffle_seed`` recordings are taken in an order that it determines, so that two runs of one plan seldom do the
    same task at once; the lane "transient" keeps the order of the plan, which its admission to the disk relies on.
    """

    def __init__(
        self,
        to_do: Sequence[Task],
        known: Mapping[str, Task],
        observer: Observer,
        lane_of: Callable[[Task], Lane] = lambda task: "cpu",
        shuffle_seed: str = "",
    ) -> None:
        self.outcome = RunOutcome()
        self._observer = observer
        self._known = {**known, **{task.key: task for task in to_do}}
        self._order = {key: index for index, key in enumerate(self._known)}
        self._lane_of, self._shuffle_seed = lane_of, shuffle_seed
        self._remade: set[str] = set()
        self._tasks: dict[str, Task] = {}
        self._waits: dict[str, set[str]] = {}
        self._readers: dict[str, set[str]] = defaultdict(set)
        self._ready: dict[Lane, list[_Rank]] = {"cpu": [], "gpu": [], "transient": []}
        self._add(to_do)

    def n_open(self) -> int:
        """Number of tasks that have neither a result nor a failure."""
        return sum(self._open(key) for key in self._tasks)

    def next_ready(self, lane: Lane) -> Task | None:
        """The first task of the lane whose inputs are there; None if there is none."""
        ready = self._ready[lane]
        while ready:
            key = ready[0][-1]
            if self._open(key) and not self._waits[key]:
                return self._tasks[key]
            heapq.heappop(ready)  # it failed meanwhile, or waits for an input that is made again
        return None

    def start_next(self, lanes: Iterable[Lane]) -> Task | None:
        """Start the first ready task of the ``lanes``, in the order of the plan; None if there is none."""
        firsts = [(self._ready[lane][0], lane) for lane in lanes if self.next_ready(lane) is not None]
        if not firsts:
            return None
        *_, key = heapq.heappop(self._ready[min(firsts)[1]])
        self._observer.event(TaskStarted(self._tasks[key]))
        return self._tasks[key]

    def retry(self, task: Task) -> None:
        """Make the task ready once more, at its place in the order."""
        self._push(task)

    def done(self, task: Task, done: TaskDone) -> None:
        """Record a result, which makes ready the tasks that waited for it."""
        self.outcome.done[task.key] = done
        for reader in self._readers[task.key]:
            self._waits[reader].discard(task.key)
            if not self._waits[reader]:
                self._push(self._tasks[reader])
        self._observer.event(TaskEnded(task, done))

    def failed(self, failure: TaskFailure) -> list[Task]:
        """Record a failure; returns the tasks downstream of it, which are blocked."""
        self.outcome.failures[failure.task.key] = failure
        self._observer.event(TaskEnded(failure.task, failure))
        blocked = []
        for key in self._downstream(failure.task.key):
            if self._open(key):
                blocked.append(self._tasks[key])
                self.outcome.failures[key] = TaskFailure(blocked[-1], failure.message, failure.hint, cause=failure.task)
                self._observer.event(TaskEnded(blocked[-1], self.outcome.failures[key]))
        return blocked

    def remake(self, reader: Task, keys: Iterable[str], exists: Callable[[str], bool]) -> list[Task]:
        """Schedule results of ``keys`` to be made again, and ``reader`` after them; returns the tasks scheduled.

        Their own inputs are made again too unless a result ``exists``. The list is empty if one of them is no task of
        the plan or has failed in this run.
        """
        remade: dict[str, Task] = {}
        wanted = set(keys)
        pending = list(wanted)
        while pending:
            key = pending.pop()
            if key in remade or key.startswith("file:"):
                continue
            if key not in self._known or key in self.outcome.failures:
                return []
            remade[key] = self._known[key]
            pending.extend(source for source in remade[key].inputs.values() if not exists(source))
        new = [task for key, task in remade.items() if key not in self._tasks or key in self.outcome.done]
        for task in new:
            self.outcome.done.pop(task.key, None)
            self._remade.add(task.key)
        self._add(sorted(new, key=lambda task: self._order[task.key]))
        for key in wanted:
            self._waits[reader.key].add(key)
            self._readers[key].add(reader.key)
        return list(remade.values())

    def _add(self, tasks: Sequence[Task]) -> None:
        self._tasks.update((task.key, task) for task in tasks)
        for task in tasks:
            unmet = {key for key in task.inputs.values() if key in self._tasks and self._open(key)}
            self._waits[task.key] = unmet
            for key in unmet:
                self._readers[key].add(task.key)
            if not unmet:
                self._push(task)

    def _open(self, key: str) -> bool:
        return key not in self.outcome.done and key not in self.outcome.failures

    def _push(self, task: Task) -> None:
        lane = self._lane_of(task)
        if lane == "transient" and task.key in self._remade:
            lane = "cpu"  # a reader waits for it already
        heapq.heappush(self._ready[lane], (self._shuffled(task, lane), self._order[task.key], task.key))

    def _shuffled(self, task: Task, lane: Lane) -> int:
        """The rank of the task's recording, which precedes the order of the plan; 0 without a shuffle seed."""
        if not self._shuffle_seed or lane == "transient":
            return 0
        return zlib.crc32(f"{self._shuffle_seed} {task.recording_id or task.key}".encode())

    def _downstream(self, key: str) -> Iterator[str]:
        pending = list(self._readers[key])
        visited: set[str] = set()
        while pending:
            reader = pending.pop()
            if reader not in visited:
                visited.add(reader)
                yield reader
                pending.extend(self._readers[reader])
