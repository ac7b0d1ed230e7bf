"""The program of a hand: a process that does one task at a time for whoever holds the other end of its pipes.

It leaves when that end is closed, also in the middle of a task: a driver or a worker that is killed outright cannot
tell its hands, and what they were at is made again by whoever needs it.
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
    """A task to do, in which store, on which device."""

    task: Task
    store: Store
    device: str


def main() -> None:
    """Do what is ordered on stdin and tell the end of it on stdout, until stdin ends or nothing comes for long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to answer
    orders, reports = _own_pipes()
    ordered: queue.SimpleQueue[TaskRequest] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders, ordered), daemon=True).start()
    _settle()
    while True:
        try:
            order = ordered.get(timeout=IDLE_S)
        except queue.Empty:
            return
        _report(reports, order)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes, kept from whatever a plugin or a library prints or reads."""
    orders, reports = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return orders, reports


def _listen(orders: BinaryIO, ordered: queue.SimpleQueue[TaskRequest]) -> None:
    try:
        while True:
            ordered.put(pickle.load(orders))
    except (EOFError, OSError, pickle.UnpicklingError):
        os._exit(1)


def _settle() -> None:
    import cv2

    cv2.setNumThreads(1)  # one hand a core already


def _report(reports: BinaryIO, order: TaskRequest) -> None:
    from rppgbench.execution.task_runner import run_task
    from rppgbench.registry import load_registry

    ended = run_task(order.task, order.store, load_registry(), order.device)
    pickle.dump(ended, reports)
    reports.flush()
