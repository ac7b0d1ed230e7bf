"""A rectangle in a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in source pixels: its left upper corner (the corner of a pixel, not its centre) and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def sides(self) -> tuple[float, float, float, float]:
        return self.x, self.y, self.width, self.height

    def widened(self, margin: float) -> Box:
        """The box with ``margin`` times its size added on every side."""
        dx, dy = margin * self.width, margin * self.height
        return Box(self.x - dx, self.y - dy, self.width + 2 * dx, self.height + 2 * dy)

    def squared(self) -> Box:
        """The square about the same centre whose side is the longer one."""
        side = max(self.width, self.height)
        center_x, center_y = self.center
        return Box(center_x - side / 2, center_y - side / 2, side, side)

    def clamped(self, width: int, height: int) -> Box:
        """The part inside a picture of that size; its width or height is 0 if there is none."""
        left, right = _clip(self.x, width), _clip(self.x + self.width, width)
        top, bottom = _clip(self.y, height), _clip(self.y + self.height, height)
        return Box(left, top, right - left, bottom - top)

    def scaled(self, factor: float) -> Box:
        """The same rectangle in a picture ``factor`` times as large."""
        return Box(self.x * factor, self.y * factor, self.width * factor, self.height * factor)


def _clip(value: float, limit: int) -> float:
    return min(max(value, 0.0), float(limit))
