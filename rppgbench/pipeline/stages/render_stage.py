"""Render: a lossless video of a recording that is none as its dataset keeps it, such as pictures or a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.pipeline.stage import (
    Facts,
    Stage,
    StageContext,
    TaskBuilder,
    component_settings,
    decoding_bytes,
    files_bytes,
    n_frames,
)
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, ComponentSettings, StageSettings, TaskCost

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
    pixels, frames = graph.frame_pixels(recording), n_frames(recording)
    return graph.task(
        STAGE,
        RenderSettings(dataset=component_settings(dataset), recording=recording.id),
        {"source": graph.file_key(*recording.source_files)} if recording.source_files else {},
        TaskCost(
            seconds=frames * (SECONDS_PER_FRAME + SECONDS_PER_MEGAPIXEL * pixels / 1e6),
            bytes_out=FOLDER_BYTES + LOSSLESS_BYTES_PER_PIXEL * frames * pixels,
            bytes_in=files_bytes((*recording.source_files, *recording.clock_files)),
            memory_bytes=decoding_bytes(pixels),
        ),
        recording=recording,
        local=graph.local(recording),
        components=[dataset.spec],
    )


def run(context: StageContext[RenderSettings]) -> Facts:
    """Write ``video.<ending>``; its size and frame rate are in the facts."""
    from rppgbench.media.decode import probe

    dataset = context.dataset(context.settings.dataset)
    target = context.folder / f"video{dataset.container()}"
    dataset.render(context.recording, target)
    info = probe(target)
    return {"file": target.name, "width": info.width, "height": info.height, "fps_hz": info.fps_hz}


STAGE = Stage(name="render", position=10, settings=RenderSettings, plan=plan, run=run)
