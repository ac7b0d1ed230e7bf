"""The runs that a store knows of: which there are, which of them live, and what they tell."""

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
BEAT_S = 10.0  # a run shows that often that it lives
STALE_S = 60.0  # and is believed dead when it has not for so long


@dataclass(frozen=True)
class RunFolder:
    """What a run left, or leaves just now; its name is ``<protocol>-<when it began, UTC>-<6 letters>``."""

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
    """How a run is: running, died, as it ended by its own account, or unknown.

    ``silent_s`` is how long it has shown no life, ``sure`` that the clocks that say so are the same; ``now_s`` is what
    the clock of its events shows.
    """

    state: str
    now_s: float
    silent_s: float | None = None
    sure: bool = True


@dataclass(frozen=True)
class RunSummary:
    """One line on a run: how it is, and what became of its tasks."""

    run: RunFolder
    state: str
    done: int
    failed: int


class WatchedRun:
    """A run that is looked at from outside, as often as one likes."""

    def __init__(self, run: RunFolder, store: Store) -> None:
        self.run = run
        self.view = RunState()
        self._store = store
        self._events = EventFile(run.path / EVENTS)

    def refresh(self) -> bool:
        """Read what is new; whether there was anything."""
        n_new = 0
        for event in self._events.new():
            self.view.feed(event)
            n_new += 1
        return n_new > 0

    def look(self) -> tuple[Liveness, Snapshot]:
        """How the run is, as far as ``refresh`` has read."""
        state = self.view.snapshot().state
        life = Liveness(state, time.time()) if state != "running" else liveness_of(self.run, self._store)
        if life.state == "running":
            return life, self.view.snapshot(life.now_s)
        last = self.view.snapshot()
        stages = tuple(replace(stage, rate_per_min=None, left_s=None) for stage in last.stages)
        return life, replace(last, state=life.state, left_s=None, stages=stages)  # nothing more will come


def runs_in(store: Store) -> Sequence[RunFolder]:
    """All runs, the newest first.

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
    """The newest run that lives, else the newest, of those that ``wanted`` names: a protocol, or how a name begins.

    Raises:
        StoreError: it names none.
    """
    if wanted is not None:
        named = [run for run in runs if run.protocol == wanted] or [run for run in runs if run.name.startswith(wanted)]
        if not named:
            hint = nearest(wanted, {run.protocol for run in runs})
            raise StoreError(f"{store.root}: no run is called {wanted!r}", hint=hint)
        runs = named
    now_s, _ = _clock(store)
    return next((run for run in runs if _lives(run, now_s)), runs[0])


def liveness_of(run: RunFolder, store: Store) -> Liveness:
    """How a run is that has not said that it ended. A run of a version that showed no life is unknown."""
    now_s, sure = _clock(store)
    beat = _beat(run)
    if beat is None:
        return Liveness("unknown", time.time())
    at_s, changed_s = beat
    silent_s = max(now_s - changed_s, 0.0)
    return Liveness("running" if silent_s < STALE_S else "died", at_s + silent_s, silent_s, sure)


def summarise_run(run: RunFolder, store: Store) -> RunSummary:
    """What fits on a line; of a run that ended its last event is enough."""
    last = last_event(run.path / EVENTS) or {}
    if text(last, "status") == "ended":
        tasks = mapping(last, "tasks")
        done, failed = int(number(tasks, "done") + number(tasks, "found")), int(number(tasks, "failed"))
        return RunSummary(run, text(last, "state"), done, failed)
    watched = WatchedRun(run, store)
    watched.refresh()
    life, snapshot = watched.look()
    return RunSummary(run, life.state, snapshot.count("done") + snapshot.count("found"), snapshot.count("failed"))


def _lives(run: RunFolder, now_s: float) -> bool:
    beat = _beat(run)
    if beat is None or now_s - beat[1] >= STALE_S:
        return False
    return text(last_event(run.path / EVENTS) or {}, "status") != "ended"


def _beat(run: RunFolder) -> tuple[float, float] | None:
    """What the run's clock and the file system's said when it last showed that it lives."""
    try:
        with (run.path / ALIVE).open("rb") as file:  # opened, because a network file system then looks anew
            changed_s = os.fstat(file.fileno()).st_mtime
            return float(file.read()), changed_s
    except (OSError, ValueError):
        return None


def _clock(store: Store) -> tuple[float, bool]:
    """The file system's time; this machine's, not for sure the same, where nothing can be written."""
    try:
        return Store(store.root).now(), True
    except (StoreError, OSError):
        return time.time(), False
