"""Crop: face clips of a recording under a condition, at the size and rate of the protocol's clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, StageSettings
from rppgbench.pipeline.stages.boxes_stage import read_box
from rppgbench.pipeline.stages.traces_stage import decoded_inputs
from rppgbench.pipeline.video_input import decoding_cost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.resolved_component import Condition

SECONDS_PER_FRAME, SECONDS_PER_MEGAPIXEL = 0.001, 0.0002


class CropSettings(StageSettings):
    """Height and width of the clips in pixels, their rate, margin about the face box, frames of the recording."""

    size: tuple[int, int]
    fps_hz: float
    margin: float
    frames_are_skin: bool
    frames: tuple[int, int | None]


def plan(graph: TaskBuilder, recording: Recording, condition: Condition) -> Task:
    """Task that cuts the face out of every frame of the recording under the condition."""
    clips = graph.protocol.clips
    height, width = clips.size
    video = graph.video(recording, condition)
    return graph.task(
        STAGE,
        CropSettings(
            size=(height, width),
            fps_hz=clips.fps_hz,
            margin=clips.face.margin,
            frames_are_skin=recording.frames_are_skin,
            frames=video.part,
        ),
        decoded_inputs(graph, recording, video),
        decoding_cost(
            recording,
            graph.frame_pixels(recording),
            SECONDS_PER_FRAME,
            SECONDS_PER_MEGAPIXEL,
            bytes_out=FOLDER_BYTES + 3 * height * width * (recording.duration_s * clips.fps_hz + 1),
            bytes_in=video.bytes_in,
        ),
        recording=recording,
        details=condition.id,
        local=video.local,
    )


def run(context: StageContext[CropSettings]) -> Facts:
    """Write ``crops.npy``, ``(T, H, W, 3)`` uint8."""
    from rppgbench.media.crop import write_crops

    settings = context.settings
    n_crops = write_crops(
        context.video(),
        read_box(context, 0.0 if settings.frames_are_skin else settings.margin),
        settings.size,
        settings.fps_hz,
        context.folder / "crops.npy",
        times_s=context.times_s("clock") if context.has_input("clock") else None,
        part=settings.frames,
    )
    return {"n_frames": n_crops}


STAGE = Stage(name="crop", position=90, settings=CropSettings, plan=plan, run=run, transient=True)
