"""The interim leader of a run: the entry with the least error so far."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import RunEvent, TaskEnded
from rppgbench.runs.snapshot import InterimBest

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Trial
    from rppgbench.store.store import Store

Group = tuple[str, str]  # recording, condition


class InterimLeader:
    """An observer that reports the entry with the least error at most every ``every_s`` seconds.

    Entries are compared on the windows that all of them have scored, so that none gains from finishing the easy
    recordings first. Entries without any score and controls are left out. Scores ``to_do`` are read as their tasks end,
    scores that were in the store before one recording at a time beside them.
    """

    every_s = 10.0

    def __init__(
        self, trials: Iterable[Trial], to_do: Iterable[Task], store: Store, report: Callable[[InterimBest], None]
    ) -> None:
        self._store, self._report = store, report
        self._trials: dict[Group, list[Trial]] = defaultdict(list)
        self._groups: dict[str, Group] = {}
        self._n_pending: Counter[Group] = Counter()
        # By the set of entries that have scored a window: number of windows, their conditions, sums of errors by entry.
        self._windows: Counter[frozenset[str]] = Counter()
        self._conditions: dict[frozenset[str], set[str]] = defaultdict(set)
        self._errors: dict[frozenset[str], Counter[str]] = defaultdict(Counter)
        self._reported_s = -self.every_s
        pending = {task.key for task in to_do if task.stage == "score"}
        for trial in trials:
            if not trial.entry.method_spec.control:
                group = (trial.recording.id, trial.condition.id)
                self._trials[group].append(trial)
                if trial.score.key in pending:
                    self._groups[trial.score.key] = group
                    self._n_pending[group] += 1
        self._stored = [group for group in self._trials if not self._n_pending[group]]

    def event(self, event: RunEvent) -> None:
        group = self._groups.pop(event.task.key, None) if isinstance(event, TaskEnded) else None
        if group is None:
            return
        self._n_pending[group] -= 1
        if not self._n_pending[group]:
            self._read(group)
        if self._stored:
            self._read(self._stored.pop())
        now_s = time.monotonic()
        if now_s - self._reported_s >= self.every_s or not self._groups:
            best = self.best()
            if best is not None:
                self._reported_s = now_s
                self._report(best)

    def best(self) -> InterimBest | None:
        """The entry with the least mean absolute error; None before there is a window that all entries have scored."""
        entries = frozenset(entry for scorers in self._windows for entry in scorers)
        shared = [scorers for scorers in self._windows if scorers == entries]
        if not shared:
            return None
        (scorers,) = shared
        n_windows, errors = self._windows[scorers], self._errors[scorers]
        entry = min(sorted(errors), key=errors.__getitem__)
        return InterimBest(entry, round(errors[entry] / n_windows, 4), n_windows, len(self._conditions[scorers]))

    def _read(self, group: Group) -> None:
        """Add the scores of a recording under a condition, of which no score is pending."""
        by_window: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for trial in self._trials.pop(group):
            for window, error_bpm in self._errors_of(trial.score.key).items():
                by_window[window][trial.entry.id].append(abs(error_bpm))
        for errors in by_window.values():
            scorers = frozenset(errors)
            self._windows[scorers] += 1
            self._conditions[scorers].add(group[1])
            self._errors[scorers].update({entry: _mean(of_seeds) for entry, of_seeds in errors.items()})

    def _errors_of(self, key: str) -> Mapping[int, float]:
        """Errors of scored windows in bpm, by window; empty for an artefact that is missing or damaged."""
        try:
            rows = json.loads((self._store.path(key) / "rows.json").read_text(encoding="utf-8"))
            return {row["window"]: float(row["error_bpm"]) for row in rows if row["status"] == "scored"}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
