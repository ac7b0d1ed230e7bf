"""The state of a run, folded from its events: for live progress, ``rppgbench status`` and stage times."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from rppgbench.pipeline.stages import stages
from rppgbench.runs.events import Event, mapping, number, text
from rppgbench.runs.snapshot import GroupedNotice, InterimBest, RunningTask, Snapshot, StageTally
from rppgbench.runs.time_left import Pace, left_s


class RunState:
    """The fold of a run's events, in their order, into a `Snapshot`. Any thread may read it.

    It accepts any event: unknown ones are ignored, missing fields are zeros, and a clock that goes back stands still.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal may be handled in the midst of an event
        self._snapshot = Snapshot()
        self._stages: dict[str, StageTally] = {}
        self._running: dict[str, tuple[RunningTask, float]] = {}
        self._results: dict[str, str] = {}  # status of each ended task, by key, so that none is counted twice
        self._paces: dict[str, Pace] = {}
        self._notices: dict[tuple[str, str, str], GroupedNotice] = {}
        self._last_at: float | None = None
        self._handlers: Mapping[str, Callable[[Event], None]] = {
            "planned": self._planned,
            "workers": self._workers,
            "started": self._started,
            "done": self._done,
            "failed": self._failed,
            "blocked": self._blocked,
            "retried": self._retried,
            "remade": self._remade,
            "evicted": self._evicted,
            "waiting": self._waiting,
            "best": self._best,
            "ended": self._ended,
        }

    def feed(self, event: Event) -> None:
        """Add the next event."""
        handler = self._handlers.get(text(event, "status"))
        with self._lock:
            if self._snapshot.state == "running":  # nothing comes after the end
                self._pass_time(event)
                if handler is not None:
                    handler(event)

    def snapshot(self, now_s: float | None = None) -> Snapshot:
        """The run at ``now_s`` on the clock of the events, by default at the time of the last event."""
        with self._lock:
            since_s = 0.0
            if now_s is not None and self._last_at is not None and self._snapshot.state == "running":
                since_s = max(now_s - self._last_at, 0.0)
            elapsed_s = self._snapshot.elapsed_s + since_s
            running = tuple(
                replace(task, for_s=max(elapsed_s - began_s, 0.0)) for task, began_s in self._running.values()
            )
            names = dict.fromkeys((*stages(), *self._stages))
            tallies = [self._paced(self._stages[name], elapsed_s) for name in names if name in self._stages]
            failures = tuple(notice for notice in self._notices.values() if notice.kind == "failed")
            return replace(
                self._snapshot,
                stages=tuple(tallies),
                running=running,
                failures=failures,
                notes=tuple(notice for notice in self._notices.values() if notice.kind != "failed"),
                elapsed_s=elapsed_s,
                left_s=left_s(tallies, running, elapsed_s, self._slots) if self._snapshot.state == "running" else None,
            )

    @property
    def _slots(self) -> int:
        """Number of tasks that can run at once; 1 without workers, when the run's own process runs them."""
        return max(sum(self._snapshot.workers.values()), 1)

    def _paced(self, stage: StageTally, elapsed_s: float) -> StageTally:
        pace, to_go = self._paces.get(stage.stage), stage.total - stage.ended
        rate = pace.per_minute(elapsed_s) if pace and to_go else None
        return replace(stage, rate_per_min=rate, left_s=60 * to_go / rate if rate else None)

    def _pass_time(self, event: Event) -> None:
        at = number(event, "at")
        if not at:
            return
        passed_s = 0.0 if self._last_at is None else max(at - self._last_at, 0.0)
        self._last_at = at
        for stage in self._stages.values():
            if stage.running:
                stage.held_s += passed_s * stage.running / max(len(self._running), 1)
        idle = max(self._slots - len(self._running), 0)
        self._snapshot = replace(
            self._snapshot,
            elapsed_s=self._snapshot.elapsed_s + passed_s,
            slot_s=self._snapshot.slot_s + passed_s * self._slots,
            idle_s=self._snapshot.idle_s + passed_s * idle,
        )

    def _stage(self, event: Event) -> StageTally:
        name = text(event, "stage") or "?"
        return self._stages.setdefault(name, StageTally(name))

    def _planned(self, event: Event) -> None:
        for name, counts in mapping(event, "stages").items():
            if isinstance(counts, Mapping):
                stage = self._stages.setdefault(name, StageTally(name))
                stage.planned, stage.cached = int(number(counts, "tasks")), int(number(counts, "cached"))
                stage.expected_s = stage.planned_s = number(counts, "expected_s")
        self._workers(event)
        self._snapshot = replace(
            self._snapshot,
            dashboard=text(event, "dashboard") or None,
            disk_bytes=number(event, "disk_bytes") or None,
            host=text(event, "host"),
        )

    def _workers(self, event: Event) -> None:
        workers = mapping(event, "workers")
        self._snapshot = replace(self._snapshot, workers={kind: int(number(workers, kind)) for kind in workers})

    def _started(self, event: Event) -> None:
        key, stage = _key(event), self._stage(event)
        self._reopen(key, stage)
        self._stop(key, stage)
        expected_s = number(event, "expected_s") or stage.mean_expected_s
        task = RunningTask(stage.stage, text(event, "task"), key, 0.0, expected_s)
        self._running[key] = (task, self._snapshot.elapsed_s)
        stage.running += 1
        self._pace(stage)
        self._snapshot = replace(self._snapshot, waiting=None)

    def _pace(self, stage: StageTally) -> Pace:
        return self._paces.setdefault(stage.stage, Pace(self._snapshot.elapsed_s))

    def _stop(self, key: str, stage: StageTally) -> float | None:
        """Seconds that a task ran which runs no more; None if it did not run."""
        running = self._running.pop(key, None)
        if running is None:
            return None
        stage.running -= 1
        return max(self._snapshot.elapsed_s - running[1], 0.0)

    def _end(self, event: Event, result: str) -> float | None:
        key, stage = _key(event), self._stage(event)
        self._reopen(key, stage)
        running = self._running.get(key)
        stage.expected_s = max(stage.expected_s - (running[0].expected_s if running else stage.mean_expected_s), 0.0)
        ran_s = self._stop(key, stage)
        self._results[key] = result
        setattr(stage, result, getattr(stage, result) + 1)
        if result != "blocked":
            self._pace(stage).ended(self._snapshot.elapsed_s)
        self._snapshot = replace(self._snapshot, waiting=None)
        return ran_s

    def _reopen(self, key: str, stage: StageTally) -> None:
        result = self._results.pop(key, None)
        if result is not None:
            setattr(stage, result, getattr(stage, result) - 1)

    def _done(self, event: Event) -> None:
        if event.get("found") is True:
            self._end(event, "found")
            return
        self._end(event, "done")
        stage, seconds = self._stage(event), number(event, "seconds")
        stage.core_s += seconds
        if seconds > stage.longest_s:
            stage.longest_s, stage.longest_task = seconds, text(event, "task")
        memory_bytes = int(number(event, "memory_bytes"))
        stage.memory_bytes = max(stage.memory_bytes, memory_bytes)
        self._snapshot = replace(self._snapshot, memory_bytes=max(self._snapshot.memory_bytes, memory_bytes))

    def _failed(self, event: Event) -> None:
        self._stage(event).lost_s += self._end(event, "failed") or 0.0
        self._note(event)

    def _blocked(self, event: Event) -> None:
        self._end(event, "blocked")

    def _retried(self, event: Event) -> None:
        stage = self._stage(event)
        stage.lost_s += self._stop(_key(event), stage) or 0.0
        self._note(event)

    def _remade(self, event: Event) -> None:
        """A task that was cached, or done in this run, is to be done once more."""
        if _key(event):
            key, stage = _key(event), self._stage(event)
            if key in self._results:
                self._reopen(key, stage)
            elif key not in self._running and stage.cached:
                stage.cached -= 1
            stage.expected_s += stage.core_s / stage.done if stage.done else stage.mean_expected_s
        self._note(event)

    def _evicted(self, event: Event) -> None:
        self._snapshot = replace(self._snapshot, evicted_bytes=self._snapshot.evicted_bytes + number(event, "bytes"))

    def _waiting(self, event: Event) -> None:
        self._snapshot = replace(self._snapshot, waiting=text(event, "reason") or None)
        self._note(event)

    def _note(self, event: Event) -> None:
        kind, stage, message = text(event, "status"), text(event, "stage"), text(event, "reason")
        first = self._notices.get((kind, stage, message))
        notice = (
            replace(first, count=first.count + 1) if first else GroupedNotice(kind, stage, message, text(event, "task"))
        )
        self._notices[kind, stage, message] = notice

    def _best(self, event: Event) -> None:
        n_windows, conditions = int(number(event, "n_windows")), int(number(event, "conditions"))
        best = InterimBest(text(event, "entry"), number(event, "hr_mae_bpm"), n_windows, conditions)
        self._snapshot = replace(self._snapshot, best=best)

    def _ended(self, event: Event) -> None:
        self._running.clear()
        for stage in self._stages.values():
            stage.running = 0
        self._snapshot = replace(
            self._snapshot,
            state=text(event, "state") or "ended",
            elapsed_s=number(event, "wall_s") or self._snapshot.elapsed_s,
            waiting=None,
        )


def _key(event: Event) -> str:
    return text(event, "key") or text(event, "task")
