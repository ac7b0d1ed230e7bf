"""PSNR of frames against a reference, and luma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# ITU-R BT.601, as in the skin filter, whatever matrix the video was stored with: measures compare RGB clips.
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


def psnr_db(video: NDArray[Any], reference: NDArray[Any]) -> FloatArray:
    """``(...,)`` peak signal-to-noise ratio of each frame ``(..., H, W, C)``, over all its pixels and colours.

    Bytes are taken as 0-255, floats as 0-1. Infinite if both are the same.

    Raises:
        SignalError: their shapes differ.
    """
    check_same_shape(video, reference)
    ratios = [_frame_psnr_db(one, other) for one, other in zip(_frames(video), _frames(reference), strict=True)]
    return np.array(ratios).reshape(video.shape[:-3])


def _frames(video: NDArray[Any]) -> NDArray[Any]:
    return video.reshape(-1, *video.shape[-3:])


def _frame_psnr_db(one: NDArray[Any], other: NDArray[Any]) -> float:
    error = np.square(unit(one) - unit(other)).mean(dtype=np.float64)
    return float(-10 * np.log10(error)) if error > 0 else float("inf")


def check_same_shape(video: NDArray[Any], reference: NDArray[Any]) -> None:
    """Raise unless two videos can be compared pixel by pixel.

    Raises:
        SignalError: their shapes differ.
    """
    if video.shape != reference.shape:
        raise SignalError(f"videos of shapes {video.shape} and {reference.shape} cannot be compared pixel by pixel")


def unit(frame: NDArray[Any]) -> NDArray[np.float32]:
    """The same picture with its levels in 0-1: bytes are taken as 0-255, floats as they are."""
    return frame.astype(np.float32) / np.float32(255 if frame.dtype == np.uint8 else 1)


def luma(frames: NDArray[Any]) -> NDArray[np.float64]:
    """``(..., H, W)`` BT.601 luma of RGB ``(..., H, W, 3)`` in grey levels, 0-255 and not rounded.

    Bytes are taken as 0-255, floats as 0-1.
    """
    scale = 1.0 if frames.dtype == np.uint8 else 255.0
    return np.asarray(frames.astype(np.float64) @ (scale * np.array(LUMA_WEIGHTS)))
