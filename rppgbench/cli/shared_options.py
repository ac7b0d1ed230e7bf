"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """The decorators as one; ``--help`` lists their options in this order."""

    def decorate(command: Command) -> Command:
        for one in reversed(decorators):
            command = one(command)
        return command

    return decorate


protocol_argument = click.argument("protocol")
store_option = click.option(
    "--store", "store_path", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of everything computed; any number of machines may share it. "
         "[default: $RPPGBENCH_STORE, else the user's cache folder]",
)  # fmt: skip
data_option = click.option(
    "--data", multiple=True, metavar="NAME=PATH", help="Where a dataset's files lie; may be given several times."
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("leaderboards"), show_default=True,
    help="Folder of leaderboards: OUT/<protocol>/v<version>/, and as_<estimator>/ in it.",
)  # fmt: skip

plan_options = options(
    protocol_argument,
    store_option,
    data_option,
    click.option("--only", multiple=True, metavar="WHAT=NAME",
                 help="Narrow to one method, entry, condition, codec, subject, recording or fold; "
                      "repeat it with another WHAT to narrow further, --only method=pos --only condition=x264-250k, "
                      "and with the same to widen: --only fold=0 --only fold=1."),
    click.option("--rehearse", is_flag=True,
                 help="The same protocol at toy size, to see whether data, store and entries are ready for it: "
                      "clips of 32x32, quick encoders, learners at their smallest with 8 steps. Nothing "
                      "is published."),
    click.option("--estimator", metavar="NAME",
                 help="Derive heart rates and SNR as toolbox-2023, toolbox-2025 or pyvhr do, to explain older "
                      "numbers. Predictions in the store serve as they are; results lie apart and are never "
                      "ranked with the protocol's own."),
)  # fmt: skip
resource_options = options(
    click.option("--workers", type=click.IntRange(min=0), default=None,
                 help="Tasks to run at once on this machine's cores; 0 runs everything in this process. "
                      "[default: one a core]"),
    click.option("--disk-limit", metavar="SIZE",
                 help="The most that the run may add to the disk, such as 500GB: face clips go when their last "
                      "reader is done, where not all of them fit. [default: nine tenths of what is free]"),
    click.option("--memory-limit", metavar="SIZE",
                 help="The most memory that all tasks on a machine may take together; a task that takes more "
                      "than its share is ended and named. [default: no limit]"),
)  # fmt: skip
execution_options = options(
    click.option("--gpus", metavar="0,1",
                 help="GPUs of this machine to run networks on, one task each; 'none' for the cores. "
                      "[default: all there are]"),
    click.option("--device", default="auto", show_default=True, metavar="NAME",
                 help="Where networks train and run: cpu, cuda, cuda:1; auto takes a GPU where a worker has "
                      "one."),
    click.option("--scheduler", metavar="ADDRESS",
                 help="Give the tasks to the workers of a Dask scheduler, such as tcp://10.0.0.1:8786; all of "
                      "them must see the store, and the data, under the same path."),
    click.option("--cluster", "cluster_file", metavar="FILE",
                 type=click.Path(path_type=Path, dir_okay=False),
                 help="Start workers through SLURM, PBS or LSF, as FILE says; see docs/clusters.md."),
    click.option("--task-limit", metavar="TIME", default="24h", show_default=True,
                 help="End a task that takes longer, such as 30m or 12h; it counts as failed. Of a fit it is "
                      "the time without a sign of progress."),
    click.option("--dashboard", is_flag=True, help="Serve Dask's own dashboard while the run lasts."),
)  # fmt: skip
