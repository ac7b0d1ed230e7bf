"""Operations of the networks at the paper's size, counted by torch on shapes alone: nothing is computed.

python tests/soak/operations.py
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from rppgbench.learning.joint_training import JointModule
from rppgbench.learning.learner import TrainingBatch, TrainingContext
from rppgbench.learning.recipe import JointRecipe
from rppgbench.registry import load_registry

NETWORKS: dict[str, Literal["method", "enhancer"]] = {
    "rppgnet": "method",
    "stven": "enhancer",
    "stven_spatial": "enhancer",
    "dncnn": "enhancer",
    "arcnn": "enhancer",
}
FRAMES, SIDE, N_CONDITIONS = 64, 128, 4
OVERLAP = {"stven": 64 / 48, "stven_spatial": 64 / 48}  # windows of 64 frames share 16


@dataclass(frozen=True)
class Operations:
    """Floating-point operations per pixel of a clip: in a training step, alone and joint, and in a prediction."""

    step: float
    forward: float
    joint: float = 0.0


def operations(size: str = "paper") -> dict[str, Operations]:
    """Operations of each network, by name; joint training is in front of rppgnet."""
    # On a device without memory nothing has a value to be checked, and autocast does not know it.
    valueless = mock.patch.object(Tensor, "__int__", lambda tensor: 0)
    with valueless, mock.patch("torch.autocast", lambda *args, **kwargs: nullcontext()):
        return {name: _operations(name, size) for name in NETWORKS}


def _operations(name: str, size: str) -> Operations:
    learner = _learner(name, size)
    again = getattr(learner, "checkpoints_passes", False)
    learner.checkpoints_passes = False
    step = _counted(lambda: _total(learner.training_step(_batch(), _CONTEXT)))
    with torch.no_grad():
        forward = _counted(lambda: _use(learner, name))
    joint = 0.0
    if NETWORKS[name] == "enhancer":
        both = JointModule(learner, _learner("rppgnet", size), JointRecipe(epochs=1))
        joint = _counted(lambda: _total(both.training_step(_batch(), _CONTEXT)))
    # Where passes are forgotten, each of the four of a step is done once more.
    return Operations(step + 4 * forward * again, forward * OVERLAP.get(name, 1.0), joint)


_CONTEXT = TrainingContext(step=0, steps=1, generator=torch.Generator())


def _learner(name: str, size: str) -> Any:
    registry = load_registry()
    kind = NETWORKS[name]
    conditional = getattr(registry.spec(kind, name), "conditional", False)
    learner: Any = registry.create(
        kind, name, {"size": size}, **({"n_conditions": N_CONDITIONS} if conditional else {})
    )
    learner.module.to("meta")
    return learner


def _batch() -> TrainingBatch:
    def clip(*channels: int) -> Tensor:
        return torch.rand(1, FRAMES, SIDE, SIDE, *channels, device="meta")

    wave, condition = torch.rand(1, FRAMES, device="meta"), torch.ones(1, dtype=torch.int64, device="meta")
    return TrainingBatch(video=clip(3), reference=clip(3), wave=wave, condition=condition, fps_hz=30.0, skin=clip())


def _use(learner: Any, name: str) -> Any:
    return learner.respond(_batch().video) if NETWORKS[name] == "method" else learner.restore(_batch().video)


def _total(losses: dict[str, Tensor]) -> None:
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]


def _counted(work: Any) -> float:
    """Per pixel of the clip."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops()) / (FRAMES * SIDE * SIDE)


def main() -> None:
    for size in ("paper", "small"):
        print(f"| size {size}, operations per pixel | training step | joint step | prediction |\n|---|---:|---:|---:|")
        for name, counted in operations(size).items():
            print(f"| {name} | {counted.step:.3g} | {counted.joint:.3g} | {counted.forward:.3g} |")


if __name__ == "__main__":
    main()
