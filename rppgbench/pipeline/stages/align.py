"""Align: how late the face's pulse is behind the contact sensor, and whether the sensor fits the video at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.errors import SignalError
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_context import load_arrays
from rppgbench.pipeline.stage_settings import StageSettings, TaskCost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_WINDOW = 0.05


class AlignSettings(StageSettings):
    """Rate at which the two pulses are compared."""

    fps_hz: float


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that compares the contact sensor with the skin's colour in the reference video."""
    return graph.task(
        STAGE,
        AlignSettings(fps_hz=graph.protocol.clips.fps_hz),
        {
            "truth": graph.need("truth", recording).key,
            "traces": graph.need("traces", recording, graph.protocol.reference).key,
        },
        TaskCost(seconds=SECONDS_PER_WINDOW * max(graph.windows(recording).n_windows, 1)),
        recording=recording,
    )


def run(context: StageContext[AlignSettings]) -> Facts:
    """Facts alone: ``delay_s``, None where it is not known; ``video_s``, the video's length; ``unusable``, the reason
    why nothing can be learnt from the sensor, None where it can."""
    from rppgbench.evaluation.labels import clock_fault
    from rppgbench.media.clock import span_s, to_uniform
    from rppgbench.signal.delay import median_delay_s

    truth, traces = context.truth("truth"), load_arrays(context.input("traces") / "traces.npz")
    video_s = span_s(traces["times_s"])
    unusable = context.unusable("truth")
    delay_s = None
    if unusable is None:
        unusable = clock_fault(truth, video_s)
        _, skin = to_uniform(traces["times_s"], traces["skin"], context.settings.fps_hz)
        try:
            delay_s = median_delay_s(truth, skin, context.settings.fps_hz)
        except SignalError as error:
            unusable = unusable or error.message
    return {"delay_s": delay_s, "video_s": video_s, "unusable": unusable}


STAGE = Stage(name="align", position=70, settings=AlignSettings, plan=plan, run=run)
