"""Render: a lossless video of a recording that its dataset has as pictures or as a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder, component_settings
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, ComponentSettings, StageSettings
from rppgbench.pipeline.video_input import decoding_cost, files_bytes, n_frames

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_FRAME, SECONDS_PER_MEGAPIXEL = 0.003, 0.03
LOSSLESS_BYTES_PER_PIXEL = 1.75


class RenderSettings(StageSettings):
    """Dataset and recording."""

    dataset: ComponentSettings
    recording: str


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that renders the recording, from its source files where it has any."""
    dataset = graph.dataset(recording)
    return graph.task(
        STAGE,
        RenderSettings(dataset=component_settings(dataset), recording=recording.id),
        {"source": graph.file_key(*recording.source_files)} if recording.source_files else {},
        decoding_cost(
            recording,
            graph.frame_pixels(recording),
            SECONDS_PER_FRAME,
            SECONDS_PER_MEGAPIXEL,
            bytes_out=FOLDER_BYTES + lossless_bytes(graph, recording),
            bytes_in=files_bytes(*recording.source_files, *recording.clock_files),
        ),
        recording=recording,
        local=graph.local(recording),
        components=[dataset.spec],
    )


def lossless_bytes(graph: TaskBuilder, recording: Recording) -> float:
    """Expected bytes of the recording as a lossless video."""
    return LOSSLESS_BYTES_PER_PIXEL * n_frames(recording) * graph.frame_pixels(recording)


def run(context: StageContext[RenderSettings]) -> Facts:
    """Write ``video.<ending>``; its size and frame rate are in the facts."""
    from rppgbench.media.decode import probe

    dataset = context.dataset(context.settings.dataset)
    target = context.folder / f"video{dataset.container()}"
    dataset.render(context.recording, target)
    info = probe(target)
    return {"file": target.name, "width": info.width, "height": info.height, "fps_hz": info.fps_hz}


STAGE = Stage(name="render", position=10, settings=RenderSettings, plan=plan, run=run)
