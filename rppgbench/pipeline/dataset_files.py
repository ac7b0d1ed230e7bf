"""Tasks that read all of a recording's files through its dataset's loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.pipeline.stage import Stage, TaskBuilder, component_settings
from rppgbench.pipeline.stage_settings import ComponentSettings, StageSettings, TaskCost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task


class DatasetFilesSettings(StageSettings):
    """Dataset and recording, with all that the loader's answer depends on besides the files."""

    dataset: ComponentSettings
    recording: str
    fps_hz: float
    duration_s: float
    details: str
    frames: tuple[int, int | None]


def dataset_files_task(
    graph: TaskBuilder, stage: Stage[DatasetFilesSettings], recording: Recording, cost: TaskCost
) -> Task:
    """Task of a stage that calls the loader of the recording's dataset."""
    dataset = graph.dataset(recording)
    return graph.task(
        stage,
        DatasetFilesSettings(
            dataset=component_settings(dataset),
            recording=recording.id,
            fps_hz=recording.fps_hz,
            duration_s=recording.duration_s,
            details=recording.truth_details,
            frames=recording.part,
        ),
        _file_keys(graph, recording),
        cost,
        recording=recording,
        local=graph.local(recording),
        components=[dataset.spec],
    )


def _file_keys(graph: TaskBuilder, recording: Recording) -> dict[str, str]:
    """Keys of all files of the recording by role: sensors are put on the clock of the frames."""
    files = (*recording.truth_files, *recording.clock_files)
    inputs = {f"file{n}": graph.file_key(path) for n, path in enumerate(files)}
    if recording.path is not None:
        inputs["video"] = graph.file_key(recording.path)
    if recording.source_files:
        inputs["source"] = graph.file_key(*recording.source_files)
    return inputs
