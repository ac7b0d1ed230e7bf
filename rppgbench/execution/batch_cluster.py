"""A Dask cluster with its scheduler in this process and its workers in jobs of a batch system."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dask
from distributed.core import Status
from distributed.deploy.spec import ProcessInterface, SpecCluster
from tornado.ioloop import PeriodicCallback

logger = logging.getLogger(__name__)


def command_error(error: Exception) -> str:
    """The message of a batch system's command, extracted from an error of dask-jobqueue."""
    return str(error).rpartition("stderr:\n")[2].strip() or str(error)


@dataclass(frozen=True)
class JobCounts:
    """Numbers of jobs of one kind: ``wanted``, ``submitted`` (waiting in the queue or started) and ``working``.

    ``given_up`` were lost more often than they may be submitted again.
    """

    wanted: int
    submitted: int
    working: int
    given_up: int


class EndedByClose(ProcessInterface):
    """A mixin before a job class of dask-jobqueue that gives a cancelled job the status "closed".

    Without it the status stays "running", and closing the ``SpecCluster`` fails.
    """

    async def close(self) -> None:
        await super().close()  # type: ignore[no-untyped-call]
        self.status = Status.closed
        self._event_finished.set()


class BatchCluster(SpecCluster):
    """A ``SpecCluster`` that submits lost jobs again, each at most ``resubmit`` times by its kind.

    A job is lost when its worker had joined and has been away for ``lost_after_s``. A worker that died within a job is
    started again in it, by its nanny, and is away for less. ``submit_error`` is the last failed submission's.
    """

    lost_after_s = 60.0
    look_every_s = 5.0

    def __init__(self, kind_of: Mapping[str, str], resubmit: Mapping[str, int], **spec: Any) -> None:
        self._kind_of = dict(kind_of)
        self._resubmits_left = {name: resubmit[kind] for name, kind in kind_of.items()}
        self._next_submit_s = 0.0
        self.submit_error: str | None = None
        super().__init__(name="rppgbench", **spec)  # type: ignore[no-untyped-call]
        self.sync(self._watch)  # type: ignore[no-untyped-call]

    def counts(self) -> dict[str, JobCounts]:
        """Job counts by kind; reads local state only, so any thread may call it."""
        scheduler: Any = self.scheduler
        working = set(scheduler.aliases)  # names of workers; copied in one step
        submitted, wanted = set(self.workers), set(self.worker_spec)
        kinds = sorted(set(self._kind_of.values()))
        names_of = {kind: {name for name, its in self._kind_of.items() if its == kind} for kind in kinds}
        return {
            kind: JobCounts(
                wanted=len(names),
                submitted=len(names & submitted),
                working=len(names & working),
                given_up=len(names - wanted),
            )
            for kind, names in names_of.items()
        }

    async def _watch(self) -> None:
        callback = PeriodicCallback(self._replace_lost, 1000 * self.look_every_s)
        self.periodic_callbacks["lost jobs"] = callback  # stopped when the cluster closes
        callback.start()

    async def _replace_lost(self) -> None:
        lost = set(self.worker_spec) - set(self.workers)
        if not lost or self.status != Status.running or self._lock.locked() or time.monotonic() < self._next_submit_s:
            return
        for name in lost:
            if self._resubmits_left[name] == 0:
                del self.worker_spec[name]
        try:
            await self._correct_state()  # type: ignore[no-untyped-call]
            self.submit_error = None
        except Exception as error:  # of the batch system, which may take jobs again later
            self.submit_error = command_error(error)
            self._next_submit_s = time.monotonic() + self.lost_after_s
            logger.warning("no job could be handed in: %s", self.submit_error)
        for name in lost & set(self.workers):
            if self.workers[name].status == Status.running:
                self._resubmits_left[name] -= 1
            else:
                await self.workers.pop(name).close()

    def _update_worker_status(self, op: str, msg: Any) -> None:
        with dask.config.set({"distributed.deploy.lost-worker-timeout": f"{self.lost_after_s} s"}):
            super()._update_worker_status(op, msg)  # type: ignore[no-untyped-call]
