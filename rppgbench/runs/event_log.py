"""What a run leaves behind beside its artefacts: events as they happen, versions and settings, failures in full."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from rppgbench.errors import StoreError
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import RunNotice, TaskDone, TaskFailure
from rppgbench.protocol.resolve import Protocol
from rppgbench.runs.events import EVENTS
from rppgbench.runs.run_folders import ALIVE, BEAT_S
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import InterimBest
from rppgbench.store.keys import library_versions
from rppgbench.store.store import Store
from rppgbench.version import __version__

LIBRARIES = (
    "numpy", "scipy", "av", "opencv-python-headless", "scikit-image", "pandas", "pyarrow", "array-api-compat", "torch",
)  # fmt: skip
State = Literal["finished", "failed", "stopped", "crashed"]


class EventLog:
    """A run's folder: ``events.jsonl`` (one event a line), ``run.json``, ``alive``, ``failures/``.

    ``view`` is folded of the very events that are written, so that whoever runs and whoever looks on see the same.
    Any thread may tell it something. What cannot be written is said once and keeps no run from going on.

    Raises:
        StoreError: the folder cannot be made.
    """

    def __init__(self, store: Store, protocol: Protocol, settings: Mapping[str, Any]) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.folder = store.root / "runs" / f"{protocol.name}-{stamp}-{uuid.uuid4().hex[:6]}"
        self.view = RunState()
        self._began_s: float | None = None
        self._expected_s: dict[str, float] = {}
        self._fates: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._complained = self._cut_short = False
        self._over = threading.Event()
        try:
            self.folder.mkdir(parents=True)
            self._events: int | None = os.open(self.folder / EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            described = json.dumps(_described(protocol, settings), indent=2)
            (self.folder / "run.json").write_text(described, encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be written: {error.strerror}",
                hint="free some space or choose another folder with --store",
            ) from None
        self._beat()
        threading.Thread(target=self._live, name="alive", daemon=True).start()

    def planned(
        self,
        tasks: Iterable[Task],
        expected_s: Mapping[str, float],
        *,
        workers: Mapping[str, int],
        dashboard: str | None = None,
        disk_bytes: float | None = None,
    ) -> None:
        """All ``tasks`` of the plan; those that are still to do have their core-seconds in ``expected_s``, by key."""
        self._expected_s = dict(expected_s)
        stages: dict[str, dict[str, float]] = {}
        for task in tasks:
            stage = stages.setdefault(task.stage, {"tasks": 0, "cached": 0, "expected_s": 0.0})
            stage["tasks"] += 1
            stage["cached"] += task.key not in expected_s
            stage["expected_s"] = round(stage["expected_s"] + expected_s.get(task.key, 0.0), 3)
        who = {"host": platform.node(), "pid": os.getpid()}
        event = {"stages": stages, "workers": dict(workers), "dashboard": dashboard, "disk_bytes": disk_bytes, **who}
        self._write("planned", event)

    def workers(self, workers: Mapping[str, int]) -> None:
        """How many there are of each kind now, "cpu" and "gpu"."""
        self._write("workers", {"workers": dict(workers)})

    def best(self, best: InterimBest) -> None:
        """Which entry is ahead by now."""
        self._write("best", vars(best))

    def started(self, task: Task) -> None:
        expected_s = self._expected_s.get(task.key)
        self._write("started", {} if expected_s is None else {"expected_s": round(expected_s, 3)}, task)

    def ended(self, task: Task, result: TaskDone | TaskFailure) -> None:
        if isinstance(result, TaskFailure):
            self._count("blocked" if result.cause else "failed")
            self._write("blocked" if result.cause else "failed", {"reason": result.message}, task)
            if result.cause is None:
                self._keep(result)
            return
        self._count("found" if result.found else "done")
        event = {"seconds": round(result.seconds, 4), "host": result.host, "memory_bytes": result.memory_bytes}
        self._write("done", event | ({"found": True} if result.found else {}), task)

    def noted(self, note: RunNotice) -> None:
        event: dict[str, Any] = {"reason": note.message}
        self._write(note.kind, event | ({"bytes": note.bytes} if note.bytes else {}), note.task)

    def failure_file(self, failure: TaskFailure) -> Path:
        """Where a failure is told in full."""
        return self.folder / "failures" / f"{_slug(failure.task.label)}.txt"

    def failure_frame(self, failure: TaskFailure) -> Path | None:
        """The frame to look at that came with a failure, if one did."""
        return self.failure_file(failure).with_suffix(".png") if failure.frame_png else None

    def close(self, state: State) -> None:
        """Say how the run ended; only the first time counts."""
        with self._lock:
            if self._events is None:
                return
            wall_s = 0.0 if self._began_s is None else time.monotonic() - self._began_s
            self._write("ended", {"state": state, "wall_s": round(wall_s, 3), "tasks": dict(self._fates)})
            events, self._events = self._events, None
        self._over.set()
        with contextlib.suppress(OSError):
            os.close(events)

    def _count(self, fate: str) -> None:
        with self._lock:
            self._fates[fate] += 1

    def _write(self, status: str, what: Mapping[str, Any], task: Task | None = None) -> None:
        of = {} if task is None else {"stage": task.stage, "task": task.label, "key": task.key}
        with self._lock:
            if self._events is None:
                return
            if self._began_s is None:
                self._began_s = time.monotonic()
            event = {"at": round(time.time(), 3), "status": status, **what, **of}
            self.view.feed(event)
            try:
                self._append(self._events, json.dumps(event))
            except OSError as error:
                self._complain(error)

    def _append(self, events: int, line: str) -> None:
        """A line in one piece; after one that the disk had no room for, the next starts on its own."""
        data = (("\n" if self._cut_short else "") + line + "\n").encode()
        self._cut_short = True
        while data:
            data = data[os.write(events, data) :]
        self._cut_short = False

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            reason = error.strerror or str(error)
            print(f"{self.folder}: cannot be written, the run goes on without: {reason}", file=sys.stderr)

    def _live(self) -> None:
        while not self._over.wait(BEAT_S):
            self._beat()

    def _beat(self) -> None:
        """Show that the run lives, and what its clock says: the file system's stands beside it, as when it changed."""
        path = self.folder / ALIVE
        with contextlib.suppress(OSError):  # whoever looks on will think it died; it will not for that
            file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.write(file, f"{time.time():.3f}\n".encode())  # always as long, so that no reader finds half of it
            finally:
                os.close(file)
            os.utime(path)

    def _keep(self, failure: TaskFailure) -> None:
        path = self.failure_file(failure)
        preimage = json.dumps(failure.task.preimage, indent=2)
        told = f"{failure.message}\n{failure.hint or ''}\n\n{failure.details or ''}"
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{failure.task.label}\n\n{told}\n{preimage}\n", encoding="utf-8")
            if failure.frame_png:
                path.with_suffix(".png").write_bytes(failure.frame_png)
        except OSError as error:
            self._complain(error)


def _described(protocol: Protocol, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "protocol": protocol.name,
        "version": protocol.version,
        "digest": protocol.digest,
        "file": str(protocol.path),
        "entries": [entry.id for entry in protocol.entries],
        "settings": dict(settings),
        "command": sys.argv,
        "host": platform.node(),
        "pid": os.getpid(),
        "rppgbench": __version__,
        "git": git_state(Path(__file__).parent),
        "python": platform.python_version(),
        "libraries": library_versions(*LIBRARIES),
        "machine": {"node": platform.node(), "system": platform.platform(), "processor": platform.machine()},
    }


def _slug(label: str) -> str:
    return re.sub(r"[^\w.-]+", "_", label)


def git_state(folder: Path) -> str | None:
    """Commit of the checkout the code runs from, with "+changes" if it differs; None outside of one."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(folder, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=5)
    return done.stdout.strip()
