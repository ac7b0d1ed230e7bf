"""Between NumPy clips and a network's tensors: what a learner's ``predict`` and ``enhance`` need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def device_of(module: nn.Module) -> torch.device:
    """Where the network's weights are; the CPU for one without any."""
    return next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))


def as_video(video: Any, module: nn.Module) -> Tensor:
    """``(B, T, H, W, 3)`` uint8, or float in [0, 1], NumPy or torch, as float32 in [0, 1] where ``module`` is.

    Bytes travel to the device as bytes and become floats there.

    Raises:
        SignalError: not a batch of colour clips.
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
    """torch warns of arrays that it must not write to, such as those mapped from disk."""
    return np.ascontiguousarray(array) if array.flags.writeable else np.array(array)
