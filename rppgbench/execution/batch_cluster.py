"""One Dask scheduler, in this process, and its workers in jobs of a batch system."""

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


def format_count(error: Exception) -> str:
    """What a batch system's command had to say, out of what dask-jobqueue says about the command."""
    return str(error).rpartition("stderr:\n")[2].strip() or str(error)


@dataclass(frozen=True)
class Count:
    """Jobs of one kind: how many are ``wanted``, how many the batch system has (waiting ones too), how many work.

    ``given_up`` were lost more often than they may be handed in again.
    """

    wanted: int
    submitted: int
    working: int
    given_up: int


class EndedByClose(ProcessInterface):
    """Before a class of dask-jobqueue's in a job's bases: a job that was cancelled says so.

    Theirs stays "running", and ``SpecCluster`` takes offence when it closes.
    """

    async def close(self) -> None:
        await super().close()  # type: ignore[no-untyped-call]
        self.status = Status.closed
        self._event_finished.set()


class BatchCluster(SpecCluster):
    """A ``SpecCluster`` that hands lost jobs in again, each as often as ``resubmit`` says.

    A job is lost when its worker was there and has been away for ``lost_after_s``. A worker that died within a job is
    started again in it, by its nanny, and is away for less. ``trouble`` is why the batch system takes no job, if so.
    """

    lost_after_s = 60.0
    look_every_s = 5.0

    def __init__(self, kind_of: Mapping[str, str], resubmit: Mapping[str, int], **spec: Any) -> None:
        self._kind_of = dict(kind_of)
        self._left = {name: resubmit[kind] for name, kind in kind_of.items()}
        self._next_try_s = 0.0
        self.trouble: str | None = None
        super().__init__(name="rppgbench", **spec)  # type: ignore[no-untyped-call]
        self.sync(self._watch)  # type: ignore[no-untyped-call]

    def counts(self) -> dict[str, Count]:
        """By kind. Asks nobody, and may be called from any thread."""
        scheduler: Any = self.scheduler
        here = set(scheduler.aliases)  # names of workers; copied in one step
        submitted, wanted = set(self.workers), set(self.worker_spec)
        kinds = sorted(set(self._kind_of.values()))
        of = {kind: {name for name, its in self._kind_of.items() if its == kind} for kind in kinds}
        return {
            kind: Count(
                wanted=len(names),
                submitted=len(names & submitted),
                working=len(names & here),
                given_up=len(names - wanted),
            )
            for kind, names in of.items()
        }

    async def _watch(self) -> None:
        callback = PeriodicCallback(self._replace_lost, 1000 * self.look_every_s)
        self.periodic_callbacks["lost jobs"] = callback  # stopped when the cluster closes
        callback.start()

    async def _replace_lost(self) -> None:
        lost = set(self.worker_spec) - set(self.workers)
        if not lost or self.status != Status.running or self._lock.locked() or time.monotonic() < self._next_try_s:
            return
        for name in lost:
            if self._left[name] == 0:
                del self.worker_spec[name]
        try:
            await self._correct_state()  # type: ignore[no-untyped-call]
            self.trouble = None
        except Exception as error:  # the batch system's, and it may take jobs again later
            self.trouble = format_count(error)
            self._next_try_s = time.monotonic() + self.lost_after_s
            logger.warning("no job could be handed in: %s", self.trouble)
        for name in lost & set(self.workers):
            if self.workers[name].status == Status.running:
                self._left[name] -= 1
            else:
                await self.workers.pop(name).close()

    def _update_worker_status(self, op: str, msg: Any) -> None:
        with dask.config.set({"distributed.deploy.lost-worker-timeout": f"{self.lost_after_s} s"}):
            super()._update_worker_status(op, msg)  # type: ignore[no-untyped-call]
