"""Conversion between NumPy clips and tensors, for ``predict`` and ``enhance`` of learners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def device_of(module: nn.Module) -> torch.device:
    """The device of the module's parameters and buffers; the CPU if it has none."""
    return next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))


def as_video(video: Any, module: nn.Module) -> Tensor:
    """``(B, T, H, W, 3)`` uint8, or float in [0, 1], NumPy or torch, as float32 in [0, 1] on the device of ``module``.

    Raises:
        SignalError: ``video`` is not of shape ``(B, T, H, W, 3)``.
    """
    if len(video.shape) != 5 or video.shape[-1] != 3:
        raise SignalError(f"clips of shape {tuple(video.shape)}, expected (B, T, H, W, 3)")
    tensor = video if isinstance(video, Tensor) else torch.from_numpy(_writable(np.asarray(video)))
    tensor = tensor.to(device_of(module))
    return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor.float()


def as_array(tensor: Tensor) -> NDArray[np.float32]:
    """The values as a NumPy array of float32."""
    values: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return values


def _writable(array: NDArray[Any]) -> NDArray[Any]:
    """A writable array: torch warns about read-only ones, such as those mapped from disk."""
    return np.ascontiguousarray(array) if array.flags.writeable else np.array(array)
