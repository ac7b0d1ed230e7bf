"""Contents of a store: artefacts, leftovers, live runs, damage, and the artefacts that conditions select."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rppgbench.errors import ArtefactError
from rppgbench.runs.events import EVENTS, last_event
from rppgbench.runs.run_folders import ALIVE, STALE_S
from rppgbench.store.file_tree import bytes_in, last_change, names_in
from rppgbench.store.manifest import MANIFEST
from rppgbench.store.store import Store, is_key
from rppgbench.store.writer_id import is_dead

# Whether a process of another host lives is unknown: its unfinished writes count as abandoned after that long.
ABANDONED_S = 24 * 3600.0
# A fit that was stopped resumes from its scratch, which is therefore kept for long.
FORGOTTEN_S = 30 * 24 * 3600.0
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class StoredArtefact:
    """An artefact by its manifest; if that cannot be read, by its key and bytes on disk alone.

    ``seconds`` is the time that its task took, ``made_at`` the end of it in UTC, as ``2026-01-31T12:00:00Z``.
    """

    key: str
    bytes: int
    stage: str = UNREADABLE
    made_at: str = ""
    seconds: float = 0.0
    preimage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def made_s(self) -> float | None:
        """``made_at`` in seconds since the epoch; None if it is unknown."""
        try:
            return datetime.fromisoformat(self.made_at).timestamp()
        except ValueError:
            return None

    @property
    def inputs(self) -> Mapping[str, str]:
        inputs = self.preimage.get("inputs")
        return inputs if isinstance(inputs, dict) else {}


@dataclass(frozen=True)
class Leftover:
    """A file or folder in the store that is no artefact; ``garbage`` is true if no run can need it."""

    path: Path
    what: str
    garbage: bool

    @property
    def place(self) -> str:
        """The part of the store that contains it: "objects", "partial" or "tmp"."""
        return next(part for part in reversed(self.path.parts[:-1]) if part in ("objects", "partial", "tmp"))


def stored_artefacts(store: Store) -> Iterator[StoredArtefact]:
    """All artefacts, also those whose manifests cannot be read."""
    keys = store.keys()
    for key in keys:
        try:
            manifest, n_bytes = store.manifest(key), store.size(key)
        except ArtefactError:
            if store.path(key).exists():  # else another process removed it just now
                yield StoredArtefact(key, bytes_in(store.path(key)))
            continue
        made, preimage = manifest["made"], manifest["preimage"]
        seconds = made.get("seconds")
        yield StoredArtefact(
            key,
            n_bytes,
            str(preimage.get("stage", UNREADABLE)),
            str(made.get("at", "")),
            float(seconds) if isinstance(seconds, int | float) else 0.0,
            preimage,
        )


def leftovers(store: Store) -> list[Leftover]:
    """All leftovers; unfinished writes of living processes of this host are none."""
    now_s = store.now()
    return [*_misplaced(store), *_scratches(store, now_s), *_unfinished(store, now_s)]


def _misplaced(store: Store) -> Iterator[Leftover]:
    objects = store.root / "objects"
    for prefix in names_in(objects):
        if not (objects / prefix).is_dir():
            yield Leftover(objects / prefix, "does not belong here", False)
        for name in names_in(objects / prefix):
            path = objects / prefix / name
            if not is_key(name) or not path.is_dir():
                yield Leftover(path, "does not belong here", False)
            elif name[:2] != prefix:
                yield Leftover(path, f"lies in the wrong place: expected in objects/{name[:2]}", False)
            elif not store.has(name) and path.exists():
                yield Leftover(path, f"has no {MANIFEST}", True)


def _scratches(store: Store, now_s: float) -> Iterator[Leftover]:
    partial = store.root / "partial"
    for prefix in names_in(partial):
        for name in names_in(partial / prefix):
            path = partial / prefix / name
            idle_s = now_s - last_change(path)
            if store.has(name):
                yield Leftover(path, "scratch of a task that is done", True)
            elif idle_s > FORGOTTEN_S:
                yield Leftover(path, f"scratch that no task has touched for {idle_s / 86400:.0f} days", True)
            else:
                yield Leftover(path, "scratch of a task that is not done: its next run goes on from it", False)


def _unfinished(store: Store, now_s: float) -> Iterator[Leftover]:
    for name in names_in(store.root / "tmp"):
        path = store.root / "tmp" / name
        dead, idle_s = is_dead(name), now_s - last_change(path)
        if dead or (dead is None and idle_s > ABANDONED_S):
            yield Leftover(path, "its writer is dead" if dead else f"not written for {idle_s / 3600:.0f} hours", True)
        elif dead is None:
            yield Leftover(path, "another host writes it, or did: not known yet", False)


def live_runs(store: Store) -> list[str]:
    """Names of running runs: with a sign of life in the last ``STALE_S`` and no final state."""
    now_s, live = store.now(), []
    for name in names_in(store.root / "runs"):
        folder = store.root / "runs" / name
        try:
            with (folder / ALIVE).open("rb") as file:  # opened, because a network file system then looks anew
                silent_s = now_s - os.fstat(file.fileno()).st_mtime
        except OSError:
            continue
        if silent_s <= STALE_S and (last_event(folder / EVENTS) or {}).get("status") != "ended":
            live.append(name)
    return live


def damaged(
    store: Store, keys: Sequence[str], *, jobs: int, checked: Callable[[], None] = lambda: None
) -> Iterator[tuple[str, str]]:
    """Keys of damaged artefacts with their damage; ``checked`` is called after each of the ``keys``.

    Reads every byte, in ``jobs`` threads.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        for key, damage in zip(keys, pool.map(store.damage, keys), strict=True):
            checked()
            if damage is not None and store.path(key).exists():  # else another process removed it just now
                yield key, damage
    finally:
        pool.shutdown(cancel_futures=True)


def removable(
    found: Iterable[StoredArtefact],
    *,
    needed: Collection[str] | None = None,
    stages: Collection[str] = (),
    stale: Collection[str] | None = None,
    before_s: float | None = None,
) -> list[StoredArtefact]:
    """Artefacts that satisfy all conditions given; none without a condition.

    The conditions: not ``needed``, of one of the ``stages``, among the ``stale``, made before ``before_s``.
    """
    if needed is None and stale is None and not stages:
        return []
    return [
        entry
        for entry in found
        if (needed is None or entry.key not in needed)
        and (not stages or entry.stage in stages)
        and (stale is None or entry.key in stale)
        and (before_s is None or (entry.made_s is not None and entry.made_s < before_s))
    ]
