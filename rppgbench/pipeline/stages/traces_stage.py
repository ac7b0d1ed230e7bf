"""Traces: mean colour of the skin and of the background in every frame, under a condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_context import load_arrays
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, StageSettings, WindowSettings
from rppgbench.pipeline.stages.boxes_stage import read_box
from rppgbench.pipeline.video_input import VideoInput, decoding_cost, n_frames

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, Recording
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.resolved_component import Condition

SECONDS_PER_FRAME, SECONDS_PER_MEGAPIXEL = 0.001, 0.0003
BYTES_PER_FRAME = 72  # nine numbers


class TracesSettings(StageSettings):
    """Margin about the face box, the skin classifier's threshold, frames of the recording in the file."""

    margin: float
    skin_threshold: float
    frames_are_skin: bool
    frames: tuple[int, int | None]


def plan(graph: TaskBuilder, recording: Recording, condition: Condition | None) -> Task:
    """Task that measures mean colours under a condition; None is the recording as its dataset has it."""
    clips = graph.protocol.clips
    video = graph.video(recording, condition)
    return graph.task(
        STAGE,
        TracesSettings(
            margin=clips.face.margin,
            skin_threshold=clips.skin.threshold,
            frames_are_skin=recording.frames_are_skin,
            frames=video.part,
        ),
        decoded_inputs(graph, recording, video),
        decoding_cost(
            recording,
            graph.frame_pixels(recording),
            SECONDS_PER_FRAME,
            SECONDS_PER_MEGAPIXEL,
            bytes_out=FOLDER_BYTES + BYTES_PER_FRAME * n_frames(recording),
            bytes_in=video.bytes_in,
        ),
        recording=recording,
        details="as recorded" if condition is None else condition.id,
        local=video.local,
    )


def decoded_inputs(graph: TaskBuilder, recording: Recording, video: VideoInput) -> dict[str, str]:
    """Inputs of a task that decodes a video and cuts the face out of it."""
    inputs = {"video": video.key, "boxes": graph.need("boxes", recording).key}
    if video.encoded:
        # Encoders see frames and no clocks: the times are those of the source.
        inputs["clock"] = graph.need("traces", recording, None).key
    elif recording.clock_files:
        inputs["clock"] = graph.need("clock", recording).key
    return inputs


def run(context: StageContext[TracesSettings]) -> Facts:
    """Write ``traces.npz``: ``times_s`` ``(T,)``, ``skin`` and ``background`` ``(T, 3)`` in grey levels, ``skin_share``
    ``(T,)``."""
    from rppgbench.media.traces import measure_traces

    settings = context.settings
    traces = measure_traces(
        context.video(),
        read_box(context, 0.0 if settings.frames_are_skin else settings.margin),
        threshold=settings.skin_threshold,
        frames_are_skin=settings.frames_are_skin,
        part=settings.frames,
    )
    times_s = _frame_times_s(context, len(traces.times_s), traces.times_s)
    np.savez(
        context.folder / "traces.npz",
        times_s=times_s,
        skin=traces.skin,
        background=traces.background,
        skin_share=traces.skin_share,
    )
    return {"n_frames": len(times_s), "skin_share": float(np.nanmean(traces.skin_share))}


def _frame_times_s(context: StageContext[TracesSettings], n: int, own_times_s: FloatArray) -> FloatArray:
    """``(n,)`` frame times: of the input "clock", if there is one, else the file's own."""
    if not context.has_input("clock"):
        return own_times_s
    times_s = context.times_s("clock")
    if len(times_s) != n:
        raise SignalError(
            f"{context.video()}: has {n} frames, and its clock {len(times_s)}: which frame was when is unknown",
            hint="'rppgbench data check' looks for damage; an encoded file is made anew when it is gone from the store",
        )
    return times_s


def uniform_traces(context: StageContext[StageSettings], role: str, region: str, windows: WindowSettings) -> FloatArray:
    """``(T, 3)`` mean colour of a region on the clips' clock, from traces in an input."""
    from rppgbench.media.clock import to_uniform

    traces = load_arrays(context.input(role) / "traces.npz")
    _, values = to_uniform(traces["times_s"], traces[region], windows.fps_hz, duration_s=windows.duration_s)
    return values


def skin_windows(
    context: StageContext[StageSettings], role: str, windows: WindowSettings
) -> Iterator[tuple[float, FloatArray]]:
    """Start and ``(T, 3)`` mean skin colour of each window, from traces in an input."""
    return windows.slices(uniform_traces(context, role, "skin", windows))


STAGE = Stage(name="traces", position=60, settings=TracesSettings, plan=plan, run=run)
