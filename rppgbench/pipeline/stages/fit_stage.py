"""Fit: parameters of a method, in closed form from the labels of a fold's training subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.contracts import FittedMethod, TrainingWindow
from rppgbench.errors import PluginError, SignalError
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder, component_settings
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, ComponentSettings, StageSettings, TaskCost
from rppgbench.pipeline.stages.label_stage import read_labels
from rppgbench.pipeline.trained_component import WEIGHTS
from rppgbench.signal.heart_rate import HeartRateSettings, ranked_rate_bpm

if TYPE_CHECKING:
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolved_entry import ResolvedEntry

SECONDS_PER_RECORDING = 0.005
BYTES_PER_INPUT = 100.0  # a line of the manifest


class FitSettings(StageSettings):
    """Method, rate of the clips, estimator of the heart rate."""

    method: ComponentSettings
    fps_hz: float
    heart_rate: HeartRateSettings

    @property
    def cost_group(self) -> str:
        return self.method.cost_group


def plan(graph: TaskBuilder, fold: Fold, entry: ResolvedEntry) -> Task:
    """Task that fits the entry's method to the fold's training subjects."""
    protocol = graph.protocol
    inputs = {one.id: graph.need("label", one).key for one in graph.training_recordings(fold, None)}
    return graph.task(
        STAGE,
        FitSettings(
            method=component_settings(entry.method),
            fps_hz=protocol.clips.fps_hz,
            heart_rate=protocol.evaluation.heart_rate,
        ),
        inputs,
        TaskCost(seconds=SECONDS_PER_RECORDING * len(inputs), bytes_out=FOLDER_BYTES + BYTES_PER_INPUT * len(inputs)),
        details=f"{entry.id} fold {fold.index}",
        components=[entry.method.spec],
    )


def run(context: StageContext[FitSettings]) -> Facts:
    """Write ``state.safetensors``, the fitted parameters."""
    from safetensors.numpy import save_file

    settings = context.settings
    method = context.component(settings.method)
    if not isinstance(method, FittedMethod):
        raise PluginError(
            f"method {settings.method.use!r} learns from the truth, but has no fit(), state() and load()",
            hint="see rppgbench.contracts.FittedMethod",
        )
    labels = [label for role in context.task.inputs for label in read_labels(context.input(role))]
    known = [ranked_rate_bpm(label.rate, settings.heart_rate) for label in labels if label.rate is not None]
    windows = [TrainingWindow(trace=None, fps_hz=settings.fps_hz, hr_bpm=hr_bpm) for hr_bpm in known if hr_bpm]
    if not windows:
        raise SignalError("no training window has a usable heart rate", hint="look at the training subjects' truth")
    method.fit(windows)
    save_file({name: np.ascontiguousarray(array) for name, array in method.state().items()}, context.folder / WEIGHTS)
    return {"n_windows": len(windows)}


STAGE = Stage(name="fit", position=120, settings=FitSettings, plan=plan, run=run, entry_fault=True)
