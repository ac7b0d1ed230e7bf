"""The schema of cluster files: a batch system, the address of the scheduler, and jobs of each kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from rppgbench.errors import RppgbenchError
from rppgbench.protocol import yaml_document
from rppgbench.protocol.protocol_file import Frozen
from rppgbench.protocol.yaml_document import Document

System = Literal["slurm", "pbs", "lsf"]
Kind = Literal["cpu", "gpu"]

# Names that a batch system has for the queue of a job and for the account that pays for it.
PLACE: dict[System, str] = {"slurm": "partition", "pbs": "queue", "lsf": "queue"}
PAYER: dict[System, str] = {"slurm": "account", "pbs": "account", "lsf": "project"}

_WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")
_MEMORY = re.compile(r"\d+(\.\d+)? ?[KkMGT]i?B")


class ClusterError(RppgbenchError):
    """An unusable cluster file, or a batch system that takes no jobs."""


def _is_walltime(text: str) -> str:
    if walltime_s(text) <= 0:
        raise ValueError("no time at all")
    return text


def _is_memory(text: str) -> str:
    if not _MEMORY.fullmatch(text):
        raise ValueError("expected a number and its unit, such as 32GB or 500MiB")
    return text


def walltime_s(text: str) -> int:
    """Seconds in ``HH:MM:SS`` or ``D-HH:MM:SS``."""
    match = _WALLTIME.fullmatch(text)
    if match is None:
        raise ValueError('expected "HH:MM:SS" or "D-HH:MM:SS"')
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((24 * days + hours) * 60 + minutes) * 60 + seconds


class Scheduler(Frozen):
    """The address of Dask's scheduler, which runs in the process of the run; port 0 is any free one."""

    interface: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=0, lt=2**16)] = 0
    dashboard: Annotated[int, Field(ge=0, lt=2**16, description="the dashboard's port")] = 0
    protocol: Literal["tcp", "tls"] = "tcp"


class Jobs(Frozen):
    """Jobs of one kind; each is one Dask worker on one node for ``walltime``."""

    jobs: Annotated[int, Field(ge=1)]
    cores: Annotated[int, Field(ge=1)]
    memory: Annotated[str, AfterValidator(_is_memory)]
    walltime: Annotated[str, AfterValidator(_is_walltime)]
    partition: str | None = None
    queue: str | None = None
    account: str | None = None
    project: str | None = None
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    python: str | None = None
    interface: str | None = None
    resubmit: Annotated[int, Field(ge=0, description="how often a job is handed in again once it is lost")] = 10
    options: dict[str, Any] = Field(default_factory=dict)


class ClusterConfig(Frozen):
    """A batch system and the jobs to submit to it."""

    system: System
    scheduler: Scheduler = Scheduler()
    logs: Annotated[
        Path | None, Field(description="folder for what the jobs print; the system's own choice if none")
    ] = None
    cpu: Jobs
    gpu: Jobs | None = None

    @property
    def kinds(self) -> dict[Kind, Jobs]:
        return {"cpu": self.cpu, **({"gpu": self.gpu} if self.gpu else {})}


def read_cluster_config(path: Path) -> tuple[ClusterConfig, Document]:
    """The contents of a cluster file, and its document, which locates keys.

    Raises:
        RppgbenchError: the file is invalid; the message starts with ``file:line:column``.
    """
    file, source = yaml_document.load(path, ClusterConfig, ClusterError, "see docs/clusters.md")
    _check_names(file, source)
    return file, source


def _check_names(file: ClusterConfig, source: Document) -> None:
    for kind, jobs in file.kinds.items():
        for names in (PLACE, PAYER):
            expected = names[file.system]
            for name in sorted(set(names.values()) - {expected}):
                if getattr(jobs, name) is not None:
                    where = source.where((kind, name), key=True)
                    raise ClusterError(f"{where}: {file.system} has no {name!r}", hint=f"write {expected!r}")
