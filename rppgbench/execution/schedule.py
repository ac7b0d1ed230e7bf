"""Which task may start next, and what follows from the end of one."""

from __future__ import annotations

import heapq
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import Observer, RunOutcome, TaskDone, TaskFailure

# Tasks of a lane start in the order of the plan. "gpu" has those that run a network, "passing" those whose results are
# dropped when they have been read, which start one after the other as there is room for them.
Lane: TypeAlias = Literal["cpu", "gpu", "passing"]
_Rank: TypeAlias = tuple[int, int, str]
LANES: tuple[Lane, ...] = get_args(Lane)


def runs_on_gpu(task: Task) -> bool:
    """Whether the task trains or runs a network on a GPU."""
    return task.device not in (None, "cpu")


class Schedule:
    """Tasks to do, each to start after its inputs, the first of the plan first.

    ``known`` are all tasks of the plan by key: those of results that turn out to be damaged are among them. With
    ``apart``, a name, tasks are taken in an order of that name's own, recording by recording, so that two runs of one
    plan seldom do the same; but for those of the lane "passing", for which there has to be room.
    """

    def __init__(
        self,
        to_do: Sequence[Task],
        known: Mapping[str, Task],
        observer: Observer,
        lane_of: Callable[[Task], Lane] = lambda task: "cpu",
        apart: str = "",
    ) -> None:
        self.outcome = RunOutcome()
        self._observer = observer
        self._known = {**known, **{task.key: task for task in to_do}}
        self._order = {key: index for index, key in enumerate(self._known)}
        self._lane_of, self._apart = lane_of, apart
        self._again: set[str] = set()
        self._tasks: dict[str, Task] = {}
        self._waits: dict[str, set[str]] = {}
        self._readers: dict[str, set[str]] = defaultdict(set)
        self._ready: dict[Lane, list[_Rank]] = {"cpu": [], "gpu": [], "passing": []}
        self._add(to_do)

    def left(self) -> int:
        """How many tasks have neither a result nor a failure."""
        return sum(self._open(key) for key in self._tasks)

    def first(self, lane: Lane) -> Task | None:
        """The first task of the lane that could start now."""
        ready = self._ready[lane]
        while ready:
            key = ready[0][-1]
            if self._open(key) and not self._waits[key]:
                return self._tasks[key]
            heapq.heappop(ready)  # it failed meanwhile, or waits for an input that is made again
        return None

    def take(self, lanes: Iterable[Lane]) -> Task | None:
        """Start the first task of the plan among the first of some lanes."""
        firsts = [(self._ready[lane][0], lane) for lane in lanes if self.first(lane) is not None]
        if not firsts:
            return None
        *_, key = heapq.heappop(self._ready[min(firsts)[1]])
        self._observer.started(self._tasks[key])
        return self._tasks[key]

    def retry(self, task: Task) -> None:
        """Once more, before all that comes after it."""
        self._push(task)

    def done(self, task: Task, done: TaskDone) -> None:
        """It has its result: what waited for it may start."""
        self.outcome.done[task.key] = done
        for reader in self._readers[task.key]:
            self._waits[reader].discard(task.key)
            if not self._waits[reader]:
                self._push(self._tasks[reader])
        self._observer.ended(task, done)

    def failed(self, failure: TaskFailure) -> list[Task]:
        """It will have none, nor will all that needs it: these are given back."""
        self.outcome.failures[failure.task.key] = failure
        self._observer.ended(failure.task, failure)
        blocked = []
        for key in self._downstream(failure.task.key):
            if self._open(key):
                blocked.append(self._tasks[key])
                self.outcome.failures[key] = TaskFailure(blocked[-1], failure.message, failure.hint, cause=failure.task)
                self._observer.ended(blocked[-1], self.outcome.failures[key])
        return blocked

    def make_again(self, reader: Task, keys: Iterable[str], there: Callable[[str], bool]) -> list[Task]:
        """Have results made again that were thought to be there, and ``reader`` after them.

        What they need themselves and is not ``there`` any more is made again too. Empty when that cannot be: one of
        them is none of the plan's tasks, or has failed in this run.
        """
        again: dict[str, Task] = {}
        wanted = set(keys)
        pending = list(wanted)
        while pending:
            key = pending.pop()
            if key in again or key.startswith("file:"):
                continue
            if key not in self._known or key in self.outcome.failures:
                return []
            again[key] = self._known[key]
            pending.extend(source for source in again[key].inputs.values() if not there(source))
        fresh = [task for key, task in again.items() if key not in self._tasks or key in self.outcome.done]
        for task in fresh:
            self.outcome.done.pop(task.key, None)
            self._again.add(task.key)
        self._add(sorted(fresh, key=lambda task: self._order[task.key]))
        for key in wanted:
            self._waits[reader.key].add(key)
            self._readers[key].add(reader.key)
        return list(again.values())

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
        if lane == "passing" and task.key in self._again:
            lane = "cpu"  # somebody waits for it already
        heapq.heappush(self._ready[lane], (self._turn(task, lane), self._order[task.key], task.key))

    def _turn(self, task: Task, lane: Lane) -> int:
        """What comes before the order of the plan."""
        if not self._apart or lane == "passing":
            return 0
        return zlib.crc32(f"{self._apart} {task.recording_id or task.key}".encode())

    def _downstream(self, key: str) -> Iterator[str]:
        pending = list(self._readers[key])
        seen: set[str] = set()
        while pending:
            reader = pending.pop()
            if reader not in seen:
                seen.add(reader)
                yield reader
                pending.extend(self._readers[reader])
