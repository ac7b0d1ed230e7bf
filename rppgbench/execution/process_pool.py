"""Hands: processes that do tasks, kept apart from whoever waits for them.

A plugin that crashes, hangs or eats all memory ends its hand and one task, and nobody else's. The one who waits sees
how it ended and says so.
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
_LAST_WORDS_BYTES = 4000
# One hand a core: libraries would start a thread for each core in each of them.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_BEGIN = "import sys; sys.path[:] = {path!r}; from rppgbench.execution.worker_process import main; main()"


@dataclass(frozen=True)
class TaskLimits:
    """What one task may take: seconds, and bytes of memory; None for as much as there is.

    A fit that tells of its steps may take as long as it likes: its seconds count from the last sign of progress.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


@dataclass
class ProcessPool:
    """Hands for one worker, as many as it calls for at once; idle ones are used again, for what they have imported.

    ``environment`` is added to theirs: which GPU they see, for one.
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

    def do(self, task: Task) -> TaskDone | TaskFault:
        """Have the task done; waits for it."""
        try:
            hand = self._take()
        except OSError as error:
            return TaskFault(
                "died", f"no process could be started for it: {error}", "look at memory and process limits"
            )
        if hand is None:
            return TaskFault("died", "the worker is closing")
        ended = hand.do(TaskRequest(task, self.store, self.device), self.limits)
        with self._lock:
            if hand.alive and not self._closed:
                self._idle.append(hand)
                return ended
            self._all.discard(hand)
        hand.kill()
        self.store.sweep()  # of what it had begun to write
        return ended

    def close(self) -> None:
        """End all hands at once, and what they are at."""
        with self._lock:
            self._closed = True
            hands, self._all, self._idle = list(self._all), set(), []
        for hand in hands:
            hand.kill()

    @property
    def processes(self) -> list[int]:
        """Process numbers of all hands there are."""
        with self._lock:
            return [hand.pid for hand in self._all if hand.alive]

    def _take(self) -> _PooledProcess | None:
        with self._lock:
            if self._closed:
                return None
            while self._idle:
                hand = self._idle.pop()
                if hand.alive:
                    return hand
                self._all.discard(hand)
            hand = _PooledProcess(self.environment)
            self._all.add(hand)
            return hand


class _PooledProcess:
    """One such process, from the outside."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the hand)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            env={**_ONE_THREAD, **os.environ, **environment},
            start_new_session=True,  # Ctrl-C is the driver's to answer
        )
        self._reports: queue.SimpleQueue[TaskDone | TaskFault | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def do(self, order: TaskRequest, limits: TaskLimits) -> TaskDone | TaskFault:
        try:
            self._give(order)
        except OSError:
            return self._died()
        sign, since = _sign_of_progress(order), time.monotonic()
        while True:
            try:
                ended = self._reports.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                if (newer := _sign_of_progress(order)) != sign:
                    sign, since = newer, time.monotonic()
                over = self._over(limits, time.monotonic() - since)
                if over is not None:
                    self.kill()
                    return over
            else:
                return self._died() if ended is None else ended

    def kill(self) -> None:
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._last_words):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _give(self, order: TaskRequest) -> None:
        if self._process.stdin is None:
            raise BrokenPipeError
        pickle.dump(order, self._process.stdin)
        self._process.stdin.flush()

    def _listen(self) -> None:
        if self._process.stdout is None:
            return
        with suppress(EOFError, OSError, pickle.UnpicklingError, ValueError), self._process.stdout as reports:
            while True:
                self._reports.put(pickle.load(reports))
        self._reports.put(None)

    def _over(self, limits: TaskLimits, seconds: float) -> TaskFault | None:
        """What limit it is over, if it is."""
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

    def _died(self) -> TaskFault:
        code = self._process.wait()
        words = b""
        with suppress(OSError, ValueError):  # closed, where it was ended on purpose
            self._last_words.seek(0, os.SEEK_END)
            self._last_words.seek(max(self._last_words.tell() - _LAST_WORDS_BYTES, 0))
            words = self._last_words.read()
        message = f"its process was ended by {_ending(code)}"
        return TaskFault("died", message, _remedy(code), details=words.decode(errors="replace"))


def _sign_of_progress(order: TaskRequest) -> int | None:
    """Time of the last report of a task whose stage reports progress; None for any other."""
    stage = stages().get(order.task.stage)
    return progress_stamp_ns(order.task.key, order.store) if stage is not None and stage.reports_progress else None


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _remedy(code: int) -> str:
    if code == -9:
        return "most often the system had too little memory: run fewer --workers, or set a --memory-limit"
    return "a library or plugin crashed; --workers 0 runs it in this process to see why"
