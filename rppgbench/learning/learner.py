"""What a learner's factory returns, and what the core's loop hands it.

Axes: B clip, T frame, H row, W column, C colour. Videos are ``(B, T, H, W, 3)`` everywhere; permuted to
``(B, 3, T, H, W)`` they are torch's ``channels_last_3d`` without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class TrainingBatch:
    """Clips of training subjects, on the device of the fit.

    ``video`` and ``reference`` are ``(B, T, H, W, 3)`` float32 in [0, 1]: the clips as compressed, and the same frames
    of the reference video (the same tensor where a learner learns from the reference alone). ``wave`` is ``(B, T)``,
    the contact sensor's pulse, systole up, of zero mean and unit variance in each clip. ``skin`` is ``(B, T, H, W)``,
    1 where the reference shows skin, for methods whose spec asks for ``skin_labels``. ``condition`` is ``(B,)`` int64:
    0 for the reference, else the place of the clip's condition among those learnt from, from 1.
    """

    video: Tensor
    reference: Tensor
    wave: Tensor
    condition: Tensor
    fps_hz: float
    skin: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """Where training is: optimiser step ``step`` of ``steps``, from 0.

    ``generator``, of the CPU, and torch's own generators, which dropout draws from, are seeded anew for each batch: a
    fit that was killed goes on with the same numbers.
    """

    step: int
    steps: int
    generator: torch.Generator


@runtime_checkable
class Learner(Protocol):
    """A method or an enhancer that is trained by gradients.

    The core owns the loop, the device, precision, seeds, the optimiser and checkpoints; a learner says what it is
    (``module``), what is wrong with it on a batch (``training_step``, scalars by name, not yet weighed) and what each
    of these counts (``loss_weights``). A loss of weight 0 need not be computed.
    """

    module: nn.Module
    loss_weights: Mapping[str, float]

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True, kw_only=True)
class Response:
    """What a method made of clips, graph and all.

    ``wave`` is ``(B, T)``; ``side_waves`` are further pulses ``(B, T)`` by name; ``feature_maps`` are
    ``(B, C, T, h, w)`` by name, what joint training compares (eq. 9); ``maps`` are ``(B, T, h, w)`` by name, what a
    person would like to see over the face ("attention", "skin": probabilities).
    """

    wave: Tensor
    side_waves: Mapping[str, Tensor] = field(default_factory=dict)
    feature_maps: Mapping[str, Tensor] = field(default_factory=dict)
    maps: Mapping[str, Tensor] = field(default_factory=dict)


@runtime_checkable
class DifferentiableMethod(Learner, Protocol):
    """A method that an enhancer can be trained through."""

    def respond(self, video: Tensor) -> Response:
        """Of ``(B, T, H, W, 3)`` float32 in [0, 1] (an enhancer's may leave the range a little), with its graph."""
        ...

    def losses(self, response: Response, batch: TrainingBatch) -> Mapping[str, Tensor]:
        """What ``training_step`` would give for this response: every pulse in it held against ``batch.wave``."""
        ...


@runtime_checkable
class DifferentiableEnhancer(Learner, Protocol):
    """An enhancer that can be trained through a method."""

    def restore(self, video: Tensor) -> Tensor:
        """``(B, T, H, W, 3)`` float32 to the same shape with its graph, not clamped, without being told the codec."""
        ...
