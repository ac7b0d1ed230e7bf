"""A run as its events tell it: one view for live progress, for ``rppgbench status`` and for where time went."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from rppgbench.pipeline.stages import stages
from rppgbench.runs.events import Event, mapping, number, text
from rppgbench.runs.snapshot import GroupedNotice, InterimBest, RunningTask, Snapshot, StageTally
from rppgbench.runs.time_left import Pace, left_s


class RunState:
    """Folds events, in the order in which they came, into what a run looks like. Any thread may look at it.

    It takes whatever it is given: unknown events are passed over, missing fields are zeros, a clock that goes back
    stands still meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal may be handled in the midst of an event
        self._now = Snapshot()
        self._stages: dict[str, StageTally] = {}
        self._running: dict[str, tuple[RunningTask, float]] = {}
        self._fates: dict[str, str] = {}  # how each task ended, by key, so that none is counted twice
        self._paces: dict[str, Pace] = {}
        self._alike: dict[tuple[str, str, str], GroupedNotice] = {}
        self._last_at: float | None = None
        self._readers: Mapping[str, Callable[[Event], None]] = {
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
        """Take in what happened next."""
        reader = self._readers.get(text(event, "status"))
        with self._lock:
            if self._now.state == "running":  # nothing comes after the end
                self._pass_time(event)
                if reader is not None:
                    reader(event)

    def snapshot(self, now_s: float | None = None) -> Snapshot:
        """The run at ``now_s`` on the clock of the events, or else when the last of them came."""
        with self._lock:
            since_s = 0.0
            if now_s is not None and self._last_at is not None and self._now.state == "running":
                since_s = max(now_s - self._last_at, 0.0)
            elapsed_s = self._now.elapsed_s + since_s
            running = tuple(
                replace(task, for_s=max(elapsed_s - began_s, 0.0)) for task, began_s in self._running.values()
            )
            names = dict.fromkeys((*stages(), *self._stages))
            tallies = [self._paced(self._stages[name], elapsed_s) for name in names if name in self._stages]
            failures = tuple(alike for alike in self._alike.values() if alike.kind == "failed")
            return replace(
                self._now,
                stages=tuple(tallies),
                running=running,
                failures=failures,
                notes=tuple(alike for alike in self._alike.values() if alike.kind != "failed"),
                elapsed_s=elapsed_s,
                left_s=left_s(tallies, running, elapsed_s, self._slots) if self._now.state == "running" else None,
            )

    @property
    def _slots(self) -> int:
        """Tasks that can run at once; one where no worker is, for then it is this process that works."""
        return max(sum(self._now.workers.values()), 1)

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
        self._now = replace(
            self._now,
            elapsed_s=self._now.elapsed_s + passed_s,
            slot_s=self._now.slot_s + passed_s * self._slots,
            idle_s=self._now.idle_s + passed_s * idle,
        )

    def _stage(self, event: Event) -> StageTally:
        name = text(event, "stage") or "?"
        return self._stages.setdefault(name, StageTally(name))

    def _planned(self, event: Event) -> None:
        for name, said in mapping(event, "stages").items():
            if isinstance(said, Mapping):
                stage = self._stages.setdefault(name, StageTally(name))
                stage.planned, stage.cached = int(number(said, "tasks")), int(number(said, "cached"))
                stage.expected_s = stage.planned_s = number(said, "expected_s")
        self._workers(event)
        self._now = replace(
            self._now,
            dashboard=text(event, "dashboard") or None,
            disk_bytes=number(event, "disk_bytes") or None,
            host=text(event, "host"),
        )

    def _workers(self, event: Event) -> None:
        workers = mapping(event, "workers")
        self._now = replace(self._now, workers={kind: int(number(workers, kind)) for kind in workers})

    def _started(self, event: Event) -> None:
        key, stage = _key(event), self._stage(event)
        self._reopen(key, stage)
        self._stop(key, stage)
        expected_s = number(event, "expected_s") or stage.mean_expected_s
        task = RunningTask(stage.stage, text(event, "task"), key, 0.0, expected_s)
        self._running[key] = (task, self._now.elapsed_s)
        stage.running += 1
        self._pace(stage)
        self._now = replace(self._now, waiting=None)

    def _pace(self, stage: StageTally) -> Pace:
        return self._paces.setdefault(stage.stage, Pace(self._now.elapsed_s))

    def _stop(self, key: str, stage: StageTally) -> float | None:
        """The task runs no more: for how long it did, None if it did not."""
        known = self._running.pop(key, None)
        if known is None:
            return None
        stage.running -= 1
        return max(self._now.elapsed_s - known[1], 0.0)

    def _end(self, event: Event, fate: str) -> float | None:
        key, stage = _key(event), self._stage(event)
        self._reopen(key, stage)
        known = self._running.get(key)
        stage.expected_s = max(stage.expected_s - (known[0].expected_s if known else stage.mean_expected_s), 0.0)
        ran_s = self._stop(key, stage)
        self._fates[key] = fate
        setattr(stage, fate, getattr(stage, fate) + 1)
        if fate != "blocked":
            self._pace(stage).ended(self._now.elapsed_s)
        self._now = replace(self._now, waiting=None)
        return ran_s

    def _reopen(self, key: str, stage: StageTally) -> None:
        fate = self._fates.pop(key, None)
        if fate is not None:
            setattr(stage, fate, getattr(stage, fate) - 1)

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
        self._now = replace(self._now, memory_bytes=max(self._now.memory_bytes, memory_bytes))

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
        """What was cached, or done in this run, is to be done once more."""
        if _key(event):
            key, stage = _key(event), self._stage(event)
            if key in self._fates:
                self._reopen(key, stage)
            elif key not in self._running and stage.cached:
                stage.cached -= 1
            stage.expected_s += stage.core_s / stage.done if stage.done else stage.mean_expected_s
        self._note(event)

    def _evicted(self, event: Event) -> None:
        self._now = replace(self._now, evicted_bytes=self._now.evicted_bytes + number(event, "bytes"))

    def _waiting(self, event: Event) -> None:
        self._now = replace(self._now, waiting=text(event, "reason") or None)
        self._note(event)

    def _note(self, event: Event) -> None:
        kind, stage, message = text(event, "status"), text(event, "stage"), text(event, "reason")
        first = self._alike.get((kind, stage, message))
        alike = (
            replace(first, count=first.count + 1) if first else GroupedNotice(kind, stage, message, text(event, "task"))
        )
        self._alike[kind, stage, message] = alike

    def _best(self, event: Event) -> None:
        n_windows, conditions = int(number(event, "n_windows")), int(number(event, "conditions"))
        best = InterimBest(text(event, "entry"), number(event, "hr_mae_bpm"), n_windows, conditions)
        self._now = replace(self._now, best=best)

    def _ended(self, event: Event) -> None:
        self._running.clear()
        for stage in self._stages.values():
            stage.running = 0
        self._now = replace(
            self._now,
            state=text(event, "state") or "ended",
            elapsed_s=number(event, "wall_s") or self._now.elapsed_s,
            waiting=None,
        )


def _key(event: Event) -> str:
    return text(event, "key") or text(event, "task")
