"""What a person looks at to believe a number: one window with all that was made of it, and how a fit went."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rppgbench.errors import ArtefactError, SignalError
from rppgbench.pipeline.disk_budget import TRANSIENT_STAGES
from rppgbench.pipeline.plan import Cell, Plan
from rppgbench.pipeline.stage_context import LazyArray, StageContext, load_arrays
from rppgbench.pipeline.stage_work import run_stage
from rppgbench.pipeline.stages.fit import CURVE
from rppgbench.pipeline.stages.predict import trained, uniform_traces, windows
from rppgbench.pipeline.task import Task
from rppgbench.registry import Registry
from rppgbench.signal.ground_truth import pulse_wave
from rppgbench.store.keys import key_of
from rppgbench.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

_STRETCH = 64  # frames whose maps are made at once
# Settings in which the folds and seeds of one fit differ.
_DIFFER = frozenset({"fold", "seed", "recordings"})


@dataclass(frozen=True, kw_only=True)
class ExampleWindow:
    """The first window of one recording under one condition, as one entry saw it.

    ``video`` and ``reference`` are ``(T, H, W, 3)`` uint8: the face as compressed, and the same frames of the reference
    video; ``enhanced`` is ``(T, H, W, 3)`` float32 about [0, 1], None for an entry without an enhancer. ``wave`` is the
    entry's prediction, ``wave_without`` that of the same method without the enhancer, ``truth_wave`` the contact
    sensor's, each ``(T,)``. ``maps`` are ``(T, h, w)`` by name, over the face that the method saw: the enhanced one if
    there is one. ``label`` says in a line what this is.
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
    """How the losses of one fit fell: ``losses`` by name, "total" among them, each ``(N,)`` at ``steps``.

    ``entry`` is what was fitted to what, for people; ``fit`` is equal for its folds and seeds alone.
    """

    entry: str
    fit: str
    part: Literal["method", "enhancer", "joint"]
    fold: int
    seed: int
    steps: NDArray[np.int64]
    losses: Mapping[str, FloatArray]


def example_window(plan: Plan, store: Store, registry: Registry, cell: Cell, *, device: str = "auto") -> ExampleWindow:
    """The first window of the cell's recording with all that its entry made of it.

    Raises:
        ArtefactError: its clips, weights or waves are not in the store any more.
        SignalError: the entry sees no clips, only colours; or the recording has no window.
    """
    predict = _needed(plan, store, cell.score.inputs["waves"])
    if "crops" not in predict.inputs:
        raise SignalError(f"{cell.entry.id} sees mean colours, not clips", hint="choose an entry that sees video")
    job = StageContext(predict, store, registry, store.root, device)
    for key in predict.inputs.values():
        _cut_again(plan, store, registry, key)
        _needed(plan, store, key)
    clips, starts_s = _first_window(job, job.crops("crops"))
    if not starts_s:
        raise SignalError(f"{cell.recording.id} is shorter than a window")
    references, _ = _first_window(job, _reference_crops(plan, store, registry, cell, job))
    enhanced = trained(job, "enhancer").enhance(clips) if "enhancer" in predict.settings else None
    method = trained(job, "method")
    fps_hz = float(predict.settings["fps_hz"])
    without = None
    if enhanced is not None:
        plain = clips if predict.settings["input"] == "video" else _first_window(job, uniform_traces(job))[0]
        without = np.asarray(method.predict(plain, fps_hz))[0]
    label = plan.tasks[cell.score.inputs["labels"]]
    truth = StageContext(label, store, registry, store.root).truth("truth")
    return ExampleWindow(
        video=clips[0],
        reference=references[0],
        enhanced=None if enhanced is None else enhanced[0],
        wave=load_arrays(store.path(predict.key) / "waves.npz")["waves"][0],
        wave_without=without,
        truth_wave=pulse_wave(truth, starts_s[0] + np.arange(clips.shape[1]) / fps_hz),
        maps=_maps(method, clips if enhanced is None else enhanced),
        fps_hz=fps_hz,
        label=f"{cell.recording.id}, {cell.condition.id}, {cell.entry.id}",
    )


def _first_window(job: StageContext, values: Any) -> tuple[Any, list[float]]:
    """As ``windows``, of the frames of the first alone; nothing of nothing."""
    return windows(job, values[: round(job.setting("length_s") * job.setting("fps_hz"))])


def _reference_crops(plan: Plan, store: Store, registry: Registry, cell: Cell, job: StageContext) -> Any:
    """The recording's clips as the reference shows them; where the prediction had none, what a reference cell had."""
    if "reference" in job.task.inputs:
        return job.crops("reference")
    for other in plan.cells:
        if other.recording.id == cell.recording.id and other.condition.is_reference:
            key = plan.tasks[other.score.inputs["waves"]].inputs.get("crops")
            if key:
                _cut_again(plan, store, registry, key)
            if key and store.has(key):
                return LazyArray(store.path(key) / "crops.npy")
    raise ArtefactError(f"{cell.recording.id}: its clips under the reference are not in the store {store.root}")


def loss_curves(plan: Plan, store: Store) -> list[LossCurve]:
    """The curves of all fits by gradients that the store holds, in the plan's order."""
    fits = [task for task in plan.tasks.values() if task.stage == "fit" and "recipe" in task.settings]
    return [_loss_curve(plan, task, store) for task in fits if store.has(task.key)]


def _loss_curve(plan: Plan, task: Task, store: Store) -> LossCurve:
    with (store.path(task.key) / CURVE).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = np.array(rows, dtype=np.float64).T
    what = re.split(r" fold -?\d+| seed \d+", task.label.removeprefix("fit "))[0]
    return LossCurve(
        entry=what,
        fit=key_of(_alike(plan, task)),
        part=task.settings["part"],
        fold=int(task.settings["fold"]),
        seed=int(task.settings["seed"]),
        steps=columns[0].astype(np.int64),
        losses=dict(zip(header[1:], columns[1:], strict=True)),
    )


def _alike(plan: Plan, task: Task) -> dict[str, Any]:
    """What the folds and seeds of a fit have in common: its settings, and those of the fits that it goes on from."""
    settings = {name: value for name, value in task.settings.items() if name not in _DIFFER}
    states = {role: plan.tasks[key] for role, key in task.inputs.items() if role.endswith(" state")}
    return {**settings, **{role: _alike(plan, state) for role, state in states.items()}}


def _maps(method: Any, clips: Any) -> dict[str, FloatArray]:
    """What the method looks at, in stretches so that a long clip needs no more memory than a short one."""
    if not hasattr(method, "respond"):
        return {}
    import torch

    from rppgbench.learning.inference import as_array, as_video

    parts: dict[str, list[FloatArray]] = {}
    with torch.inference_mode():
        for first in range(0, clips.shape[1], _STRETCH):
            response = method.respond(as_video(clips[:, first : first + _STRETCH], method.module))
            for name, values in response.maps.items():
                parts.setdefault(name, []).append(as_array(values)[0])
    return {name: np.concatenate(values) for name, values in parts.items()}


def _cut_again(plan: Plan, store: Store, registry: Registry, key: str) -> None:
    """Clips that went after their last reader are cut again, if what they are cut from is there."""
    task = plan.tasks.get(key)
    if task is None or task.stage not in TRANSIENT_STAGES or store.has(key) or not store.writable:
        return
    if all(source.startswith("file:") or store.has(source) for source in task.inputs.values()):
        run_stage(task, store, registry)


def _needed(plan: Plan, store: Store, key: str) -> Task:
    if not store.has(key):
        what = plan.tasks[key].label if key in plan.tasks else key
        raise ArtefactError(f"{what}: not in the store {store.root}", hint="run the protocol again with this --store")
    return plan.tasks[key]
