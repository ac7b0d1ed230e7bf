"""Pixel quality of a window's clip against its reference: PSNR, SSIM and PSNR-HVS-M."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.quality.hvs import SIDE, visible_error
from rppgbench.quality.pixels import psnr_db
from rppgbench.quality.structure import LEAST_SIDE_PIXELS, ssim

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# SSIM and PSNR-HVS-M take milliseconds a frame and are means alone: so many frames a second are enough. PSNR, whose
# spread over time is reported, is of every frame.
SAMPLED_HZ = 5.0


@dataclass(frozen=True, kw_only=True)
class ClipQuality:
    """Quality of one window's pixels against the reference.

    ``psnr_db`` is of each frame, ``(T,)``, infinite if it equals the reference's. ``ssim`` is a mean over sampled
    frames; ``psnr_hvs_m_db`` is of the mean visible error over them, infinite without one. NaN if frames are too small
    for the measure.
    """

    psnr_db: FloatArray
    ssim: float
    psnr_hvs_m_db: float


def clip_quality(video: NDArray[Any], reference: NDArray[Any], fps_hz: float) -> ClipQuality:
    """Quality of one window ``(T, H, W, 3)``; bytes are taken as 0-255, floats as 0-1.

    Raises:
        SignalError: the shapes differ.
    """
    ratios_db = psnr_db(video, reference)
    every = max(1, round(fps_hz / SAMPLED_HZ))
    one, other = video[::every], reference[::every]
    side = min(video.shape[-3:-1])
    error = float(visible_error(one, other).mean()) if side >= SIDE and len(one) else float("nan")
    return ClipQuality(
        psnr_db=ratios_db,
        ssim=float(ssim(one, other).mean()) if side >= LEAST_SIDE_PIXELS and len(one) else float("nan"),
        psnr_hvs_m_db=float(20 * np.log10(255) - 10 * np.log10(error)) if error != 0 else float("inf"),
    )
