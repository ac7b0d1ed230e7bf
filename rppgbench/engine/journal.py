"""What a run leaves behind beside its artefacts: events as they happen, versions and settings, failures in full."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rppgbench import __version__
from rppgbench.engine.execute import Failure
from rppgbench.engine.keys import library_versions
from rppgbench.engine.store import Store
from rppgbench.engine.task import Task
from rppgbench.protocol.resolve import Protocol

LIBRARIES = (
    "numpy", "scipy", "av", "opencv-python-headless", "scikit-image", "pandas", "pyarrow", "array-api-compat", "torch",
)  # fmt: skip


class Journal:
    """A run's folder: ``events.jsonl`` (one event a line), ``run.json``, ``failures/``."""

    def __init__(self, store: Store, protocol: Protocol, settings: Mapping[str, Any]) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.folder = store.root / "runs" / f"{protocol.name}-{stamp}-{uuid.uuid4().hex[:6]}"
        self.folder.mkdir(parents=True)
        self._events = (self.folder / "events.jsonl").open("a", encoding="utf-8", buffering=1)
        described = {
            "protocol": protocol.name,
            "version": protocol.version,
            "digest": protocol.digest,
            "file": str(protocol.path),
            "entries": [entry.id for entry in protocol.entries],
            "settings": dict(settings),
            "command": sys.argv,
            "rppgbench": __version__,
            "git": git_state(Path(__file__).parent),
            "python": platform.python_version(),
            "libraries": library_versions(*LIBRARIES),
            "machine": {"node": platform.node(), "system": platform.platform(), "processor": platform.machine()},
        }
        (self.folder / "run.json").write_text(json.dumps(described, indent=2), encoding="utf-8")

    def started(self, task: Task) -> None:
        self._write(task, {"status": "started"})

    def ended(self, task: Task, result: float | Failure) -> None:
        if isinstance(result, Failure):
            self._write(task, {"status": "blocked" if result.cause else "failed", "reason": result.message})
            if result.cause is None:
                self._keep(result)
        else:
            self._write(task, {"status": "done", "seconds": round(result, 4)})

    def failure_file(self, failure: Failure) -> Path:
        """Where a failure is told in full."""
        return self.folder / "failures" / f"{_slug(failure.task.label)}.txt"

    def failure_frame(self, failure: Failure) -> Path | None:
        """The frame to look at that came with a failure, if one did."""
        return self.failure_file(failure).with_suffix(".png") if failure.frame_png else None

    def close(self) -> None:
        self._events.close()

    def _write(self, task: Task, what: Mapping[str, Any]) -> None:
        event = {"at": round(time.time(), 3), **what, "stage": task.stage, "task": task.label, "key": task.key}
        self._events.write(json.dumps(event) + "\n")

    def _keep(self, failure: Failure) -> None:
        path = self.failure_file(failure)
        path.parent.mkdir(exist_ok=True)
        preimage = json.dumps(failure.task.preimage, indent=2)
        text = (
            f"{failure.task.label}\n\n{failure.message}\n{failure.hint or ''}\n\n{failure.details or ''}\n{preimage}\n"
        )
        path.write_text(text, encoding="utf-8")
        if failure.frame_png:
            path.with_suffix(".png").write_bytes(failure.frame_png)


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
