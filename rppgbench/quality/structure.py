"""SSIM, structural similarity of two pictures (Wang, Bovik, Sheikh & Simoncelli, IEEE TIP 13(4), 2004)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.quality.pixels import check_same_shape, luma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

SIGMA_PIXELS = 1.5
LEAST_SIDE_PIXELS = 11  # the window: 3.5 sigma to either side


def ssim(video: NDArray[Any], reference: NDArray[Any]) -> FloatArray:
    """``(...,)`` mean SSIM of each frame's luma, ``(..., H, W, 3)``; 1 if both are the same.

    As printed: a Gaussian window of 11 x 11 pixels with sigma 1.5, K1 = 0.01 and K2 = 0.03 of a range of 255 levels,
    no resampling before. The mean leaves out the 5 pixels along each edge, whose window is not whole.

    Raises:
        SignalError: the shapes differ, or a side is shorter than the window.
    """
    from skimage.metrics import structural_similarity

    check_same_shape(video, reference)
    if min(video.shape[-3:-1]) < LEAST_SIDE_PIXELS:
        raise SignalError(
            f"frames of {video.shape[-2]} x {video.shape[-3]} pixels, expected {LEAST_SIDE_PIXELS} or more a side"
        )
    found = [
        structural_similarity(  # type: ignore[no-untyped-call]
            luma(one),
            luma(other),
            gaussian_weights=True,
            sigma=SIGMA_PIXELS,
            use_sample_covariance=False,
            data_range=255.0,
        )
        for one, other in zip(
            video.reshape(-1, *video.shape[-3:]), reference.reshape(-1, *video.shape[-3:]), strict=True
        )
    ]
    return np.array(found, dtype=np.float64).reshape(video.shape[:-3])
