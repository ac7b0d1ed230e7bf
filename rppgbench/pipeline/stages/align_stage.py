"""Align: delay of the face's pulse behind the contact sensor, and agreement of sensor and video in time."""

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
    """Facts alone, nothing written.

    ``video_s`` is the video's length, ``gaps_s`` are spans without frames, ``clock_fault`` is the reason why clocks of
    sensor and video cannot be joined, or None; ``delay_s`` is the delay of the face's pulse, None if unknown;
    ``unusable`` is the reason why the sensor is unusable for training, or None.
    """
    from rppgbench.evaluation.labels import clock_fault
    from rppgbench.media.clock import gaps_s, span_s, to_uniform
    from rppgbench.signal.delay import median_delay_s

    truth, traces = context.truth("truth"), load_arrays(context.input("traces") / "traces.npz")
    times_s = traces["times_s"]
    video_s = span_s(times_s)
    unreadable, fault = context.unusable("truth"), clock_fault(truth, video_s)
    unusable, delay_s = unreadable or fault, None
    if unreadable is None:
        _, skin = to_uniform(times_s, traces["skin"], context.settings.fps_hz)
        try:
            delay_s = median_delay_s(truth, skin, context.settings.fps_hz)
        except SignalError as error:
            unusable = unusable or error.message
    return {
        "video_s": video_s,
        "gaps_s": [list(gap_s) for gap_s in gaps_s(times_s)],
        "clock_fault": None if unreadable else fault,
        "delay_s": None if truth.kind == "hr" else delay_s,
        "unusable": unusable,
    }


STAGE = Stage(name="align", position=70, settings=AlignSettings, plan=plan, run=run)
