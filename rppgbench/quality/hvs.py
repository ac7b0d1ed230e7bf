"""PSNR-HVS-M: PSNR of the visible part of an error.

Ponomarenko, Silvestri, Egiazarian, Carli, Astola & Lukin, "On between-coefficient contrast masking of DCT basis
functions", VPQM 2007; the weights of contrast sensitivity as in Egiazarian et al., VPQM 2006.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.quality.pixels import check_same_shape, luma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

SIDE = 8  # of a block, pixels
# Luminance quantisation of JPEG: ITU-T T.81, table K.1. Both tables of the measure follow from it.
QUANTISATION = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float64,
)
# In proportion to 1/Q, scaled to a mean square of 1: 25.735/Q.
SENSITIVITY = 1 / QUANTISATION / np.sqrt(np.mean(1 / QUANTISATION**2))
MASKING = (10 / QUANTISATION) ** 2
_CHUNK_FRAMES = 64
# Levels squared: the rounding of luma and DCT without any error, far below one level in one pixel.
_ROUNDING = 1e-16


def psnr_hvs_m_db(video: NDArray[Any], reference: NDArray[Any]) -> FloatArray:
    """``(...,)`` PSNR-HVS-M of each frame's luma, ``(..., H, W, 3)``; infinite without a visible error.

    Raises:
        SignalError: the shapes differ, or a side is shorter than a block.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(255) - 10 * np.log10(visible_error(video, reference)))


def visible_error(video: NDArray[Any], reference: NDArray[Any]) -> FloatArray:
    """``(...,)`` mean squared visible error of each frame's luma ``(..., H, W, 3)``, in grey levels squared.

    By the equations in docs/quality.md ("Pixels"): blocks of 8 x 8 pixels, incomplete ones at the right and below left
    out; errors of DCT coefficients, less the masking threshold and weighted by ``SENSITIVITY``.

    Raises:
        SignalError: the shapes differ, or a side is shorter than a block.
    """
    check_same_shape(video, reference)
    if min(video.shape[-3:-1]) < SIDE:
        raise SignalError(f"frames of {video.shape[-2]} x {video.shape[-3]} pixels, expected {SIDE} or more a side")
    one, other = (clip.reshape(-1, *clip.shape[-3:]) for clip in (video, reference))
    errors = [
        _visible_error(
            _blocks(luma(one[first : first + _CHUNK_FRAMES])), _blocks(luma(other[first : first + _CHUNK_FRAMES]))
        )
        for first in range(0, len(one), _CHUNK_FRAMES)
    ]
    return np.concatenate([*errors, np.empty(0)]).reshape(video.shape[:-3])


def _blocks(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, K, 8, 8)``: the K whole blocks of each picture ``(N, H, W)``."""
    N, H, W = levels.shape
    rows, columns = H // SIDE, W // SIDE
    tiled = levels[:, : rows * SIDE, : columns * SIDE].reshape(N, rows, SIDE, columns, SIDE)
    return tiled.transpose(0, 1, 3, 2, 4).reshape(N, rows * columns, SIDE, SIDE)


def _visible_error(one: NDArray[np.float64], other: NDArray[np.float64]) -> FloatArray:
    from scipy.fft import dctn

    coefficients = [dctn(blocks, axes=(-2, -1), norm="ortho") for blocks in (one, other)]
    strength = np.maximum(*map(_masking_strength, (one, other), coefficients))
    threshold = strength[..., None, None] / MASKING
    threshold[..., 0, 0] = 0.0
    visible = (np.abs(coefficients[0] - coefficients[1]) - threshold).clip(0) * SENSITIVITY
    error = np.square(visible).mean(axis=(1, 2, 3))
    return np.asarray(np.where(error > _ROUNDING, error, 0.0))


def _masking_strength(blocks: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, K)``: the masking threshold of a coefficient whose ``MASKING`` is 1, in levels."""
    weighted = np.square(coefficients) * MASKING
    energy = weighted.sum(axis=(-2, -1)) - weighted[..., 0, 0]
    half = SIDE // 2
    quarters = blocks.reshape(*blocks.shape[:2], 2, half, 2, half).var(axis=(-3, -1), ddof=1).sum(axis=(-2, -1))
    whole = blocks.var(axis=(-2, -1), ddof=1)
    evenness = np.where(whole > 0, quarters / np.where(whole > 0, 4 * whole, 1.0), 0.0)
    return np.asarray(np.sqrt(energy.clip(0) * evenness / (16 * SIDE**2)))
