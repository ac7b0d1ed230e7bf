"""Label: the contact sensor's heart rate in each window, or the reason why the window cannot be scored."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.evaluation.labels import Label, label_windows
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_settings import (
    FILE_BYTES,
    FOLDER_BYTES,
    SLACK_S,
    TaskCost,
    WindowedSettings,
)
from rppgbench.signal.heart_rate import HeartRateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from rppgbench.contracts import FloatArray, Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_WINDOW = 0.1
# Reason of a window within the dataset's duration of the recording and beyond its video: no entry's fault.
NO_VIDEO = "the video ends before the window does"


class LabelSettings(WindowedSettings):
    """Windows, and estimator of the heart rate."""

    heart_rate: HeartRateSettings


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that labels the recording's windows."""
    windows = graph.windows(recording)
    return graph.task(
        STAGE,
        LabelSettings(windows=windows, heart_rate=graph.protocol.evaluation.heart_rate),
        {"truth": graph.need("truth", recording).key},
        TaskCost(
            seconds=SECONDS_PER_WINDOW * max(windows.n_windows, 1),
            bytes_out=FOLDER_BYTES + FILE_BYTES + 4 * recording.duration_s * windows.fps_hz + 500 * windows.n_windows,
        ),
        recording=recording,
    )


def run(context: StageContext[LabelSettings]) -> Facts:
    """Write ``labels.json``, a label a window by the sensor alone, and ``waves.npz``, its waves on the clips' clock."""
    windows = context.settings.windows
    starts_s = np.array(windows.starts_s)
    labels = label_windows(
        context.truth("truth"),
        starts_s,
        windows.n_frames,
        windows.fps_hz,
        context.settings.heart_rate,
        unusable=context.unusable("truth"),
    )
    (context.folder / "labels.json").write_text(
        json.dumps([label.to_json() for label in labels], allow_nan=False), encoding="utf-8"
    )
    np.savez(context.folder / "waves.npz", waves=contact_waves(context, "truth", starts_s), starts_s=starts_s)
    return {"n_windows": len(labels)}


def contact_waves(context: StageContext[WindowedSettings], role: str, starts_s: FloatArray) -> FloatArray:
    """``(B, T)`` waves of a contact sensor on the frames of each window; NaN in its gaps and without a wave."""
    from rppgbench.signal.ground_truth import pulse_wave

    windows = context.settings.windows
    truth = context.truth(role)
    waves = np.full((len(starts_s), windows.n_frames), np.nan, dtype=np.float32)
    if truth.kind != "hr" and context.unusable(role) is None and len(starts_s):
        with contextlib.suppress(SignalError):  # faults of the sensor are in the labels
            frames_s = np.arange(windows.n_frames) / windows.fps_hz
            waves[:] = pulse_wave(truth, np.asarray(starts_s)[:, None] + frames_s)
    return waves


def read_labels(folder: Path) -> list[Label]:
    """Labels in an artefact of this stage, one a window, by the sensor alone."""
    records = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return [Label.from_json(record) for record in records]


def labels_of_video(context: StageContext[WindowedSettings]) -> list[Label]:
    """Labels in the input "labels"; windows with gaps or faults in the input "alignment" are excluded."""
    windows = context.settings.windows
    labels, alignment = read_labels(context.input("labels")), context.facts("alignment")
    for index, start_s in enumerate(windows.starts_s):
        end_s = start_s + windows.length_s
        if alignment["clock_fault"] is not None:
            labels[index] = Label(None, excluded=alignment["clock_fault"])
        if end_s > alignment["video_s"] + SLACK_S:
            labels[index] = Label(None, excluded=NO_VIDEO)
        for first_s, last_s in alignment["gaps_s"]:
            if min(last_s, end_s) > max(first_s, start_s):
                labels[index] = Label(None, excluded=f"the video has a hole from {first_s:.1f} s to {last_s:.1f} s")
    return labels


STAGE = Stage(name="label", position=80, settings=LabelSettings, plan=plan, run=run)
