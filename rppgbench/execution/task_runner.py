"""One attempt at a task: its result is published, or its fault is described by values that can be pickled."""

from __future__ import annotations

import errno
import os
import platform
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rppgbench.errors import ArtefactError, NoFaceFound, PluginError, RppgbenchError, StoreError
from rppgbench.pipeline.run_stage import code_differences, run_stage
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import TaskDone
from rppgbench.registry import Registry
from rppgbench.store.store import Store

_INPUTS_WITHIN_S, _LOOK_EVERY_S = 3.0, 0.2
_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class TaskFault:
    """The reason why an attempt left no result.

    ``failed``: the task raised, and would again. ``died``: its process ended, which may have been bad luck. ``store``:
    the store cannot be written, by any task. ``damaged``: inputs that are damaged or gone, by key with the damage; they
    are to be made again before the task is tried once more.
    """

    kind: Literal["failed", "died", "store"]
    message: str
    hint: str | None = None
    details: str | None = None
    frame_png: bytes | None = None
    damaged: Mapping[str, str] = field(default_factory=dict)


def run_task(task: Task, store: Store, registry: Registry, device: str = "auto") -> TaskDone | TaskFault:
    """The result of a task, which is run unless it is published already, or its fault; raises no `Exception`."""
    started = time.perf_counter()
    with suppress(OSError):
        _CLEAR_REFS.write_text("5")  # the high-water mark of memory counts from here
    try:
        if store.has(task.key):
            return TaskDone(0.0, platform.node(), found=True)
        _check_same_code(task, registry)
        _await_inputs(task, store)
        run_stage(task, store, registry, device)
    except Exception as error:  # a plugin may raise anything: the task fails, the run goes on
        return _fault_of(error, task, store)
    return TaskDone(time.perf_counter() - started, platform.node(), _peak_memory_bytes())


def _await_inputs(task: Task, store: Store) -> None:
    """Wait until all inputs are visible: results of another host may take a moment to appear on this one.

    Raises:
        StoreError: this host sees no store at the path.
        ArtefactError: an input is missing.
    """
    until = time.monotonic() + _INPUTS_WITHIN_S
    missing = [key for key in task.inputs.values() if not key.startswith("file:") and not store.has(key)]
    while missing:
        if not (store.root / "objects").is_dir():
            raise StoreError(
                f"{store.root}: host {platform.node()} sees no store there",
                hint="the store must be a folder that all workers see under the same path; look at its mount",
            )
        if time.monotonic() > until:
            raise ArtefactError(f"{store.path(missing[0])}: is needed and is not there")
        time.sleep(_LOOK_EVERY_S)
        for key in missing:
            with suppress(OSError), os.scandir(store.path(key).parent):
                pass  # network file systems cache for a while that a file was absent, until its folder is read
        missing = [key for key in missing if not store.has(key)]


def _check_same_code(task: Task, registry: Registry) -> None:
    """Refuse a task that was planned with other code: a key stands for the code that makes its bytes.

    Raises:
        PluginError: a package or a library differs here from what the plan was made with.
    """
    differing = code_differences(task, registry)
    if differing:
        raise PluginError(
            f"host {platform.node()} has other code than the run was planned with: {'; '.join(differing)}",
            hint="install the same versions on every host, or share one environment; after an update start anew",
        )


def _fault_of(error: Exception, task: Task, store: Store) -> TaskFault:
    if isinstance(error, StoreError):
        return TaskFault("store", error.message, error.hint)
    if (refused := _write_refusal(error)) is not None:
        hint = "free some space or choose another folder with --store; what is published stays"
        return TaskFault("store", f"{store.root}: the store cannot be written: {os.strerror(refused)}", hint)
    if type(error).__name__ == "OutOfMemoryError":
        hint = "run fewer workers on a GPU, or lower the recipe's batch"
        return TaskFault("failed", str(error).splitlines()[0], hint)
    if isinstance(error, MemoryError):
        return TaskFault("failed", "out of memory", "run fewer --workers, or raise --memory-limit")
    damaged = damaged_inputs(task, store)
    if isinstance(error, RppgbenchError):
        frame = error.frame_png if isinstance(error, NoFaceFound) else None
        return TaskFault("failed", error.message, error.hint, frame_png=frame, damaged=damaged)
    details = "".join(traceback.format_exception(error))
    return TaskFault("failed", f"{type(error).__name__}: {error}", details=details, damaged=damaged)


def _write_refusal(error: BaseException | None) -> int | None:
    """The ``errno`` of a full or read-only disk in the chain of causes of an error; None if there is none."""
    while error is not None:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return int(number)
        error = error.__cause__ or error.__context__
    return None


def damaged_inputs(task: Task, store: Store) -> dict[str, str]:
    """The damage of inputs that are missing or differ from what was published, by key."""
    keys = {key for key in task.inputs.values() if not key.startswith("file:")}
    found = {key: store.damage(key) if store.path(key).exists() else "is gone" for key in sorted(keys)}
    return {key: damage for key, damage in found.items() if damage is not None}


def _peak_memory_bytes() -> int:
    """Peak resident memory of this process since the task began; 0 on systems without /proc."""
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return 0
