"""The event log of a run: events as they happen, versions and settings, and failures in full."""

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
from rppgbench.pipeline.provenance import library_versions
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import RunEvent, RunNotice, TaskEnded, TaskFailure, TaskStarted, WorkersChanged
from rppgbench.protocol.resolve import Protocol
from rppgbench.runs.events import EVENTS
from rppgbench.runs.run_folders import ALIVE, BEAT_S
from rppgbench.runs.run_state import RunState
from rppgbench.runs.snapshot import InterimBest
from rppgbench.store.store import Store
from rppgbench.version import __version__

LIBRARIES = (
    "numpy", "scipy", "av", "opencv-python-headless", "scikit-image", "pandas", "pyarrow", "array-api-compat", "torch",
)  # fmt: skip
State = Literal["finished", "failed", "stopped", "crashed"]


class EventLog:
    """A run's folder: ``events.jsonl`` (one event a line), ``run.json``, ``alive``, ``failures/``.

    ``view`` is the run state folded from the events that are written, so that ``run`` and ``status`` show the same.
    It is an observer, and any thread may write to it. A write that fails is reported once and does not end the run.

    Raises:
        StoreError: the folder cannot be made.
    """

    def __init__(self, store: Store, protocol: Protocol, settings: Mapping[str, Any]) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.folder = store.root / "runs" / f"{protocol.name}-{stamp}-{uuid.uuid4().hex[:6]}"
        self.view = RunState()
        self._began_s: float | None = None
        self._expected_s: dict[str, float] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._warned = self._line_is_partial = False
        self._closed = threading.Event()
        try:
            self.folder.mkdir(parents=True)
            self._events: int | None = os.open(self.folder / EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            description = json.dumps(_description(protocol, settings), indent=2)
            (self.folder / "run.json").write_text(description, encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be written: {error.strerror}",
                hint="free some space or choose another folder with --store",
            ) from None
        self._beat()
        threading.Thread(target=self._keep_alive, name="alive", daemon=True).start()

    def planned(
        self,
        tasks: Iterable[Task],
        expected_s: Mapping[str, float],
        *,
        workers: Mapping[str, int],
        dashboard: str | None = None,
        disk_bytes: float | None = None,
    ) -> None:
        """Write the plan: all ``tasks``, and the expected core-seconds of those to do in ``expected_s``, by key."""
        self._expected_s = dict(expected_s)
        stages: dict[str, dict[str, float]] = {}
        for task in tasks:
            stage = stages.setdefault(task.stage, {"tasks": 0, "cached": 0, "expected_s": 0.0})
            stage["tasks"] += 1
            stage["cached"] += task.key not in expected_s
            stage["expected_s"] = round(stage["expected_s"] + expected_s.get(task.key, 0.0), 3)
        origin = {"host": platform.node(), "pid": os.getpid()}
        event = {"stages": stages, "workers": dict(workers), "dashboard": dashboard, "disk_bytes": disk_bytes, **origin}
        self._write("planned", event)

    def best(self, best: InterimBest) -> None:
        """Write the entry that leads so far."""
        self._write("best", vars(best))

    def event(self, event: RunEvent) -> None:
        match event:
            case TaskStarted(task):
                expected_s = self._expected_s.get(task.key)
                self._write("started", {} if expected_s is None else {"expected_s": round(expected_s, 3)}, task)
            case TaskEnded():
                self._ended(event)
            case RunNotice(kind, message, task, n_bytes):
                self._write(kind, {"reason": message} | ({"bytes": n_bytes} if n_bytes else {}), task)
            case WorkersChanged(workers):
                self._write("workers", {"workers": dict(workers)})

    def _ended(self, end: TaskEnded) -> None:
        task, result = end.task, end.result
        if isinstance(result, TaskFailure):
            self._count("blocked" if result.cause else "failed")
            self._write("blocked" if result.cause else "failed", {"reason": result.message}, task)
            if result.cause is None:
                self._write_failure(result)
            return
        self._count("found" if result.found else "done")
        event = {"seconds": round(result.seconds, 4), "host": result.host, "memory_bytes": result.memory_bytes}
        self._write("done", event | ({"found": True} if result.found else {}), task)

    def failure_file(self, failure: TaskFailure) -> Path:
        """Path of the file that describes a failure in full."""
        return self.folder / "failures" / f"{_slug(failure.task.label)}.txt"

    def failure_frame(self, failure: TaskFailure) -> Path | None:
        """Path of the video frame that illustrates a failure; None if it has none."""
        return self.failure_file(failure).with_suffix(".png") if failure.frame_png else None

    def close(self, state: State) -> None:
        """Write the final state; only the first call has an effect."""
        with self._lock:
            if self._events is None:
                return
            wall_s = 0.0 if self._began_s is None else time.monotonic() - self._began_s
            self._write("ended", {"state": state, "wall_s": round(wall_s, 3), "tasks": dict(self._counts)})
            events, self._events = self._events, None
        self._closed.set()
        with contextlib.suppress(OSError):
            os.close(events)

    def _count(self, status: str) -> None:
        with self._lock:
            self._counts[status] += 1

    def _write(self, status: str, fields: Mapping[str, Any], task: Task | None = None) -> None:
        about = {} if task is None else {"stage": task.stage, "task": task.label, "key": task.key}
        with self._lock:
            if self._events is None:
                return
            if self._began_s is None:
                self._began_s = time.monotonic()
            event = {"at": round(time.time(), 3), "status": status, **fields, **about}
            self.view.feed(event)
            try:
                self._append(self._events, json.dumps(event))
            except OSError as error:
                self._warn(error)

    def _append(self, events: int, line: str) -> None:
        """Append a line; after one that the disk had no room for, the next starts on a line of its own."""
        data = (("\n" if self._line_is_partial else "") + line + "\n").encode()
        self._line_is_partial = True
        while data:
            data = data[os.write(events, data) :]
        self._line_is_partial = False

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            reason = error.strerror or str(error)
            print(f"{self.folder}: cannot be written, the run goes on without: {reason}", file=sys.stderr)

    def _keep_alive(self) -> None:
        while not self._closed.wait(BEAT_S):
            self._beat()

    def _beat(self) -> None:
        """Write this host's time into ``alive``, whose modification time is that of the file system's clock."""
        path = self.folder / ALIVE
        with contextlib.suppress(OSError):  # `status` will report it as died; the run goes on
            file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.write(file, f"{time.time():.3f}\n".encode())  # of constant length: no reader finds a part
            finally:
                os.close(file)
            os.utime(path)

    def _write_failure(self, failure: TaskFailure) -> None:
        path = self.failure_file(failure)
        preimage = json.dumps(failure.task.preimage, indent=2)
        text = f"{failure.message}\n{failure.hint or ''}\n\n{failure.details or ''}"
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{failure.task.label}\n\n{text}\n{preimage}\n", encoding="utf-8")
            if failure.frame_png:
                path.with_suffix(".png").write_bytes(failure.frame_png)
        except OSError as error:
            self._warn(error)


def _description(protocol: Protocol, settings: Mapping[str, Any]) -> dict[str, Any]:
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
        "libraries": library_versions(LIBRARIES),
        "machine": {"node": platform.node(), "system": platform.platform(), "processor": platform.machine()},
    }


def _slug(label: str) -> str:
    return re.sub(r"[^\w.-]+", "_", label)


def git_state(folder: Path) -> str | None:
    """Commit of the checkout that holds ``folder``, with "+changes" if files differ; None outside of a checkout."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(folder, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=5)
    return done.stdout.strip()
