"""One window with its clips, waves and maps, and the losses of trainings, for figures."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rppgbench.errors import ArtefactError, SignalError
from rppgbench.pipeline.disk_budget import is_transient
from rppgbench.pipeline.plan import Plan, Trial
from rppgbench.pipeline.run_stage import run_stage
from rppgbench.pipeline.stage_context import LazyArray, S, StageContext, load_arrays
from rppgbench.pipeline.stage_settings import WindowSettings
from rppgbench.pipeline.stages.label_stage import LabelSettings
from rppgbench.pipeline.stages.predict_stage import PredictSettings
from rppgbench.pipeline.stages.traces_stage import uniform_traces
from rppgbench.pipeline.stages.train_stage import CURVE, TrainSettings
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.trained_component import load_component
from rppgbench.registry import Registry
from rppgbench.signal.ground_truth import pulse_wave
from rppgbench.store.keys import key_of
from rppgbench.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

_CHUNK = 64  # frames whose maps are computed at once
# Settings that differ between folds and seeds of one training.
_VARIED = frozenset({"fold", "seed", "recordings"})


@dataclass(frozen=True, kw_only=True)
class ExampleWindow:
    """The first window of one recording under one condition, by one entry.

    ``video`` and ``reference`` are ``(T, H, W, 3)`` uint8: the compressed face, and the same frames of the reference
    video; ``enhanced`` is ``(T, H, W, 3)`` float32 about [0, 1], None for an entry without an enhancer. ``wave`` is the
    entry's prediction, ``wave_without`` that of the same method without the enhancer, ``truth_wave`` the contact
    sensor's, each ``(T,)``. ``maps`` are ``(T, h, w)`` by name, over the method's input: the enhanced face if there is
    one. ``label`` names recording, condition and entry.
    """

    video: NDArray[np.uint8]
    reference: NDArray[np.uint8]
    enhanced: NDArray[np.float32] | None
    wave: FloatArray
    wave_without: FloatArray | None
    truth_wave: FloatArray
    maps: Mapping[str, FloatArray] = field(default_factory=dict)
    fps_hz: float
    label: str


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """Losses of one training: ``losses`` by name, "total" among them, each ``(N,)`` at ``steps``.

    ``entry`` describes components and training conditions, for people; ``fit`` is equal for folds and seeds of one
    training.
    """

    entry: str
    fit: str
    part: Literal["method", "enhancer", "joint"]
    fold: int | None
    seed: int
    steps: NDArray[np.int64]
    losses: Mapping[str, FloatArray]


def example_window(
    plan: Plan, store: Store, registry: Registry, trial: Trial, *, device: str = "auto"
) -> ExampleWindow:
    """The first window of the trial's recording, with its clips, waves and maps.

    Raises:
        ArtefactError: clips, weights or waves are not in the store any more.
        SignalError: the entry takes mean colours instead of clips; or the recording has no window.
    """
    predict = _needed(plan, store, trial.score.inputs["waves"])
    if "crops" not in predict.inputs:
        raise SignalError(f"{trial.entry.id} sees mean colours, not clips", hint="choose an entry that sees video")
    context = _context(predict, PredictSettings, store, registry, device)
    settings, windows = context.settings, context.settings.windows
    for key in predict.inputs.values():
        _make_clips(plan, store, registry, key)
        _needed(plan, store, key)
    clips, starts_s = _first_window(windows, context.crops("crops"))
    if not starts_s:
        raise SignalError(f"{trial.recording.id} is shorter than a window")
    references, _ = _first_window(windows, _reference_crops(plan, store, registry, trial, context))
    enhanced = load_component(context, settings.enhancer).enhance(clips) if settings.enhancer is not None else None
    method = load_component(context, settings.method)
    without = None
    if enhanced is not None:
        plain = clips
        if settings.input == "trace":
            plain, _ = _first_window(windows, uniform_traces(context, "traces", settings.region, windows))
        without = np.asarray(method.predict(plain, windows.fps_hz))[0]
    label = _context(plan.tasks[trial.score.inputs["labels"]], LabelSettings, store, registry, device)
    return ExampleWindow(
        video=clips[0],
        reference=references[0],
        enhanced=None if enhanced is None else enhanced[0],
        wave=load_arrays(store.path(predict.key) / "waves.npz")["waves"][0],
        wave_without=without,
        truth_wave=pulse_wave(label.truth("truth"), starts_s[0] + np.arange(clips.shape[1]) / windows.fps_hz),
        maps=_maps(method, clips if enhanced is None else enhanced),
        fps_hz=windows.fps_hz,
        label=f"{trial.recording.id}, {trial.condition.id}, {trial.entry.id}",
    )


def _context(task: Task, settings: type[S], store: Store, registry: Registry, device: str) -> StageContext[S]:
    """Context of a finished task, to read its inputs.

    Raises:
        TypeError: the task's settings are not of that type.
    """
    if not isinstance(task.settings, settings):
        raise TypeError(f"{task.label}: expected {settings.__name__}")
    return StageContext(task, task.settings, store, registry, store.root, device)


def _first_window(windows: WindowSettings, values: Any) -> tuple[Any, list[float]]:
    """The first window's values, ``(1, T, ...)``, and its start; both empty for a recording without a window."""
    return windows.stack(values[: windows.n_frames])


def _reference_crops(
    plan: Plan, store: Store, registry: Registry, trial: Trial, context: StageContext[PredictSettings]
) -> LazyArray:
    """The recording's clips under the reference, of the prediction or else of a trial under the reference."""
    if context.has_input("reference"):
        return context.crops("reference")
    for other in plan.trials:
        if other.recording.id == trial.recording.id and other.condition.is_reference:
            key = plan.tasks[other.score.inputs["waves"]].inputs.get("crops")
            if key:
                _make_clips(plan, store, registry, key)
            if key and store.has(key):
                return LazyArray(store.path(key) / "crops.npy")
    raise ArtefactError(f"{trial.recording.id}: its clips under the reference are not in the store {store.root}")


def loss_curves(plan: Plan, store: Store) -> list[LossCurve]:
    """Loss curves of all trainings in the store, in the plan's order."""
    return [
        _loss_curve(plan, task, task.settings, store)
        for task in plan.tasks.values()
        if isinstance(task.settings, TrainSettings) and store.has(task.key)
    ]


def _loss_curve(plan: Plan, task: Task, settings: TrainSettings, store: Store) -> LossCurve:
    with (store.path(task.key) / CURVE).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = np.array(rows, dtype=np.float64).T
    entry = re.split(r" fold \d+| seed \d+", task.label.removeprefix("train "))[0]
    return LossCurve(
        entry=entry,
        fit=key_of(_common_settings(plan, task)),
        part=settings.role,
        fold=settings.fold,
        seed=settings.seed,
        steps=columns[0].astype(np.int64),
        losses=dict(zip(header[1:], columns[1:], strict=True)),
    )


def _common_settings(plan: Plan, task: Task) -> dict[str, Any]:
    """Settings that folds and seeds of a training share, and those of the trainings whose weights it starts from."""
    settings = task.settings.model_dump(mode="json", exclude=set(_VARIED))
    states = {role: plan.tasks[key] for role, key in task.inputs.items() if role.endswith(" state")}
    return {**settings, **{role: _common_settings(plan, state) for role, state in states.items()}}


def _maps(method: Any, clips: Any) -> dict[str, FloatArray]:
    """``(T, h, w)`` maps of the method by name, in chunks so that memory does not grow with the clip's length."""
    if not hasattr(method, "respond"):
        return {}
    import torch

    from rppgbench.learning.inference import as_array, as_video

    parts: dict[str, list[FloatArray]] = {}
    with torch.inference_mode():
        for first in range(0, clips.shape[1], _CHUNK):
            response = method.respond(as_video(clips[:, first : first + _CHUNK], method.module))
            for name, values in response.maps.items():
                parts.setdefault(name, []).append(as_array(values)[0])
    return {name: np.concatenate(values) for name, values in parts.items()}


def _make_clips(plan: Plan, store: Store, registry: Registry, key: str) -> None:
    """Make evicted clips again, if their inputs are in the store."""
    task = plan.tasks.get(key)
    if task is None or not is_transient(task) or store.has(key) or not store.writable:
        return
    if all(source.startswith("file:") or store.has(source) for source in task.inputs.values()):
        run_stage(task, store, registry)


def _needed(plan: Plan, store: Store, key: str) -> Task:
    if not store.has(key):
        name = plan.tasks[key].label if key in plan.tasks else key
        raise ArtefactError(f"{name}: not in the store {store.root}", hint="run the protocol again with this --store")
    return plan.tasks[key]
