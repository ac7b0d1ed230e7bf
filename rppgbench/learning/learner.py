"""Interfaces of learners, and the batches and context that the training loop passes to them.

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
    of the reference video (the same tensor if the reference is the only training condition). ``wave`` is ``(B, T)``,
    the contact sensor's pulse, systole up, with zero mean and unit variance in each clip. ``skin`` is ``(B, T, H, W)``,
    1 where the reference shows skin, for methods whose spec sets ``skin_labels``. ``condition`` is ``(B,)`` int64:
    0 for the reference, else the number of the clip's training condition, from 1.
    """

    video: Tensor
    reference: Tensor
    wave: Tensor
    condition: Tensor
    fps_hz: float
    skin: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """Optimiser step ``step`` of ``steps``, from 0, and the batch's generator.

    ``generator``, on the CPU, and torch's global generators, which dropout uses, are seeded for each batch, so that a
    resumed fit draws the same numbers.
    """

    step: int
    steps: int
    generator: torch.Generator


@runtime_checkable
class Learner(Protocol):
    """A method or an enhancer that is trained by gradients.

    The core owns the loop, device, precision, seeds, optimiser and checkpoints. A learner has a network (``module``),
    the losses of a batch (``training_step``: unweighted scalars by name) and their weights (``loss_weights``). A loss
    of weight 0 need not be computed.
    """

    module: nn.Module
    loss_weights: Mapping[str, float]

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True, kw_only=True)
class Response:
    """Outputs of a method on clips, with their graph.

    ``wave`` is ``(B, T)``; ``side_waves`` are further pulse waves ``(B, T)`` by name; ``feature_maps`` are
    ``(B, C, T, h, w)`` by name, compared in joint training (eq. 9); ``maps`` are ``(B, T, h, w)`` by name, to be drawn
    over the face ("attention", "skin": probabilities).
    """

    wave: Tensor
    side_waves: Mapping[str, Tensor] = field(default_factory=dict)
    feature_maps: Mapping[str, Tensor] = field(default_factory=dict)
    maps: Mapping[str, Tensor] = field(default_factory=dict)


@runtime_checkable
class DifferentiableMethod(Learner, Protocol):
    """A method that an enhancer can be trained through."""

    def respond(self, video: Tensor) -> Response:
        """The response to ``(B, T, H, W, 3)`` float32 about [0, 1] (enhancers do not clamp), with its graph."""
        ...

    def losses(self, response: Response, batch: TrainingBatch) -> Mapping[str, Tensor]:
        """The losses of ``training_step`` for this response: every pulse wave in it against ``batch.wave``."""
        ...


@runtime_checkable
class DifferentiableEnhancer(Learner, Protocol):
    """An enhancer that can be trained through a method."""

    def restore(self, video: Tensor) -> Tensor:
        """``(B, T, H, W, 3)`` float32 to the same shape with its graph, not clamped; the codec is not given."""
        ...
