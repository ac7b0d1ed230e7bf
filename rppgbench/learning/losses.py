"""Losses shared by learners."""

from __future__ import annotations

import torch
from torch import Tensor

from rppgbench.errors import SignalError

_TINY = 1e-8


def negative_pearson(prediction: Tensor, target: Tensor, *, max_shift: int = 0) -> Tensor:
    """One minus Pearson's correlation of each pair of waves, averaged over the batch: a scalar from 0 to 2.

    Equation 5 of Yu et al., ICCV 2019, in centred form and always in float32: the raw moments of the printed form
    cancel in half precision. A constant wave has loss 1 and a finite gradient.

    Args:
        prediction: ``(B, T)``.
        target: ``(B, T)``.
        max_shift: With n > 0 the loss is the smallest over shifts of up to n frames to either side, computed on the
            frames in common: for contact sensors whose delay to the face is unknown.

    Raises:
        SignalError: shapes differ, or fewer than two frames are in common.
    """
    _, T = _same_shape(prediction, target)
    if max_shift < 0 or T - max_shift < 2:
        raise SignalError(f"a shift of {max_shift} leaves {T - max_shift} of {T} frames to compare, expected 2 or more")
    with torch.autocast(prediction.device.type, enabled=False):
        prediction, target = prediction.float(), target.float()
        shifted = [_one_minus_r(*_overlap(prediction, target, shift)) for shift in range(-max_shift, max_shift + 1)]
        best = torch.stack(shifted).amin(dim=0) if max_shift else shifted[0]  # (B,)
        return best.mean()


def _overlap(prediction: Tensor, target: Tensor, shift: int) -> tuple[Tensor, Tensor]:
    """The common frames of both waves with the prediction delayed by ``shift`` frames."""
    T = prediction.shape[1]
    return prediction[:, max(shift, 0) : T + min(shift, 0)], target[:, max(-shift, 0) : T - max(shift, 0)]


def _one_minus_r(prediction: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` one minus Pearson's correlation of ``(B, T)`` waves."""
    prediction = prediction - prediction.mean(dim=1, keepdim=True)
    target = target - target.mean(dim=1, keepdim=True)
    # Each wave is scaled before the product: for tiny waves the product of two sums of squares underflows.
    scale = [torch.linalg.vector_norm(wave, dim=1, keepdim=True).clamp_min(_TINY) for wave in (prediction, target)]
    correlation: Tensor = (prediction / scale[0] * (target / scale[1])).sum(dim=1)
    return 1 - correlation


def _same_shape(prediction: Tensor, target: Tensor) -> tuple[int, int]:
    if prediction.ndim != 2 or prediction.shape != target.shape:
        raise SignalError(f"waves of shapes {tuple(prediction.shape)} and {tuple(target.shape)}, expected (B, T) twice")
    B, T = prediction.shape
    return B, T
