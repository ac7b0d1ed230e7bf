"""How pixels enter rPPGNet."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Frames on either side whose mean is taken: a training clip's worth in all. Over a whole recording a pixel wanders
# further from its mean than training ever showed.
_REACH_FRAMES = 32
# The pulse is about half a percent of a pixel's brightness: this brings it to the order of one.
_SCALE = 100.0
# What motion does to a pixel is a hundred times that, and would be all that a batch norm sees.
_LIMIT = 5.0
_DARKEST = 0.05  # darker than this there is more noise than pulse


def affine(video: Tensor) -> Tensor:
    """Pixels in [0, 1] to [-1, 1], the same whatever the clip: nothing that an enhancer does is hidden."""
    return 2 * video - 1


def temporal(video: Tensor) -> Tensor:
    """Each pixel's relative change against its own mean over about two seconds around each frame, in percent.

    Clamped to 5 %. Colour and lasting light are gone; the network need not find half a percent in what is left.
    In float32 whatever the precision around it.
    """
    with torch.autocast(video.device.type, enabled=False):
        video = video.float()
        mean = _moving_mean(video).clamp_min(_DARKEST)
        return (_SCALE * (video / mean - 1)).clamp(-_LIMIT, _LIMIT)


def _moving_mean(video: Tensor) -> Tensor:
    """The mean over frames t - 32 to t + 32, over fewer at the ends: ``(B, T, H, W, C)`` to the same shape."""
    B, T, _, _, _ = video.shape
    frames = torch.arange(T, device=video.device)
    band = ((frames - frames[:, None]).abs() <= _REACH_FRAMES).float()
    # A product with a band matrix is many times faster than sums that slide. Some GPUs multiply in ten bits, which the
    # pulse would not survive: so what does not move stays out of the product. Whatever it is, it cancels.
    still = video.detach().mean(1, keepdim=True)
    moving = torch.matmul(band / band.sum(1, keepdim=True), (video - still).reshape(B, T, -1))
    return still + moving.view(video.shape)


# What the names in the params mean, and on how many frames to either side a frame of it depends.
INPUTS: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "affine": (affine, 0),
    "temporal": (temporal, _REACH_FRAMES),
}
