"""Label: what the contact sensor says of each window, and why a window cannot be scored."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.evaluation.labels import Label, label_windows
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_context import load_arrays
from rppgbench.pipeline.stage_settings import (
    FILE_BYTES,
    FOLDER_BYTES,
    SLACK_S,
    StageSettings,
    TaskCost,
    WindowSettings,
)
from rppgbench.signal.heart_rate import HeartRateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_WINDOW = 0.1
# Why a window is excluded that the dataset says there is and the video does not show: no entry's fault.
NO_VIDEO = "the video ends before the window does"


class LabelSettings(StageSettings):
    """Windows, and how heart rate is derived from a wave."""

    windows: WindowSettings
    heart_rate: HeartRateSettings


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that labels the recording's windows."""
    windows = graph.windows(recording)
    return graph.task(
        STAGE,
        LabelSettings(windows=windows, heart_rate=graph.protocol.evaluation.heart_rate),
        {
            "truth": graph.need("truth", recording).key,
            "traces": graph.need("traces", recording, graph.protocol.reference).key,
            "alignment": graph.need("align", recording).key,
        },
        TaskCost(
            seconds=SECONDS_PER_WINDOW * max(windows.n_windows, 1),
            bytes_out=FOLDER_BYTES + FILE_BYTES + 4 * recording.duration_s * windows.fps_hz + 500 * windows.n_windows,
        ),
        recording=recording,
    )


def run(context: StageContext[LabelSettings]) -> Facts:
    """Write ``labels.json``, a label a window, and ``waves.npz``, the contact sensor's waves on the frames' clock."""
    from rppgbench.media.clock import holes_s

    windows = context.settings.windows
    truth, alignment = context.truth("truth"), context.facts("alignment")
    times_s = load_arrays(context.input("traces") / "traces.npz")["times_s"]
    video_s, starts_s = alignment["video_s"], np.array(windows.starts_s)
    labels = label_windows(
        truth,
        starts_s,
        windows.n_frames,
        windows.fps_hz,
        context.settings.heart_rate,
        video_s=video_s,
        unusable=context.unusable("truth"),
    )
    for window, start_s in enumerate(starts_s):
        end_s = start_s + windows.length_s
        if end_s > video_s + SLACK_S:
            labels[window] = Label(None, excluded=NO_VIDEO)
        for first_s, last_s in holes_s(times_s):
            if min(last_s, end_s) > max(first_s, start_s):
                labels[window] = Label(None, excluded=f"the video has a hole from {first_s:.1f} s to {last_s:.1f} s")
    (context.folder / "labels.json").write_text(
        json.dumps([label.to_json() for label in labels], allow_nan=False), encoding="utf-8"
    )
    np.savez(context.folder / "waves.npz", waves=contact_waves(context, "truth", starts_s), starts_s=starts_s)
    delay_s = None if truth.kind == "hr" else alignment["delay_s"]
    return {"delay_s": delay_s, "video_s": video_s, "n_windows": len(labels)}


def contact_waves(context: StageContext[Any], role: str, starts_s: Any) -> Any:
    """``(B, T)`` waves of a contact sensor on the frames of each window, NaN where it is silent or has none."""
    from rppgbench.signal.ground_truth import pulse_wave

    windows: WindowSettings = context.settings.windows
    truth = context.truth(role)
    waves = np.full((len(starts_s), windows.n_frames), np.nan, dtype=np.float32)
    if truth.kind != "hr" and context.unusable(role) is None and len(starts_s):
        with contextlib.suppress(SignalError):  # what is wrong with the sensor stands in the labels
            frames_s = np.arange(windows.n_frames) / windows.fps_hz
            waves[:] = pulse_wave(truth, np.asarray(starts_s)[:, None] + frames_s)
    return waves


def read_labels(folder: Path) -> list[Label]:
    """Labels in an artefact of this stage, one a window."""
    records = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return [Label.from_json(record) for record in records]


STAGE = Stage(name="label", position=80, settings=LabelSettings, plan=plan, run=run)
