"""A grid of texels to paint soft-edged shapes on.

Lengths are in units of the canvas: x to the right and y down from the middle of the face, whose half-height is about
0.8. Colours are display values in [0, 1] before shading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.randomness import normals

Field = NDArray[np.float64]
Colour = Sequence[float] | Field


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A mask (H, W) and a colour (3,) or (H, W, 3), painted last, over moving parts."""

    mask: Field
    colour: Colour

    def part(self, rows: slice, columns: slice) -> Layer:
        """The layer within a rectangle."""
        colour = np.asarray(self.colour)
        return Layer(mask=self.mask[rows, columns], colour=colour[rows, columns] if colour.ndim == 3 else colour)


@dataclass
class Canvas:
    """``x``, ``y``, ``skin`` (share of living skin) and ``cover`` (opacity) are (H, W), ``colour`` is (H, W, 3)."""

    x: Field
    y: Field
    texel: float
    colour: Field
    skin: Field
    cover: Field

    @classmethod
    def blank(cls, left: float, top: float, right: float, bottom: float, texel: float) -> Canvas:
        """An empty canvas of the given rectangle."""
        xs = left + texel * np.arange(round((right - left) / texel))
        ys = top + texel * np.arange(round((bottom - top) / texel))
        x, y = (np.ascontiguousarray(grid) for grid in np.meshgrid(xs, ys))
        return cls(x=x, y=y, texel=texel, colour=np.zeros((*x.shape, 3)), skin=x * 0.0, cover=x * 0.0)

    def paint(self, mask: Field, colour: Colour, *, skin: float | Field = 0.0) -> None:
        """Paint ``colour`` over the canvas with opacity ``mask`` (0-1)."""
        cover = mask + self.cover * (1.0 - mask)
        # Over nothing, even a soft edge has the full colour: its softness is in the cover.
        share = np.divide(mask, cover, out=np.zeros_like(mask), where=cover > 0)
        self.colour += share[..., None] * (np.asarray(colour) - self.colour)
        self.skin += mask * (skin - self.skin)
        self.cover[:] = cover

    def tint(self, mask: Field, colour: Colour) -> None:
        """Shift existing colour towards ``colour``; skin and cover stay."""
        self.colour += (mask * (self.cover > 0))[..., None] * (np.asarray(colour) - self.colour)

    def inside(self, distance: Field, soft_texels: float = 1.5) -> Field:
        """1 where ``distance`` (units, negative inside) is inside, 0 outside, with a soft edge."""
        ramp = np.clip(0.5 - distance / (soft_texels * self.texel), 0.0, 1.0)
        return ramp * ramp * (3.0 - 2.0 * ramp)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, soft_texels: float = 1.5) -> Field:
        """An upright ellipse."""
        reach = np.sqrt(((self.x - cx) / rx) ** 2 + ((self.y - cy) / ry) ** 2)
        return self.inside((reach - 1.0) * min(rx, ry), soft_texels)

    def bump(self, cx: float, cy: float, sx: float, sy: float) -> Field:
        """A Gaussian hill of height 1."""
        return np.exp(-0.5 * (((self.x - cx) / sx) ** 2 + ((self.y - cy) / sy) ** 2))

    def noise(self, rng: np.random.RandomState, scale_x: float, scale_y: float) -> Field:
        """Smooth noise of unit variance with features of about this size in units."""
        field = normals(rng, *self.x.shape)
        return smooth(field, scale_x / self.texel, scale_y / self.texel)

    def part(self, rows: slice, columns: slice) -> Canvas:
        """A view of a rectangle: painting on it changes the whole canvas."""
        at = (rows, columns)
        return replace(
            self, x=self.x[at], y=self.y[at], colour=self.colour[at], skin=self.skin[at], cover=self.cover[at]
        )

    def copy(self) -> Canvas:
        """A canvas with its own arrays."""
        return replace(self, colour=self.colour.copy(), skin=self.skin.copy(), cover=self.cover.copy())


def smooth(field: Field, sigma_x: float, sigma_y: float) -> Field:
    """``field`` under two box filters of about these standard deviations in texels, at unit variance."""
    for axis, sigma in ((1, sigma_x), (0, sigma_y)):
        width = max(1, round(2.45 * sigma))
        for _ in range(2 if width > 1 else 0):
            field = _running_mean(field, width, axis)
    spread = field.std()
    return field / spread if spread > 0 else field


def _running_mean(field: Field, width: int, axis: int) -> Field:
    margins = [(0, 0), (0, 0)]
    margins[axis] = (width // 2 + 1, width - width // 2 - 1)
    total = np.moveaxis(np.cumsum(np.pad(field, margins, mode="wrap"), axis=axis), axis, 0)
    return np.moveaxis((total[width:] - total[:-width]) / width, 0, axis)


def ramp(start: float, end: float, values: Field) -> Field:
    """0 before ``start``, 1 after ``end``, smooth between."""
    share = np.clip((values - start) / (end - start), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
