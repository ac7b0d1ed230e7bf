"""The Dask cluster of a cluster file: options of dask-jobqueue, and submission of the jobs."""

from __future__ import annotations

import inspect
import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rppgbench.errors import nearest
from rppgbench.execution.batch_cluster import command_error
from rppgbench.execution.cluster_config import (
    PAYER,
    PLACE,
    ClusterConfig,
    ClusterError,
    Jobs,
    Kind,
    System,
    read_cluster_config,
    walltime_s,
)
from rppgbench.protocol.yaml_document import Document

if TYPE_CHECKING:
    from distributed.security import Security

    from rppgbench.execution.batch_cluster import BatchCluster as BatchCluster

_SUBMIT: dict[System, tuple[str, str]] = {
    "slurm": ("sbatch", "scancel"),
    "pbs": ("qsub", "qdel"),
    "lsf": ("bsub", "bkill"),
}

# Deprecated names in dask-jobqueue of options that have a key of their own here.
_DEPRECATED = {"extra", "env_extra", "job_extra", "header_skip"}
# Options that make a job one worker of a run.
_FIXED = {"scheduler", "name", "processes", "nanny", "security", "protocol", "config_name", "worker_command"}


def open_cluster(path: Path) -> BatchCluster:
    """A cluster whose scheduler listens and whose jobs are submitted; workers join when their jobs start.

    Close it after its clients: that cancels the jobs.

    Raises:
        RppgbenchError: the file is wrong, a library or a command is missing, or the batch system takes no jobs.
    """
    file, source = read_cluster_config(path)
    base = _job_class(file.system)
    for command in _SUBMIT[file.system]:
        if shutil.which(command) is None:
            raise ClusterError(
                f"{source.where(('system',))}: {command!r} is not a command on this host",
                hint="run this where jobs can be handed in: a login node, or a job of its own",
            )
    security = _security(file, source)
    for kind in file.kinds:
        _check_options(file, source, kind, base)
    options = {kind: _options(file, kind, jobs, security) for kind, jobs in file.kinds.items()}
    return _start(file, source, base, options, security)


def _job_class(system: System) -> type[Any]:
    try:
        from dask_jobqueue.lsf import LSFJob
        from dask_jobqueue.pbs import PBSJob
        from dask_jobqueue.slurm import SLURMJob
    except ImportError as error:
        raise ClusterError(f"--cluster needs dask-jobqueue: {error}", hint="pip install 'rppgbench[cluster]'") from None
    return {"slurm": SLURMJob, "pbs": PBSJob, "lsf": LSFJob}[system]


def _security(file: ClusterConfig, source: Document) -> Security | None:
    """TLS by Dask's own configuration, with which scheduler and workers authenticate each other; None for tcp."""
    if file.scheduler.protocol == "tcp":
        return None
    from distributed.security import Security

    security = Security(require_encryption=True)
    for role in ("scheduler", "worker", "client"):
        tls = security.get_tls_config_for_role(role)
        for part in ("ca_file", "cert", "key"):
            if not tls[part]:
                name = "ca-file" if part == "ca_file" else f"{role}.{part}"
                raise ClusterError(
                    f"{source.where(('scheduler', 'protocol'))}: TLS needs distributed.comm.tls.{name}",
                    hint="set it in Dask's configuration, see docs/clusters.md",
                )
    return security


def _start(
    file: ClusterConfig,
    source: Document,
    base: type[Any],
    options: dict[Kind, dict[str, Any]],
    security: Security | None,
) -> BatchCluster:
    from distributed.scheduler import Scheduler

    from rppgbench.execution.batch_cluster import BatchCluster, EndedByClose

    job = type(base.__name__, (EndedByClose, base), {})
    names = {f"{kind}-{index}": kind for kind, jobs in file.kinds.items() for index in range(jobs.jobs)}
    listen = file.scheduler.model_dump(include={"interface", "host", "port"}, exclude_none=True)
    try:
        if file.logs is not None:
            file.logs.mkdir(parents=True, exist_ok=True)
        return BatchCluster(
            kind_of=names,
            resubmit={kind: jobs.resubmit for kind, jobs in file.kinds.items()},
            workers={name: {"cls": job, "options": options[kind]} for name, kind in names.items()},
            scheduler={
                "cls": Scheduler,
                "options": {
                    **listen,
                    "protocol": f"{file.scheduler.protocol}://",
                    "dashboard_address": f":{file.scheduler.dashboard}",
                    "security": security,
                },
            },
            security=security,
            silence_logs=logging.CRITICAL,
        )
    except Exception as error:
        raise ClusterError(
            f"{source.path}: the cluster could not be opened: {command_error(error)}", hint=_OPEN_HINT
        ) from error


_OPEN_HINT = "no job was left behind; mend what is said above, then run it again"


def _options(file: ClusterConfig, kind: Kind, jobs: Jobs, security: Security | None) -> dict[str, Any]:
    """Arguments of dask-jobqueue's class for a job of this kind."""
    return {
        "cores": jobs.cores,
        "memory": jobs.memory,
        "processes": 1,
        "nanny": True,  # starts a worker again within its job, which has waited in the queue
        "walltime": _walltime(file.system, jobs),
        "queue": getattr(jobs, PLACE[file.system]),
        PAYER[file.system]: getattr(jobs, PAYER[file.system]),
        "job_extra_directives": list(jobs.directives),
        "job_script_prologue": list(jobs.prologue),
        "python": jobs.python,
        "job_name": f"rppgbench-{kind}",
        "log_directory": str(file.logs.absolute()) if file.logs else None,
        "interface": jobs.interface or file.scheduler.interface,
        "protocol": f"{file.scheduler.protocol}://",
        "security": security,
        **jobs.options,
        "worker_extra_args": [*_worker_arguments(kind, jobs), *jobs.options.get("worker_extra_args", [])],
    }


def _worker_arguments(kind: Kind, jobs: Jobs) -> list[str]:
    # Tasks run in a process pool, which limits their memory: Dask manages threads alone. A worker that retires passes
    # its tasks on; when the queue kills one, that counts as a death of each task that it ran.
    margin_s = min(300, walltime_s(jobs.walltime) // 10)
    threads, resources = (jobs.cores, f"CPU={jobs.cores}") if kind == "cpu" else (1, "GPU=1")
    return [
        *("--nthreads", str(threads)),
        *("--resources", resources),
        *("--memory-limit", "0"),
        *("--lifetime", f"{walltime_s(jobs.walltime) - margin_s}s"),
        *("--lifetime-stagger", f"{margin_s // 2}s"),
    ]


def _walltime(system: System, jobs: Jobs) -> str:
    minutes, seconds = divmod(walltime_s(jobs.walltime), 60)
    if system == "lsf":  # has no seconds
        return f"{minutes // 60:02}:{minutes % 60:02}" if minutes else "00:01"
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _check_options(file: ClusterConfig, source: Document, kind: Kind, base: type[Any]) -> None:
    known = {name for cls in base.__mro__ if "__init__" in vars(cls) for name in _parameters(vars(cls)["__init__"])}
    hints = {
        **{key: f"write {kind}.{key}" for key in ("cores", "memory", "walltime", "python", "interface")},
        **dict.fromkeys(("account", "project"), f"write {kind}.{PAYER[file.system]}"),
        "queue": f"write {kind}.{PLACE[file.system]}",
        "job_extra_directives": f"write {kind}.directives",
        "job_script_prologue": f"write {kind}.prologue",
        "log_directory": "write logs, beside 'system'",
        **dict.fromkeys(_FIXED, "it is what makes a job one worker of a run's"),
        **dict.fromkeys(_DEPRECATED, "dask-jobqueue has another name for it"),
    }
    options = known - set(hints) - {"self", "args", "kwargs", "base_class_kwargs"}
    for name in file.kinds[kind].options:
        if name not in options:
            where = source.where((kind, "options", name), key=True)
            raise ClusterError(
                f"{where}: {kind}.options cannot set {name!r}", hint=hints.get(name) or nearest(name, options)
            )


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    return inspect.signature(function).parameters
