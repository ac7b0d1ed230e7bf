"""One attempt at a task, wherever it runs: its result is published, or what went wrong is told in words that travel."""

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
_HIGH_WATER = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class TaskFault:
    """Why an attempt left nothing.

    ``failed``: the task itself went wrong, and would again. ``died``: its process ended, which may have been bad luck.
    ``store``: the store cannot be written, which no other task could either. ``damaged`` inputs, by key and what is
    wrong with each, are to be made again before the task is tried once more.
    """

    kind: Literal["failed", "died", "store"]
    message: str
    hint: str | None = None
    details: str | None = None
    frame_png: bytes | None = None
    damaged: Mapping[str, str] = field(default_factory=dict)


def run_task(task: Task, store: Store, registry: Registry, device: str = "auto") -> TaskDone | TaskFault:
    """Do the task unless somebody has; never raises but for what ends the process."""
    started = time.perf_counter()
    with suppress(OSError):
        _CLEAR.write_text("5")  # the high-water mark of memory counts from here
    try:
        if store.has(task.key):
            return TaskDone(0.0, platform.node(), found=True)
        _demand_same_code(task, registry)
        _await_inputs(task, store)
        run_stage(task, store, registry, device)
    except Exception as error:  # a stranger's method may raise anything: that is an outcome, not the end
        return _explained(error, task, store)
    return TaskDone(time.perf_counter() - started, platform.node(), _high_water_bytes())


def _await_inputs(task: Task, store: Store) -> None:
    """What another host has just published may take a moment to show on this one.

    Raises:
        StoreError: this host sees no store there.
        ArtefactError: an input is not there.
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
                pass  # network file systems remember for a while what was not there, until the folder is read
        missing = [key for key in missing if not store.has(key)]


def _demand_same_code(task: Task, registry: Registry) -> None:
    """A key says which code makes its bytes: a host that has other code must not publish under it.

    Raises:
        PluginError: a package or a library differs here from what the plan was made with.
    """
    differing = code_differences(task, registry)
    if differing:
        raise PluginError(
            f"host {platform.node()} has other code than the run was planned with: {'; '.join(differing)}",
            hint="install the same versions on every host, or share one environment; after an update start anew",
        )


def _explained(error: Exception, task: Task, store: Store) -> TaskFault:
    if isinstance(error, StoreError):
        return TaskFault("store", error.message, error.hint)
    if (refused := _no_room(error)) is not None:
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


def _no_room(error: BaseException | None) -> int | None:
    """The number of the system's refusal to write anything more, if that is behind the error, whoever passed it on."""
    while error is not None:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return int(number)
        error = error.__cause__ or error.__context__
    return None


def damaged_inputs(task: Task, store: Store) -> dict[str, str]:
    """Inputs that are gone or not as they were published, and what is wrong with each."""
    keys = {key for key in task.inputs.values() if not key.startswith("file:")}
    found = {key: store.damage(key) if store.path(key).exists() else "is gone" for key in sorted(keys)}
    return {key: what for key, what in found.items() if what is not None}


def _high_water_bytes() -> int:
    """The most memory this process had since it was cleared; 0 where the system does not tell."""
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _HIGH_WATER.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return 0
