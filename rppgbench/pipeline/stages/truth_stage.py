"""Truth: samples of the contact sensor on the video's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.contracts import GroundTruth
from rppgbench.errors import DatasetUnavailable, SignalError
from rppgbench.pipeline.dataset_files import DatasetFilesSettings, dataset_files_task
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, TaskCost
from rppgbench.pipeline.video_input import files_bytes

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_WINDOW = 0.05
BYTES_PER_S = 8e3  # a sensor at 500 Hz, or two at 250


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that reads the recording's contact sensor."""
    return dataset_files_task(
        graph,
        STAGE,
        recording,
        TaskCost(
            seconds=SECONDS_PER_WINDOW * max(graph.windows(recording).n_windows, 1),
            bytes_out=FOLDER_BYTES + BYTES_PER_S * recording.duration_s,
            bytes_in=files_bytes(*recording.truth_files),
        ),
    )


def run(context: StageContext[DatasetFilesSettings]) -> Facts:
    """Write ``truth.npz``: samples, their times, further leads. Facts: kind, length of the video by the sensor's clock,
    the loader's doubts, and the reason for an unusable sensor, if it is one."""
    unusable = None
    try:
        truth: GroundTruth = context.dataset(context.settings.dataset).ground_truth(context.recording)
    except (DatasetUnavailable, SignalError) as error:
        # Unreadable files are a result, not a failure of the task: other tasks of the recording need not be blocked.
        truth, unusable = GroundTruth(samples=np.empty(0), times_s=np.empty(0), kind="bvp"), error.message
    leads: dict[str, Any] = {f"lead {name}": samples for name, samples in truth.leads.items()}
    np.savez(context.folder / "truth.npz", samples=truth.samples, times_s=truth.times_s, **leads)
    return {"kind": truth.kind, "video_s": truth.video_s, "doubts": list(truth.doubts), "unusable": unusable}


STAGE = Stage(name="truth", position=20, settings=DatasetFilesSettings, plan=plan, run=run)
