"""The program of a worker process, which runs one task at a time for the process at the other end of its pipes.

It exits when that end is closed, also in the middle of a task: a driver or a worker that is killed outright cannot
end its processes, and an unfinished task is run again by the next run that needs it.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
from dataclasses import dataclass
from typing import BinaryIO

from rppgbench.pipeline.task import Task
from rppgbench.store.store import Store

IDLE_S = 300.0


@dataclass(frozen=True)
class TaskRequest:
    """A task to run, with its store and the device of networks."""

    task: Task
    store: Store
    device: str


def main() -> None:
    """Run the requests from stdin and write results to stdout, until stdin ends or no request comes for ``IDLE_S``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to answer
    requests, results = _claim_pipes()
    received: queue.SimpleQueue[TaskRequest] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, received), daemon=True).start()
    _limit_threads()
    while True:
        try:
            request = received.get(timeout=IDLE_S)
        except queue.Empty:
            return
        _run(request, results)


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes of requests and results; plugins and libraries read nothing from stdin, and print to stderr."""
    requests, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, results


def _listen(requests: BinaryIO, received: queue.SimpleQueue[TaskRequest]) -> None:
    try:
        while True:
            received.put(pickle.load(requests))
    except (EOFError, OSError, pickle.UnpicklingError):
        os._exit(1)


def _limit_threads() -> None:
    import cv2

    cv2.setNumThreads(1)  # one process a core already


def _run(request: TaskRequest, results: BinaryIO) -> None:
    from rppgbench.execution.task_runner import run_task
    from rppgbench.registry import load_registry

    result = run_task(request.task, request.store, load_registry(), request.device)
    pickle.dump(result, results)
    results.flush()
