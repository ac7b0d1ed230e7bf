"""The fit stage: what a method or an enhancer learns from the training subjects of one fold."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.contracts import FittedMethod, TrainingWindow
from rppgbench.errors import PluginError, SignalError
from rppgbench.pipeline.stage_context import LazyArray, StageContext, load_arrays, window_starts_s
from rppgbench.pipeline.stages.predict import STATE, trained
from rppgbench.pipeline.task import Task
from rppgbench.signal.heart_rate import HeartRateSettings
from rppgbench.store.store import Facts, Store

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

CURVE = "curve.csv"
PROGRESS = "progress.json"


@dataclass(frozen=True)
class FitProgress:
    """Where a fit is: ``step`` of ``steps``, the loss, and the seconds it will still take at its pace."""

    step: int
    steps: int
    loss: float
    left_s: float


def fit_progress(task: Task, store: Store) -> FitProgress | None:
    """Where the running fit is, whichever process it runs in; None before its first steps and after its last."""
    try:
        return FitProgress(**json.loads((store.scratch_path(task.key) / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def fit(job: StageContext) -> Facts:
    """Write ``state.safetensors``; of a fit by gradients ``curve.csv`` too, each loss at each step."""
    return _fit_by_gradients(job) if "recipe" in job.task.settings else _fit_in_closed_form(job)


def _fit_in_closed_form(job: StageContext) -> Facts:
    from safetensors.numpy import save_file

    method = job.component("method")
    if not isinstance(method, FittedMethod):
        raise PluginError(
            f"method {job.setting('method')['use']!r} learns from the truth, but has no fit(), state() and load()",
            hint="see rppgbench.contracts.FittedMethod",
        )
    windows = [window for role in job.task.inputs for window in _training_windows(job, role)]
    if not windows:
        raise SignalError("no training window has a usable heart rate", hint="look at the training subjects' truth")
    method.fit(windows)
    save_file({name: np.ascontiguousarray(array) for name, array in method.state().items()}, job.folder / STATE)
    return {"n_windows": len(windows)}


def _training_windows(job: StageContext, role: str) -> list[TrainingWindow]:
    """Windows whose labels can be believed; the video is not waited for, so its clock is not held against theirs."""
    from rppgbench.evaluation.labels import label_windows
    from rppgbench.signal.heart_rate import ranked_rate_bpm

    length_s, fps_hz = job.setting("length_s"), job.setting("fps_hz")
    settings = HeartRateSettings.model_validate(job.setting("heart_rate"))
    starts_s = np.array(window_starts_s(job.setting("durations_s")[role], length_s))
    n_frames, unusable = round(length_s * fps_hz), job.unusable(role)
    labels = label_windows(job.truth(role), starts_s, n_frames, fps_hz, settings, unusable=unusable)
    known = [ranked_rate_bpm(label.rate, settings) for label in labels if label.rate is not None]
    return [TrainingWindow(trace=None, fps_hz=fps_hz, hr_bpm=hr_bpm) for hr_bpm in known if hr_bpm is not None]


def _fit_by_gradients(job: StageContext) -> Facts:
    import torch
    from safetensors.torch import save_file

    from rppgbench.learning.checkpoint import Checkpoint
    from rppgbench.learning.clip_sampler import ClipSampler
    from rppgbench.learning.loop import train
    from rppgbench.learning.recipe import JointRecipe, Recipe
    from rppgbench.learning.reproducibility import find_device, reproducible

    kind = JointRecipe if job.setting("part") == "joint" else Recipe
    recipe = kind.model_validate(job.setting("recipe"))
    seed, device = job.setting("seed"), find_device(job.device)
    waves, delays_s, unusable = _target_waves(job)
    material = ClipSampler(
        [_lecture(job, name, wave) for name, wave in waves.items()],
        job.setting("labels"),
        frames=recipe.frames,
        fps_hz=job.setting("fps_hz"),
        seed=seed,
    )
    with reproducible(seed, deterministic=recipe.deterministic):
        learner = _learner(job, recipe)
        curve = train(
            learner,
            material,
            recipe,
            seed=seed,
            device=device,
            checkpoint=Checkpoint(job.scratch / "checkpoint.safetensors"),
            progress=lambda *where: _tell(job, FitProgress(*where)),
        )
    weights = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in learner.module.state_dict().items()
    }
    save_file(weights, job.folder / STATE)
    with (job.folder / CURVE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *curve])
        writer.writerows([step, *values] for step, values in enumerate(zip(*curve.values(), strict=True), 1))
    return {
        "n_parameters": sum(p.numel() for p in learner.module.parameters()),
        "weights_sha256": hashlib.sha256((job.folder / STATE).read_bytes()).hexdigest(),
        "steps": len(curve["total"]),
        "last_total": float(np.mean(curve["total"][-20:])),
        "device": str(device),
        "delays_s": delays_s,
        "left_out": {name: unusable.get(name, "no clip with a known pulse") for name in material.left_out},
    }


def _target_waves(job: StageContext) -> tuple[dict[str, FloatArray], dict[str, float | None], dict[str, str]]:
    """Of each recording: what is to be learnt, the measured delay of the face (None where it was not to be measured,
    and the others' median serves), and why its sensor is of no use, if it is not."""
    from rppgbench.evaluation.labels import clock_fault
    from rppgbench.learning.target import target_wave
    from rppgbench.media.clock import span_s, to_uniform
    from rppgbench.signal.delay import median_delay_s

    fps_hz = job.setting("fps_hz")
    names = job.setting("recordings")
    lengths = {name: len(job.crops(f"reference {name}")) for name in names}
    delays_s: dict[str, float | None] = {}
    unusable: dict[str, str] = {}
    for name in names:
        traces = load_arrays(job.input(f"traces {name}") / "traces.npz")
        _, skin = to_uniform(traces["times_s"], traces["skin"], fps_hz, duration_s=lengths[name] / fps_hz)
        truth = job.truth(f"truth {name}")
        delays_s[name] = None
        why = job.unusable(f"truth {name}") or clock_fault(truth, span_s(traces["times_s"]))
        if why is not None:
            unusable[name] = why
            continue
        try:
            delays_s[name] = median_delay_s(truth, skin, fps_hz)
        except SignalError as error:
            unusable[name] = error.message
    known = [delay_s for delay_s in delays_s.values() if delay_s is not None]
    usual_s = float(np.median(known)) if known else 0.0
    waves = {}
    for name in names:
        delay_s = delays_s[name]
        if name in unusable:
            waves[name] = np.full(lengths[name], np.nan)
        else:
            truth = job.truth(f"truth {name}")
            waves[name] = target_wave(truth, usual_s if delay_s is None else delay_s, lengths[name], fps_hz)
    return waves, delays_s, unusable


def _lecture(job: StageContext, recording: str, wave: FloatArray) -> Any:
    """One recording to learn from, whose clips are read as they are asked for."""
    from rppgbench.learning.clip_sampler import TrainingRecording

    role = f"skin {recording}"
    skin: Any = LazyArray(job.input(role) / "skin.npy") if role in job.task.inputs else None
    return TrainingRecording(
        recording=recording,
        clips={
            condition: job.crops(f"crops {recording} {condition}")
            for condition, label in job.setting("labels").items()
            if label != 0
        },
        reference=job.crops(f"reference {recording}"),
        wave=wave,
        skin=skin,
    )


def _learner(job: StageContext, recipe: Any) -> Any:
    """The network to train, as new, or where joint training takes it up."""
    from rppgbench.learning.joint_training import JointModule
    from rppgbench.learning.learner import DifferentiableEnhancer, DifferentiableMethod, Learner

    if job.setting("part") != "joint":
        learner = trained(job, job.setting("part"))
        _demand(learner, Learner, job, job.setting("part"))
        return learner
    enhancer, method = trained(job, "enhancer"), trained(job, "method")
    _demand(enhancer, DifferentiableEnhancer, job, "enhancer")
    _demand(method, DifferentiableMethod, job, "method")
    return JointModule(enhancer, method, recipe)


def _demand(component: Any, contract: type, job: StageContext, role: str) -> None:
    if not isinstance(component, contract):
        raise PluginError(
            f"{role} {job.setting(role)['use']!r} does not keep the contract {contract.__name__}",
            hint=f"see rppgbench.learning.learner.{contract.__name__} for what it lacks",
        )


def _tell(job: StageContext, progress: FitProgress) -> None:
    """Leave a note of where the fit is, for whoever watches from another process; no fit fails for want of one."""
    target = job.scratch / PROGRESS
    temporary = target.with_suffix(f".{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")
        temporary.replace(target)
