"""Progress of a long task, written beside its scratch for other processes to read."""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rppgbench.store.store import Store

PROGRESS = "progress.json"


@dataclass(frozen=True)
class StageProgress:
    """Progress of a training: ``step`` of ``steps``, the loss, and the expected seconds left."""

    step: int
    steps: int
    loss: float
    left_s: float


def read_progress(key: str, store: Store) -> StageProgress | None:
    """Progress of the task of ``key``, in whichever process; None before its first report and after its end."""
    try:
        return StageProgress(**json.loads((store.scratch_path(key) / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def progress_stamp_ns(key: str, store: Store) -> int | None:
    """Time of the last report of the task of ``key``; None if there is none."""
    try:
        return (store.scratch_path(key) / PROGRESS).stat().st_mtime_ns
    except OSError:
        return None


def write_progress(key: str, store: Store, progress: StageProgress) -> None:
    """Write a report; errors of the file system are ignored, because no task may fail for want of one."""
    target = store.scratch(key) / PROGRESS
    temporary = target.with_suffix(f".{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")
        temporary.replace(target)
