"""Which entry is ahead while a run goes on."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import RunNotice, TaskDone, TaskFailure
from rppgbench.runs.snapshot import InterimBest

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Cell
    from rppgbench.store.store import Store

Group = tuple[str, str]  # a recording under a condition


class InterimLeader:
    """Tells now and then which entry is ahead: an observer of a run.

    Entries are compared on the windows that each of them has scored, so that none gains from being done with the easy
    recordings first. An entry that has scored nothing at all is left out, and so are controls. Cells ``to_do`` come as
    they end; what was in the store before is read a recording at a time beside them.
    """

    every_s = 10.0

    def __init__(
        self, cells: Iterable[Cell], to_do: Iterable[Task], store: Store, tell: Callable[[InterimBest], None]
    ) -> None:
        self._store, self._tell = store, tell
        self._cells: dict[Group, list[Cell]] = defaultdict(list)
        self._groups: dict[str, Group] = {}
        self._waits: Counter[Group] = Counter()
        # By the set of entries that have scored a window: how many windows, of which conditions, the entries' errors.
        self._windows: Counter[frozenset[str]] = Counter()
        self._conditions: dict[frozenset[str], set[str]] = defaultdict(set)
        self._errors: dict[frozenset[str], Counter[str]] = defaultdict(Counter)
        self._told_s = -self.every_s
        waited = {task.key for task in to_do if task.stage == "score"}
        for cell in cells:
            if not cell.entry.method_spec.control:
                group = (cell.recording.id, cell.condition.id)
                self._cells[group].append(cell)
                if cell.score.key in waited:
                    self._groups[cell.score.key] = group
                    self._waits[group] += 1
        self._before = [group for group in self._cells if not self._waits[group]]

    def started(self, task: Task) -> None:
        """Nothing to learn from."""

    def noted(self, note: RunNotice) -> None:
        """Nothing to learn from."""

    def workers(self, workers: Mapping[str, int]) -> None:
        """Nothing to learn from."""

    def ended(self, task: Task, result: TaskDone | TaskFailure) -> None:
        group = self._groups.pop(task.key, None)
        if group is None:
            return
        self._waits[group] -= 1
        if not self._waits[group]:
            self._read(group)
        if self._before:
            self._read(self._before.pop())
        now_s = time.monotonic()
        if now_s - self._told_s >= self.every_s or not self._groups:
            best = self.best()
            if best is not None:
                self._told_s = now_s
                self._tell(best)

    def best(self) -> InterimBest | None:
        """The entry with the least error; None before there is a window that all have scored."""
        running = frozenset(entry for scorers in self._windows for entry in scorers)
        shared = [scorers for scorers in self._windows if scorers == running]
        if not shared:
            return None
        (scorers,) = shared
        n_windows, errors = self._windows[scorers], self._errors[scorers]
        entry = min(sorted(errors), key=errors.__getitem__)
        return InterimBest(entry, round(errors[entry] / n_windows, 4), n_windows, len(self._conditions[scorers]))

    def _read(self, group: Group) -> None:
        """Count in a recording under a condition of which all scores are there that there will be."""
        by_window: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for cell in self._cells.pop(group):
            for window, error_bpm in self._errors_of(cell.score.key).items():
                by_window[window][cell.entry.id].append(abs(error_bpm))
        for errors in by_window.values():
            scorers = frozenset(errors)
            self._windows[scorers] += 1
            self._conditions[scorers].add(group[1])
            self._errors[scorers].update({entry: _mean(of_seeds) for entry, of_seeds in errors.items()})

    def _errors_of(self, key: str) -> Mapping[int, float]:
        """Errors by window, of those that are scored; none where there is no such artefact or it is damaged."""
        try:
            rows = json.loads((self._store.path(key) / "rows.json").read_text(encoding="utf-8"))
            return {row["window"]: float(row["error_bpm"]) for row in rows if row["status"] == "scored"}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
