"""Clock: times of frames from a dataset with better ones than those of its video files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.pipeline.dataset_files import DatasetFilesSettings, dataset_files_task
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, TaskCost
from rppgbench.pipeline.video_input import files_bytes, n_frames

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_WINDOW = 0.05


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that reads the times of the recording's frames."""
    return dataset_files_task(
        graph,
        STAGE,
        recording,
        TaskCost(
            seconds=SECONDS_PER_WINDOW * max(graph.windows(recording).n_windows, 1),
            bytes_out=FOLDER_BYTES + 8 * n_frames(recording),
            bytes_in=files_bytes(*recording.truth_files, *recording.clock_files),
        ),
    )


def run(context: StageContext[DatasetFilesSettings]) -> Facts:
    """Write ``clock.npz``: ``times_s``, ``(T,)``, ascending."""
    settings = context.settings
    times_s = np.asarray(context.dataset(settings.dataset).frame_times_s(context.recording), dtype=np.float64)
    if times_s.ndim != 1 or not len(times_s) or not (np.diff(times_s) > 0).all():
        raise SignalError(
            f"{settings.recording}: the frame times of the dataset do not ascend",
            hint=f"see 'rppgbench data check {settings.dataset.use}'",
        )
    np.savez(context.folder / "clock.npz", times_s=times_s)
    return {"n_frames": len(times_s)}


STAGE = Stage(name="clock", position=30, settings=DatasetFilesSettings, plan=plan, run=run)
