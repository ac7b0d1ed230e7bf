"""What a network remembers, before and after."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def copy_of(module: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, Tensor]) -> str:
    """Names of what is no longer the same to the bit; empty when nothing is."""
    return listed(name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name]))


def listed(names: Iterable[str]) -> str:
    """The first few names, for a sentence."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(map(repr, ordered[:3])) + more
