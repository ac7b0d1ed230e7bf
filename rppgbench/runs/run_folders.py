"""The run folders of a store, their liveness and their summaries."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from rppgbench.errors import StoreError, nearest
from rppgbench.runs.events import EVENTS, EventFile, last_event, mapping, number, text
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import Snapshot
from rppgbench.store.store import Store

ALIVE = "alive"
BEAT_S = 10.0  # interval at which a run touches its file `alive`
STALE_S = 60.0  # age of that file from which a run counts as dead


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run, named ``<protocol>-<start in UTC>-<6 hexadecimal digits>``."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def protocol(self) -> str:
        return self.name.rsplit("-", 2)[0]

    @property
    def stamp(self) -> str:
        parts = self.name.rsplit("-", 2)
        return parts[1] if len(parts) == 3 else ""

    @property
    def began(self) -> datetime | None:
        try:
            return datetime.strptime(self.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        except ValueError:
            return None


@dataclass(frozen=True)
class Liveness:
    """The state of a run: running, died, the final state that it logged, or unknown.

    ``silent_s`` are the seconds since its last sign of life; ``sure`` is false if two clocks had to be compared for it.
    ``now_s`` is the present time on the clock of its events.
    """

    state: str
    now_s: float
    silent_s: float | None = None
    sure: bool = True


@dataclass(frozen=True)
class RunSummary:
    """The state of a run and its numbers of done and failed tasks."""

    run: RunFolder
    state: str
    done: int
    failed: int


class WatchedRun:
    """A run that is followed from another process, through its event log."""

    def __init__(self, run: RunFolder, store: Store) -> None:
        self.run = run
        self.view = RunState()
        self._store = store
        self._events = EventFile(run.path / EVENTS)

    def refresh(self) -> bool:
        """Read new events; false if there were none."""
        n_new = 0
        for event in self._events.new():
            self.view.feed(event)
            n_new += 1
        return n_new > 0

    def look(self) -> tuple[Liveness, Snapshot]:
        """The liveness and the state of the run, from the events that ``refresh`` has read."""
        state = self.view.snapshot().state
        liveness = Liveness(state, time.time()) if state != "running" else liveness_of(self.run, self._store)
        if liveness.state == "running":
            return liveness, self.view.snapshot(liveness.now_s)
        last = self.view.snapshot()
        stages = tuple(replace(stage, rate_per_min=None, left_s=None) for stage in last.stages)
        return liveness, replace(last, state=liveness.state, left_s=None, stages=stages)  # nothing more will come


def runs_in(store: Store) -> Sequence[RunFolder]:
    """All run folders, the newest first.

    Raises:
        StoreError: there are none.
    """
    try:
        found = [RunFolder(Path(entry.path)) for entry in os.scandir(store.root / "runs") if entry.is_dir()]
    except OSError:
        found = []
    if not found:
        raise StoreError(f"{store.root}: no run was started here yet", hint="another store? name it with --store")
    return sorted(found, key=lambda run: (run.stamp, run.name), reverse=True)


def find_run(runs: Sequence[RunFolder], store: Store, wanted: str | None = None) -> RunFolder:
    """The newest living run, else the newest, of those whose protocol is ``wanted`` or whose name begins with it.

    Raises:
        StoreError: there is no such run.
    """
    if wanted is not None:
        named = [run for run in runs if run.protocol == wanted] or [run for run in runs if run.name.startswith(wanted)]
        if not named:
            hint = nearest(wanted, {run.protocol for run in runs})
            raise StoreError(f"{store.root}: no run is called {wanted!r}", hint=hint)
        runs = named
    now_s, _ = _clock(store)
    return next((run for run in runs if _is_alive(run, now_s)), runs[0])


def liveness_of(run: RunFolder, store: Store) -> Liveness:
    """The liveness of a run without a final state; unknown for a run of a version that wrote no sign of life."""
    now_s, sure = _clock(store)
    beat = _beat(run)
    if beat is None:
        return Liveness("unknown", time.time())
    at_s, changed_s = beat
    silent_s = max(now_s - changed_s, 0.0)
    return Liveness("running" if silent_s < STALE_S else "died", at_s + silent_s, silent_s, sure)


def summarise_run(run: RunFolder, store: Store) -> RunSummary:
    """The state of a run and its counts of tasks; of a run that has ended only the last event is read."""
    last = last_event(run.path / EVENTS) or {}
    if text(last, "status") == "ended":
        tasks = mapping(last, "tasks")
        done, failed = int(number(tasks, "done") + number(tasks, "found")), int(number(tasks, "failed"))
        return RunSummary(run, text(last, "state"), done, failed)
    watched = WatchedRun(run, store)
    watched.refresh()
    liveness, snapshot = watched.look()
    return RunSummary(run, liveness.state, snapshot.count("done") + snapshot.count("found"), snapshot.count("failed"))


def _is_alive(run: RunFolder, now_s: float) -> bool:
    beat = _beat(run)
    if beat is None or now_s - beat[1] >= STALE_S:
        return False
    return text(last_event(run.path / EVENTS) or {}, "status") != "ended"


def _beat(run: RunFolder) -> tuple[float, float] | None:
    """Times of the last sign of life in s, by the clock of the run and by that of the file system; None without any."""
    try:
        with (run.path / ALIVE).open("rb") as file:  # opened, because a network file system then looks anew
            changed_s = os.fstat(file.fileno()).st_mtime
            return float(file.read()), changed_s
    except (OSError, ValueError):
        return None


def _clock(store: Store) -> tuple[float, bool]:
    """The file system's time and True; this machine's time and False if the store cannot be written."""
    try:
        return Store(store.root).now(), True
    except (StoreError, OSError):
        return time.time(), False
