"""Training state on disk, so that a killed fit resumes and ends with the same weights."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights, Adam's moments and loss curves; generators are seeded by step, so it needs none."""

    path: Path

    def save(self, step: int, module: nn.Module, optimiser: torch.optim.Adam, curve: Mapping[str, list[float]]) -> None:
        """Write the state after ``step`` optimiser steps, replacing the file atomically."""
        moments = {
            f"optimiser/{number}/{name}": value
            for number, state in optimiser.state_dict()["state"].items()
            for name, value in state.items()
        }
        tensors = {**{f"module/{name}": value for name, value in module.state_dict().items()}, **moments}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{uuid.uuid4().hex}")
        save_file(
            {
                name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, value in tensors.items()
            },
            temporary,
            metadata={"step": str(step), "curve": json.dumps(curve)},
        )
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(self.path)

    def restore(self, module: nn.Module, optimiser: torch.optim.Adam) -> tuple[int, dict[str, list[float]]]:
        """Load the state; the number of steps done and their loss curves, 0 and {} without a usable file."""
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except (FileNotFoundError, SafetensorError):
            return 0, {}
        weights = _under("module/", tensors)
        if {name: value.shape for name, value in weights.items()} != {
            name: value.shape for name, value in module.state_dict().items()
        }:
            return 0, {}  # the file is of another network
        module.load_state_dict(weights)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser/", tensors).items():
            number, _, key = name.partition("/")
            state.setdefault(int(number), {})[key] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        return int(metadata["step"]), json.loads(metadata["curve"])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
