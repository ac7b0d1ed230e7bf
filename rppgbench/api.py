"""The Python functions of rppgbench, for protocols, runs, results and videos; their commands are built on them.

They are imported from the package itself, ``import rppgbench`` and then ``rppgbench.run(...)``; heavy libraries are
imported when one of them is called. A user's mistake raises an error of `rppgbench.errors` with the fault, its place,
and in ``hint`` the remedy; messages name an argument by the command's option, ``disk_limit`` by ``--disk-limit``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rppgbench.contracts import Kind
from rppgbench.errors import RppgbenchError, UnknownName, nearest

if TYPE_CHECKING:
    from rppgbench.application.console_display import RunDisplay
    from rppgbench.application.run_plan import RunPlan
    from rppgbench.application.run_results import RunResults
    from rppgbench.contracts import Spec
    from rppgbench.measurement.measure_video import Measurement, Roi
    from rppgbench.pipeline.open_plan import DataFolders, PathLike, ProtocolSource
    from rppgbench.pipeline.task_result import Observer
    from rppgbench.protocol.resolve import Protocol

__all__ = ["list_components", "load_protocol", "measure", "open_results", "plan", "run"]

LEADERBOARDS = "leaderboards"
_NO_DATA_HINT = "rppgbench.run('synthetic_compressed') asks the same question of rendered faces and needs no data"


def load_protocol(protocol: ProtocolSource, *, rehearse: bool = False, estimator: str | None = None) -> Protocol:
    """The protocol in a file, or the built-in one of that name, checked and resolved.

    ``rehearse`` gives the same protocol at toy size. ``estimator`` is a compatibility estimator, such as
    "toolbox-2023", in the place of the protocol's own.

    Raises:
        ProtocolError: there is no such protocol (the hint has the nearest name), or the file has an error (the
            message starts with file:line:column).

    Example:
        >>> protocol = rppgbench.load_protocol("smoke")
        >>> [condition.id for condition in protocol.conditions]
        ['reference', 'mpeg4-125k', 'x264-125k', 'x265-125k']
    """
    from rppgbench.pipeline.open_plan import open_protocol

    return open_protocol(protocol, rehearse=rehearse, estimator=estimator)


def plan(
    protocol: ProtocolSource,
    *,
    store: PathLike | None = None,
    data: DataFolders | None = None,
    only: str | Iterable[str] = (),
    rehearse: bool = False,
    estimator: str | None = None,
    device: str = "auto",
) -> RunPlan:
    """The tasks of a protocol, those still to do, and ``costs``: core seconds and bytes by stage.

    ``store`` is the folder of everything computed; None is $RPPGBENCH_STORE, else the user's cache folder, as for the
    command. ``data`` are folders of datasets by name. ``only`` selects a part: "method=pos", or several such items.
    ``device`` trains and runs networks: results of a CPU and of a GPU are different artefacts.

    Raises:
        ProtocolError: the protocol, a name in ``data`` or an item of ``only`` is wrong.
        DatasetUnavailable: a dataset's files are not on this machine; the message says how to get them.
        StoreError: the store cannot be made or written.

    Example:
        >>> planned = rppgbench.plan("smoke", only="method=pos")
        >>> planned.costs[["stage", "tasks", "to_do", "core_s"]]
    """
    from rppgbench.application.run_plan import RunPlan
    from rppgbench.pipeline.open_plan import open_plan

    return RunPlan.of(
        open_plan(
            protocol,
            store=store,
            data=data,
            only=only,
            rehearse=rehearse,
            estimator=estimator,
            device=device,
            hint=_NO_DATA_HINT,
        )
    )


def run(
    protocol: ProtocolSource,
    *,
    store: PathLike | None = None,
    data: DataFolders | None = None,
    only: str | Iterable[str] = (),
    rehearse: bool = False,
    estimator: str | None = None,
    out: PathLike | None = LEADERBOARDS,
    workers: int | None = None,
    gpus: str | Sequence[int] | None = None,
    device: str = "auto",
    scheduler: str | None = None,
    cluster: PathLike | None = None,
    disk_limit: str | None = None,
    memory_limit: str | None = None,
    task_limit: str = "24h",
    progress: bool | Observer = True,
) -> RunResults:
    """The results of a protocol: ``board()``, ``rows``, ``failures``, and the ``folder`` of their publication.

    Artefacts in the store are not computed again, so a stopped run resumes. Results are published in
    ``out``/<protocol>/v<version>/, but not those of a narrowed or rehearsed run, nor with ``out`` None. A failed task
    blocks only the tasks that depend on it: see ``failures``, or call ``raise_for_failures()``.

    Args:
        protocol: name, file, or a protocol from `load_protocol`.
        store: folder of everything computed; None is $RPPGBENCH_STORE, else the user's cache folder.
        data: folders of datasets by name; they take precedence over those of ``rppgbench data add``.
        only: select items such as "method=pos", "condition=x264-250k", "fold=0".
        rehearse: run the same at toy size, to see whether data, store and entries are ready.
        estimator: a compatibility estimator in the place of the protocol's own, to explain older numbers.
        out: folder of leaderboards.
        workers: tasks at once on this machine's cores; None for one a core, 0 for all in this process.
        gpus: numbers of GPUs to run networks on, one task each; () or "none" for the cores, None for all GPUs.
        device: device of networks: "cpu", "cuda", "cuda:1", or "auto" for a GPU if there is one.
        scheduler: address of a Dask scheduler whose workers run the tasks, such as "tcp://10.0.0.1:8786".
        cluster: file that describes a batch queue whose jobs run the tasks.
        disk_limit: most that the run may add to the disk, such as "500GB"; None for nine tenths of the free space.
        memory_limit: most memory of all tasks on a machine together, such as "32GB"; None for no limit.
        task_limit: longest time of a task, such as "30m" or "12h"; a fit's without a sign of progress.
        progress: whether to show progress on standard error; or an observer: an object whose method ``event`` gets each
            `RunEvent`.

    Ctrl-C raises KeyboardInterrupt after running tasks are ended; no signal handler is installed.

    Raises:
        ProtocolError, DatasetUnavailable, StoreError: as in `plan`; StoreError also if the disk is too small.
        PluginError: entries learn and torch is not installed.
        TrainingFailed: entries learn and there is no such device.
        IncomparableResults: the folder of this board holds one of another question.
        ExecutorLost: workers cannot be reached.
        RppgbenchError: settings that exclude each other, a text that is no size or time, ``out`` cannot be written.

    Example:
        >>> results = rppgbench.run("smoke")
        >>> print(results.board())
        >>> results.rows.groupby(["condition", "entry"])["error_bpm"].mean()
    """
    from rppgbench.application.benchmark_run import run_benchmark
    from rppgbench.application.run_plan import RunPlan
    from rppgbench.execution.execution_settings import ExecutionSettings
    from rppgbench.pipeline.open_plan import data_items, items, open_plan

    settings = ExecutionSettings(
        workers=workers,
        gpus=gpus if gpus is None or isinstance(gpus, str) else ",".join(map(str, gpus)) or "none",
        device=device,
        scheduler=scheduler,
        cluster_file=None if cluster is None else Path(cluster),
        task_limit=task_limit,
        memory_limit=memory_limit,
        disk_limit=disk_limit,
    )
    only, data = items(only), data_items(data)
    opened = open_plan(
        protocol,
        store=store,
        data=data,
        only=only,
        rehearse=rehearse,
        estimator=estimator,
        device=settings.network_device,
        hint=_NO_DATA_HINT,
    )
    return run_benchmark(
        RunPlan.of(opened),
        settings,
        _display(progress),
        out=None if out is None else Path(out),
        inputs={"only": list(only), "data": list(data), "estimator": estimator},
    )


def open_results(protocol_or_folder: ProtocolSource, *others: PathLike, out: PathLike = LEADERBOARDS) -> RunResults:
    """Published results of a protocol below ``out``, or those in a folder such as leaderboards/smoke/v1.

    ``others`` are folders of further results, to be ranked together with the first.

    Raises:
        ProtocolError: there is no such protocol.
        RppgbenchError: there are no results, or they cannot be read.
        IncomparableResults: results of another question than the protocol's, or than the first; the message shows the
            differences line by line.

    Example:
        >>> results = rppgbench.open_results("leaderboards/synthetic_compressed/v2")
        >>> results.rows.attrs["units"]["snr_db"]
        'dB'
    """
    from rppgbench.application.finished_results import find_results, rank_together

    first = find_results(protocol_or_folder, Path(out))
    return rank_together(first, [find_results(other, Path(out)) for other in others]) if others else first


def measure(
    video: PathLike,
    *,
    method: str | None = None,
    window_s: float = 30.0,
    step_s: float = 10.0,
    roi: Roi = "face",
    progress: Callable[[float], None] | None = None,
) -> Measurement:
    """The heart rate in a video of a face, in beats per minute: ``hr_bpm``, and ``windows`` with their reliability.

    A rate is None if no pulse is reliable; ``verdict`` is the known effect of the file's compression on a pulse.

    Args:
        video: file of any container and codec that FFmpeg reads.
        method: name of a trace method that needs no training; None for the one that a plugin suggests.
        window_s: length of a window in seconds, 8 at least.
        step_s: seconds from the start of a window to that of the next, 0.5 at least.
        roi: "face" to find and follow a face, "full" to take every pixel for skin.
        progress: function called with the time in seconds up to which the video is read.

    Raises:
        MediaError: the video cannot be read; its subclass NoFaceFound: it shows no face.
        SignalError: the video is shorter than 8 s, or a setting is out of range.
        UnknownName, PluginError: there is no such method, or it cannot measure a single video.

    Example:
        >>> measured = rppgbench.measure("selfie.mp4")
        >>> measured.hr_bpm
        71.4
    """
    from rppgbench.measurement.measure_video import make_measure_settings, measure_video

    settings = make_measure_settings(method, roi, window_s, step_s)
    return measure_video(Path(video), settings, progress or (lambda time_s: None))


def list_components(kind: str | None = None) -> list[Spec]:
    """Specs of installed components by kind and name: methods, enhancers, codecs, datasets.

    ``kind`` is "method", "enhancer", "codec" or "dataset"; None for all. Each spec has ``kind``, ``name``, ``summary``,
    ``version``, ``params`` (a pydantic model), ``cite`` and ``license``.

    Raises:
        UnknownName: there is no such kind.

    Example:
        >>> [spec.name for spec in rppgbench.list_components("codec")]
        ['lossless', 'mpeg4', 'original', 'x264', 'x265']
    """
    from rppgbench.registry import load_registry

    kinds: tuple[Kind, ...] = get_args(Kind)
    if kind is not None and kind not in kinds:
        raise UnknownName(f"no kind of component is called {kind!r}", hint=nearest(kind, kinds))
    return [spec for one in kinds if kind in (None, one) for spec in load_registry().specs(one)]


def _display(progress: bool | Observer) -> RunDisplay:
    from rppgbench.application.console_display import ConsoleDisplay, ObserverDisplay

    if not isinstance(progress, bool):
        if not callable(getattr(progress, "event", None)):
            raise RppgbenchError(
                f"progress is {progress!r}, which is no observer",
                hint="give True, False, or an object with a method event(event)",
            )
        return ObserverDisplay(progress)
    if not progress:
        return ObserverDisplay()
    from rich.console import Console

    return ConsoleDisplay(Console(stderr=True, force_jupyter=False))
