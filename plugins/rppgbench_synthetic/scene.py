"""Background of a recording: a room, shoulders, and the light on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.canvas import smooth
from rppgbench_synthetic.randomness import normals, on_grid

Plane = NDArray[np.float64]


def paint_room(
    rng: np.random.RandomState, width: int, height: int, head: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Linear light (3, H, W) of a furnished wall and clothed shoulders, 255**2 being white.

    ``head`` is x and y of the middle of the face and half the head's height, in pixels.
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    shown = _wall(rng, x, y) * 255.0
    _clothe(rng, shown, x, y, head)
    sixteenths = on_grid(np.clip(shown, 8, 245), 4)
    return np.ascontiguousarray((sixteenths**2).astype(np.float32))


def _wall(rng: np.random.RandomState, x: Plane, y: Plane) -> Plane:
    height, width = x.shape
    tone = rng.uniform(0.35, 0.75)
    shown = (tone + rng.uniform(-0.06, 0.06, 3))[:, None, None] * np.ones((3, height, width))
    shown *= 1.0 + rng.uniform(-0.25, 0.25) * (x / width - 0.5) + rng.uniform(-0.2, 0.2) * (y / height - 0.5)
    for _ in range(rng.randint(4, 9)):
        left, top = rng.randint(0, width), rng.randint(0, height)
        right, bottom = left + rng.randint(width // 16, width // 4), top + rng.randint(height // 12, height // 2)
        colour = np.clip(rng.uniform(0.15, 0.8) + rng.uniform(-0.10, 0.10, 3), 0.05, 0.95)
        shown[:, top:bottom, left:right] = colour[:, None, None]
    soft = max(1, round(height / 80))
    for axis in (1, 2):
        shown = np.mean([np.roll(shown, shift, axis) for shift in range(-soft, soft + 1)], axis=0)
    plaster = smooth(normals(rng, *x.shape), 1.5, 1.5)
    return np.asarray(shown * (1.0 + 0.012 * plaster))


def _clothe(rng: np.random.RandomState, shown: Plane, x: Plane, y: Plane, head: tuple[float, float, float]) -> None:
    middle, centre, half_height = head
    colour = np.clip(rng.uniform(0.12, 0.75) + rng.uniform(-0.14, 0.14, 3), 0.06, 0.9) * 255.0
    across, down = (x - middle) / half_height, (y - centre) / half_height
    slope = 1.10 + 0.28 * np.clip(np.abs(across) - 0.35, 0, 2) ** 1.3
    edge = np.clip((down - slope) * half_height / 2.0 + 0.5, 0, 1) * np.clip((1.75 - np.abs(across)) * 20, 0, 1)
    folds = 1.0 + 0.10 * np.sin(5.0 * across + 2.0 * down + rng.uniform(0, 6)) * np.cos(3.0 * down)
    weave = 1.0 + 0.03 * smooth(normals(rng, *x.shape), 0.8, 0.8)
    for plane, value in zip(shown, colour, strict=True):
        plane += edge * (value * folds * weave - plane)
