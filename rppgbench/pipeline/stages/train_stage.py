"""Train: weights of a method or an enhancer, alone or jointly, from a fold's training subjects."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from rppgbench.errors import PluginError
from rppgbench.learning.recipe import JointRecipe, Recipe
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder, component_settings
from rppgbench.pipeline.stage_progress import StageProgress, write_progress
from rppgbench.pipeline.stage_settings import (
    CORE_FLOP_PER_S,
    FILE_BYTES,
    FOLDER_BYTES,
    TORCH_WORKER_BYTES,
    ComponentSettings,
    Compute,
    DeviceKind,
    StageSettings,
    TaskCost,
)
from rppgbench.pipeline.trained_component import WEIGHTS, load_component, network_cost, torch_device

if TYPE_CHECKING:
    from pathlib import Path

    from rppgbench.contracts import Recording
    from rppgbench.learning.learner import Learner
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
    from rppgbench.protocol.resolved_entry import ResolvedEntry

Role = Literal["method", "enhancer", "joint"]
CURVE = "curve.csv"
BYTES_PER_INPUT = 100.0  # a line of the manifest
# A checkpoint holds weights and two moments of each, and the next one is written before the last one goes.
CHECKPOINTS = 6.0


class TrainSettings(StageSettings):
    """Trained components, recipe, training set, seed, device kind and precision.

    ``conditions`` maps the id of each training condition to its number, 0 for the reference. ``fold`` is None for
    training on another dataset, of which no subject is tested.
    """

    role: Role
    method: ComponentSettings | None = None
    enhancer: ComponentSettings | None = None
    recipe: JointRecipe | Recipe
    conditions: dict[str, int]
    recordings: tuple[str, ...]
    seed: int
    fold: int | None
    fps_hz: float
    compute: Compute

    @property
    def device(self) -> DeviceKind:
        return self.compute.device_kind

    @property
    def cost_group(self) -> str:
        parts = (self.method, self.enhancer)
        return f"{self.role} {[part.cost_group for part in parts if part]} {self.recipe} {self.compute}"

    def trained(self, role: Literal["method", "enhancer"]) -> ComponentSettings:
        """Component in a role."""
        component = self.method if role == "method" else self.enhancer
        if component is None:
            raise TypeError(f"no {role} is trained here")
        return component


def plan(graph: TaskBuilder, role: Role, fold: Fold, tested: Condition, entry: ResolvedEntry, seed: int) -> Task:
    """Task that trains the entry's method or enhancer for a test of the fold under the condition ``tested``.

    Joint training starts from the separately trained weights of both.
    """
    protocol = graph.protocol
    spec = entry.training_spec(role)
    elsewhere = protocol.methods_learn_on if role == "method" else protocol.enhancers_learn_on
    wants_skin = role != "enhancer" and entry.method_spec.skin_labels
    conditions = _numbers(graph, spec.conditions(tested.id))
    recordings = graph.training_recordings(fold, elsewhere.name if elsewhere else None)
    inputs: dict[str, str] = {}
    if role == "joint":
        inputs = {f"{kind} state": graph.need("train", kind, fold, tested, entry, seed).key for kind in _KINDS}
    for recording in recordings:
        inputs |= _inputs_of(graph, recording, conditions, wants_skin)
    trained = [entry.component(kind) for kind in _KINDS if role in (kind, "joint")]
    settings = TrainSettings(
        role=role,
        method=component_settings(entry.method) if role != "enhancer" else None,
        enhancer=component_settings(entry.component("enhancer"), entry.n_conditions) if role != "method" else None,
        recipe=spec.recipe,
        conditions=conditions,
        recordings=tuple(recording.id for recording in recordings),
        seed=seed,
        fold=None if elsewhere else fold.index,
        fps_hz=protocol.clips.fps_hz,
        compute=Compute(
            device_kind=graph.device, precision=spec.recipe.precision, deterministic=spec.recipe.deterministic
        ),
    )
    # Training on another dataset is equal for all folds, unless it starts from weights of a fold.
    place = f"on {elsewhere.name} " if elsewhere else ""
    place += "" if elsewhere and role != "joint" else f"fold {fold.index} "
    duration_s = sum(recording.duration_s for recording in recordings)
    return graph.task(
        STAGE,
        settings,
        inputs,
        _cost(settings, trained, duration_s, graph.protocol.clips.size, wants_skin, len(inputs)),
        details=f"{entry.training_label(role)} from {_described(conditions)} {place}seed {seed}",
        components=[component.spec for component in trained],
    )


_KINDS: tuple[Literal["method", "enhancer"], ...] = ("method", "enhancer")


def _inputs_of(
    graph: TaskBuilder, recording: Recording, conditions: Mapping[str, int], wants_skin: bool
) -> dict[str, str]:
    reference = graph.protocol.reference
    inputs = {
        f"truth {recording.id}": graph.need("truth", recording).key,
        f"alignment {recording.id}": graph.need("align", recording).key,
        f"reference {recording.id}": graph.need("crop", recording, reference).key,
    }
    for name, number in conditions.items():
        if number != 0:
            inputs[f"crops {recording.id} {name}"] = graph.need("crop", recording, graph.condition(name)).key
    if wants_skin:
        inputs[f"skin {recording.id}"] = graph.need("skin", recording).key
    return inputs


def _numbers(graph: TaskBuilder, names: Sequence[str]) -> dict[str, int]:
    """Number of each training condition: 0 for the reference, the others from 1 in their order."""
    compressed = [name for name in names if not graph.condition(name).is_reference]
    numbers = {name: number for number, name in enumerate(compressed, 1)}
    return {name: numbers.get(name, 0) for name in names}


def _described(conditions: Mapping[str, int]) -> str:
    names = list(conditions)
    return ", ".join(names) if len(names) < 4 else f"{len(names)} conditions"


def _cost(
    settings: TrainSettings,
    trained: Sequence[ResolvedComponent],
    duration_s: float,
    size: Sequence[int],
    wants_skin: bool,
    n_inputs: int,
) -> TaskCost:
    recipe, conditions = settings.recipe, settings.conditions
    costs = [network_cost(component) for component in trained]
    height, width = size
    clips = recipe.n_clips(duration_s * settings.fps_hz * len(conditions))
    flop_per_pixel = costs[-1].joint_flop_per_pixel if settings.role == "joint" else costs[0].training_flop_per_pixel
    flop = flop_per_pixel * clips * recipe.frames * height * width
    pairs = sum(number != 0 for number in conditions.values()) / len(conditions)  # others are their own reference
    clip_bytes = recipe.frames * height * width * (3 + 3 * pairs + wants_skin)
    batch_pixels = recipe.batch * recipe.frames * height * width
    bytes_out = FOLDER_BYTES + FILE_BYTES + BYTES_PER_INPUT * n_inputs + costs[-1].weights_bytes
    return TaskCost(
        seconds=flop / CORE_FLOP_PER_S,
        bytes_out=bytes_out,
        scratch_bytes=CHECKPOINTS * bytes_out,
        bytes_in=clips * clip_bytes,
        draws=True,
        memory_bytes=TORCH_WORKER_BYTES + max(cost.training_bytes_per_pixel for cost in costs) * batch_pixels,
    )


def run(context: StageContext[TrainSettings]) -> Facts:
    """Write ``state.safetensors``, the weights, and ``curve.csv``, each loss at each step."""
    from rppgbench.learning.checkpoint import Checkpoint
    from rppgbench.learning.clip_sampler import ClipSampler
    from rppgbench.learning.loop import train
    from rppgbench.learning.reproducibility import reproducible
    from rppgbench.pipeline.training_set import read_training_set

    settings, recipe = context.settings, context.settings.recipe
    device = torch_device(context)
    training_set = read_training_set(context, settings.recordings, settings.conditions, settings.fps_hz)
    sampler = ClipSampler(
        training_set.recordings,
        settings.conditions,
        frames=recipe.frames,
        fps_hz=settings.fps_hz,
        seed=settings.seed,
    )
    with reproducible(settings.seed, deterministic=recipe.deterministic):
        learner = _learner(context)
        curve = train(
            learner,
            sampler,
            recipe,
            seed=settings.seed,
            device=device,
            checkpoint=Checkpoint(context.scratch / "checkpoint.safetensors"),
            progress=lambda *where: write_progress(context.task.key, context.store, StageProgress(*where)),
        )
    _write_weights(learner, context.folder / WEIGHTS)
    _write_curve(curve, context.folder / CURVE)
    return {
        "n_parameters": sum(p.numel() for p in learner.module.parameters()),
        "weights_sha256": hashlib.sha256((context.folder / WEIGHTS).read_bytes()).hexdigest(),
        "steps": len(curve["total"]),
        "last_total": float(np.mean(curve["total"][-20:])),
        "device": str(device),
        "delays_s": training_set.delays_s,
        "left_out": {name: training_set.unusable.get(name, "no clip with a known pulse") for name in sampler.left_out},
    }


def _write_weights(learner: Learner, path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    weights = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in learner.module.state_dict().items()
    }
    save_file(weights, path)


def _write_curve(curve: Mapping[str, Sequence[float]], path: Path) -> None:
    """Write one row a step, from 1, with each loss."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *curve])
        writer.writerows([step, *values] for step, values in enumerate(zip(*curve.values(), strict=True), 1))


def _learner(context: StageContext[TrainSettings]) -> Learner:
    """The network to train, with new weights, or with trained ones for joint training."""
    from rppgbench.learning.joint_training import JointModule
    from rppgbench.learning.learner import DifferentiableEnhancer, DifferentiableMethod, Learner

    settings = context.settings
    if settings.role != "joint":
        learner: Learner = load_component(context, settings.trained(settings.role))
        _require(learner, Learner, settings.trained(settings.role))
        return learner
    enhancer = load_component(context, settings.trained("enhancer"))
    method = load_component(context, settings.trained("method"))
    _require(enhancer, DifferentiableEnhancer, settings.trained("enhancer"))
    _require(method, DifferentiableMethod, settings.trained("method"))
    if not isinstance(settings.recipe, JointRecipe):
        raise TypeError("joint training needs a joint recipe")
    return JointModule(enhancer, method, settings.recipe)


def _require(component: object, contract: type, settings: ComponentSettings) -> None:
    if not isinstance(component, contract):
        raise PluginError(
            f"{settings.kind} {settings.use!r} does not keep the contract {contract.__name__}",
            hint=f"see rppgbench.learning.learner.{contract.__name__} for what it lacks",
        )


STAGE = Stage(
    name="train", position=130, settings=TrainSettings, plan=plan, run=run, entry_fault=True, reports_progress=True
)
