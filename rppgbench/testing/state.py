"""Copies and comparison of a network's state."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def copy_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of every parameter and buffer by name."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, Tensor]) -> str:
    """Names of the tensors that differ from ``before``, as text; empty if all are bit-identical."""
    return listed(name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name]))


def listed(names: Iterable[str]) -> str:
    """The first three names as text, and the number of the others."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(map(repr, ordered[:3])) + more
