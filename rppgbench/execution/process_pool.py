"""The process pool of a worker: each task runs in a process of its own, within limits of time and memory.

A plugin that crashes, hangs or takes all memory ends its process and one task, and no other.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from rppgbench.execution.task_runner import TaskFault
from rppgbench.execution.worker_process import TaskRequest
from rppgbench.pipeline.stage_progress import progress_stamp_ns
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import TaskDone
from rppgbench.store.store import Store

_LOOK_EVERY_S = 0.25
_STDERR_BYTES = 4000
# One process a core: libraries would start a thread for each core in each of them.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_BEGIN = "import sys; sys.path[:] = {path!r}; from rppgbench.execution.worker_process import main; main()"


@dataclass(frozen=True)
class TaskLimits:
    """Seconds and bytes of memory that one task may take; None for no limit.

    The seconds of a fit count from its last step of progress, so that long training is not ended.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


@dataclass
class ProcessPool:
    """Processes for one worker, one a concurrent task; idle ones are used again, for what they have imported.

    ``environment`` is added to that of the processes, such as the GPU that they see.
    """

    store: Store
    device: str = "auto"
    limits: TaskLimits = field(default_factory=TaskLimits)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._idle: list[_PooledProcess] = []
        self._all: set[_PooledProcess] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, task: Task) -> TaskDone | TaskFault:
        """The result of a task, or why its attempt left none; blocks until it ends."""
        try:
            process = self._acquire()
        except OSError as error:
            return TaskFault(
                "died", f"no process could be started for it: {error}", "look at memory and process limits"
            )
        if process is None:
            return TaskFault("died", "the worker is closing")
        ended = process.run(TaskRequest(task, self.store, self.device), self.limits)
        with self._lock:
            if process.alive and not self._closed:
                self._idle.append(process)
                return ended
            self._all.discard(process)
        process.kill()
        self.store.sweep()  # removes its unfinished writes
        return ended

    def close(self) -> None:
        """Kill all processes, running tasks included."""
        with self._lock:
            self._closed = True
            processes, self._all, self._idle = list(self._all), set(), []
        for process in processes:
            process.kill()

    @property
    def pids(self) -> list[int]:
        """Process identifiers of all living processes."""
        with self._lock:
            return [process.pid for process in self._all if process.alive]

    def _acquire(self) -> _PooledProcess | None:
        with self._lock:
            if self._closed:
                return None
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    return process
                self._all.discard(process)
            process = _PooledProcess(self.environment)
            self._all.add(process)
            return process


class _PooledProcess:
    """A worker process, seen from its pool."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**_ONE_THREAD, **os.environ, **environment},
            start_new_session=True,  # Ctrl-C is the driver's to answer
        )
        self._results: queue.SimpleQueue[TaskDone | TaskFault | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, request: TaskRequest, limits: TaskLimits) -> TaskDone | TaskFault:
        try:
            self._send(request)
        except OSError:
            return self._death()
        progress, since = _progress_stamp(request), time.monotonic()
        while True:
            try:
                ended = self._results.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                if (latest := _progress_stamp(request)) != progress:
                    progress, since = latest, time.monotonic()
                excess = self._exceeded(limits, time.monotonic() - since)
                if excess is not None:
                    self.kill()
                    return excess
            else:
                return self._death() if ended is None else ended

    def kill(self) -> None:
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._stderr):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _send(self, request: TaskRequest) -> None:
        if self._process.stdin is None:
            raise BrokenPipeError
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()

    def _listen(self) -> None:
        if self._process.stdout is None:
            return
        with suppress(EOFError, OSError, pickle.UnpicklingError, ValueError), self._process.stdout as results:
            while True:
                self._results.put(pickle.load(results))
        self._results.put(None)

    def _exceeded(self, limits: TaskLimits, seconds: float) -> TaskFault | None:
        """The fault if the process is over a limit; None if it is not."""
        if limits.seconds is not None and seconds > limits.seconds:
            return TaskFault(
                "failed",
                f"was ended after {seconds:.0f} s: no task may take longer than {limits.seconds:g} s, "
                "or a fit from one sign of progress to the next",
                "raise --task-limit, if it did not hang",
            )
        if limits.memory_bytes is None:
            return None
        with suppress(psutil.Error):
            memory = psutil.Process(self.pid).memory_info()
            used = memory.rss - getattr(memory, "shared", 0)  # pages of files go when others need the room
            if used > limits.memory_bytes:
                return TaskFault(
                    "failed",
                    f"was ended at {used / 1e9:.2f} GB of memory: its share of --memory-limit is "
                    f"{limits.memory_bytes / 1e9:.2f} GB",
                    "run fewer --workers, or raise --memory-limit",
                )
        return None

    def _death(self) -> TaskFault:
        code = self._process.wait()
        output = b""
        with suppress(OSError, ValueError):  # closed, where it was ended on purpose
            self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(self._stderr.tell() - _STDERR_BYTES, 0))
            output = self._stderr.read()
        message = f"its process was ended by {_describe_exit(code)}"
        return TaskFault("died", message, _exit_hint(code), details=output.decode(errors="replace"))


def _progress_stamp(request: TaskRequest) -> int | None:
    """Time of the last progress report in ns since the epoch; None before the first, and for stages without any."""
    stage = stages().get(request.task.stage)
    return progress_stamp_ns(request.task.key, request.store) if stage and stage.reports_progress else None


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _exit_hint(code: int) -> str:
    if code == -9:
        return "most often the system had too little memory: run fewer --workers, or set a --memory-limit"
    return "a library or plugin crashed; --workers 0 runs it in this process to see why"
