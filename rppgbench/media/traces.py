"""Mean colours over time, of the skin in a box and of the background beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.media.box import Box
from rppgbench.media.decode import WHOLE, frames
from rppgbench.media.patch import patch_means, region_mean
from rppgbench.media.skin import SkinSettings, skin_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rppgbench.media.decode import Frame, Part

    FloatArray = NDArray[np.floating[Any]]

_CELLS = 64  # along the box's side, at most
_LEAST_SKIN_SHARE = 0.02
_STRIP_GAP = 0.05  # between box and background, as a share of the box
_STRIP_BOTTOM = 0.6  # of the box's height: above the shoulders
_STRIP_LEAST = 0.1  # of the box's width: less is no background to speak of


@dataclass(frozen=True)
class Traces:
    """Mean R, G, B in grey levels (0-255, not rounded) at each frame's time.

    ``skin`` and ``background`` are ``(T, 3)``, NaN in frames without skin, or without background beside the box.
    ``skin_share`` ``(T,)`` is the share of the box that is skin. ``times_s`` is ``(T,)``.
    """

    times_s: FloatArray
    skin: FloatArray
    background: FloatArray
    skin_share: FloatArray


def measure_traces(
    path: Path,
    box: Box,
    *,
    threshold: float = SkinSettings.threshold,
    frames_are_skin: bool = False,
    part: Part = WHOLE,
    source: Iterable[Frame] | None = None,
) -> Traces:
    """Traces of a whole video, or of a ``part`` of it, from one fixed box; memory stays flat.

    The colour is averaged over cells of the box, of 2 x 2 pixels or more, and the cells over the skin mask.
    ``source`` stands in for the frames of ``path``.

    Raises:
        MediaError: the video cannot be read in full.
    """
    settings = None if frames_are_skin else SkinSettings(threshold)
    times_s: list[float] = []
    background: list[FloatArray] = []

    def patches() -> Iterator[NDArray[np.float32] | None]:
        cells, size = aligned_to_cells(box)
        strips: list[Box] = []
        for frame in frames(path, part=part) if source is None else source:
            if not times_s and not frames_are_skin:
                strips = background_strips(box, frame.picture.width, frame.picture.height)
            times_s.append(frame.time_s)
            background.append(region_mean(frame.picture, strips) if strips else np.full(3, math.nan))
            yield patch_means(frame.picture, cells, size)

    means = list(skin_means(((times_s[-1], patch) for patch in patches()), settings))
    return Traces(
        times_s=np.array(times_s),
        skin=np.array([mean for mean, _ in means]).reshape(-1, 3),
        background=np.array(background).reshape(-1, 3),
        skin_share=np.array([share for _, share in means]),
    )


def aligned_to_cells(box: Box) -> tuple[Box, tuple[int, int]]:
    """The box with its size rounded to whole cells, and its number of cells, ``(h, w)``.

    Cells are whole even numbers of pixels wide, so that averages over them need no fractions of pixels, in chroma
    planes of half the size either: that is five times faster.
    """
    cell = 2 * max(math.ceil(min(box.width, box.height) / (2 * _CELLS)), 1)
    rows, columns = max(round(box.height / cell), 2), max(round(box.width / cell), 2)
    center_x, center_y = box.center
    width, height = columns * cell, rows * cell
    return Box(center_x - width / 2, center_y - height / 2, width, height), (rows, columns)


def skin_means(
    patches: Iterable[tuple[float, NDArray[np.float32] | None]], settings: SkinSettings | None
) -> Iterator[tuple[FloatArray, float]]:
    """Mean colour ``(C,)`` and share of the skin in each patch; NaN and 0 without skin.

    ``patches`` gives a time in seconds and ``(H, W, 3)`` grey levels, or None without a face; further channels
    are averaged over the same skin. With ``settings`` None all of a patch is skin. Between two masks the weights fade
    from one to the other, so results come late by up to ``settings.every_s``.
    """
    waiting: list[tuple[float, NDArray[np.float32]]] = []
    mask: NDArray[np.float64] | None = None
    mask_s, n_masks = -math.inf, 0
    for time_s, patch in patches:
        if patch is None or (mask is not None and mask.shape != patch.shape[:2]):
            yield from _faded(waiting, mask_s, mask, mask_s, mask)
            waiting, mask, n_masks = [], None, 0
        if patch is None:
            yield np.full(3, math.nan), 0.0
            continue
        waiting.append((time_s, patch))
        if settings is None:
            yield from _faded(waiting, time_s, None, time_s, np.ones(patch.shape[:2]))
            waiting = []
        elif mask is None or time_s - mask_s >= settings.every_s - 1e-3:
            new = skin_mask(patch[..., :3], settings.threshold).astype(np.float64)
            n_masks += 1
            if mask is not None:
                new = mask + _weight_of_new(time_s - mask_s, n_masks, settings.memory_s) * (new - mask)
            yield from _faded(waiting, mask_s, mask, time_s, new)
            waiting, mask, mask_s = [], new, time_s
    yield from _faded(waiting, mask_s, mask, mask_s, mask)


def background_strips(box: Box, width: int, height: int) -> list[Box]:
    """Strips of background left and right of a face's box, above the shoulders; empty if they are too thin."""
    gap = _STRIP_GAP * box.width
    left, right = box.x - gap, box.x + box.width + gap
    tall = _STRIP_BOTTOM * box.height
    strips = [
        Box(left - box.width, box.y, box.width, tall).clamped(width, height),
        Box(right, box.y, box.width, tall).clamped(width, height),
    ]
    return [strip for strip in strips if strip.width >= _STRIP_LEAST * box.width and strip.height >= 0.5 * tall]


def _weight_of_new(elapsed_s: float, n_masks: int, memory_s: float) -> float:
    """Weight of the newest mask in the running mean: 1 / ``n_masks`` at first, then that of an exponential mean."""
    fading = 1.0 - math.exp(-elapsed_s / memory_s) if memory_s > 0 else 1.0
    return max(fading, 1.0 / n_masks)


def _faded(
    waiting: list[tuple[float, NDArray[np.float32]]],
    start_s: float,
    start: NDArray[np.float64] | None,
    end_s: float,
    end: NDArray[np.float64] | None,
) -> Iterator[tuple[FloatArray, float]]:
    for time_s, patch in waiting:
        if end is None:
            raise ValueError("patches wait for a mask that never came")
        share = (time_s - start_s) / (end_s - start_s) if start is not None and end_s > start_s else 1.0
        weights = end if start is None else start + min(share, 1.0) * (end - start)
        total = float(weights.sum())
        if total < _LEAST_SKIN_SHARE * weights.size:
            yield np.full(patch.shape[-1], math.nan), total / weights.size
        else:
            yield np.einsum("hw,hwc->c", weights, patch, dtype=np.float64) / total, total / weights.size
