"""Shape of a head as a height map, and the light on it."""

from __future__ import annotations

import numpy as np

from rppgbench_synthetic.canvas import Canvas, Field, ramp
from rppgbench_synthetic.looks import Looks

HEAD_HALF_HEIGHT = 0.79
NECK_HALF_WIDTH = 0.34

_AMBIENT = 0.42


def head_radius(canvas: Canvas, looks: Looks) -> Field:
    """Radius relative to the outline of the face, which narrows to the jaw: below 1 inside."""
    down = canvas.y / HEAD_HALF_HEIGHT
    width = looks.half_width * (1.0 - looks.jaw * np.clip(down, 0, 1.2) ** 2.2 - 0.05 * np.clip(-down, 0, 1.2) ** 2)
    return (np.abs(canvas.x / width) ** 2.25 + np.abs(down) ** 2.25) ** (1 / 2.25)


def height_map(canvas: Canvas, looks: Looks) -> Field:
    """Distance of each texel in front of the plane through the ears, in canvas units."""
    x, y = canvas.x, canvas.y
    head = 0.58 * np.sqrt(np.clip(1.0 - (head_radius(canvas, looks) / 1.16) ** 2, 0, 1))
    neck = 0.22 * np.sqrt(np.clip(1.0 - (x / (NECK_HALF_WIDTH * 1.05)) ** 2, 0, 1)) * (y > 0.3)
    height = np.maximum(head, neck)
    height += _nose(canvas, looks)
    for side in (-1.0, 1.0):
        eye = side * looks.eye_x
        height -= 0.060 * canvas.bump(eye * 0.95, looks.eye_y, 0.10, 0.055)
        height += 0.026 * canvas.bump(eye, looks.eye_y, 0.07, 0.04)
        height += 0.030 * canvas.bump(eye, looks.eye_y - 0.13, 0.13, 0.045)
        height += 0.030 * canvas.bump(side * 0.34, 0.13, 0.11, 0.09)
        fold = np.abs(x) - 0.15 - 0.28 * (y - 0.22)
        height -= 0.012 * np.exp(-((fold / 0.028) ** 2)) * ramp(0.18, 0.27, y) * ramp(0.50, 0.38, y)
    lips = looks.lip_fullness
    height += 0.024 * lips * canvas.bump(0, looks.mouth_y - 0.025, 0.10, 0.022)
    height += 0.032 * lips * canvas.bump(0, looks.mouth_y + 0.045, 0.09, 0.026)
    height -= 0.030 * canvas.bump(0, looks.mouth_y + 0.115, 0.11, 0.028)
    height -= 0.008 * canvas.bump(0, looks.mouth_y - 0.10, 0.016, 0.05)
    height += 0.045 * canvas.bump(0, 0.68, 0.12, 0.075)
    return height


def light(canvas: Canvas, height: Field, looks: Looks) -> tuple[Field, Field]:
    """Diffuse shade, 1 where skin faces the light, and the strength of highlights, both in linear light."""
    slope_y, slope_x = np.gradient(height, canvas.texel)
    slope_x, slope_y = np.clip(slope_x, -3, 3), np.clip(slope_y, -3, 3)
    toward = np.array([looks.light_x, looks.light_y, 1.0])
    toward /= np.sqrt((toward**2).sum())
    length = np.sqrt(slope_x**2 + slope_y**2 + 1.0)
    facing = np.clip((toward[2] - slope_x * toward[0] - slope_y * toward[1]) / length, 0, 1)
    shade = _AMBIENT + (1.0 - _AMBIENT) * facing
    beside = ramp(1.0, 1.12, head_radius(canvas, looks))
    flat = beside * ramp(NECK_HALF_WIDTH, NECK_HALF_WIDTH + 0.06, np.abs(canvas.x))
    shade += flat * (0.75 - shade)
    shade *= 1.0 - 0.45 * _below_chin(canvas, looks)
    halfway = toward + np.array([0.0, 0.0, 1.0])
    halfway /= np.sqrt((halfway**2).sum())
    mirrored = np.clip((halfway[2] - slope_x * halfway[0] - slope_y * halfway[1]) / length, 0, 1)
    return shade, 0.16 * looks.oil * (1.0 - 0.7 * beside) * mirrored**24


def _nose(canvas: Canvas, looks: Looks) -> Field:
    x, y = canvas.x, canvas.y
    rise = ramp(looks.eye_y - 0.06, 0.20, y)
    ridge = (0.03 + (looks.nose_height - 0.03) * rise) * ramp(looks.eye_y - 0.12, looks.eye_y, y)
    ridge *= ramp(0.285, 0.215, y)
    width = 0.040 + (looks.nose_width - 0.040) * rise
    nose = ridge * np.exp(-0.5 * (x / width) ** 2)
    for side in (-1.0, 1.0):
        nose = nose + 0.045 * canvas.bump(side * 1.45 * looks.nose_width, 0.225, 0.026, 0.026)
    return nose


def _below_chin(canvas: Canvas, looks: Looks) -> Field:
    outside = np.clip((head_radius(canvas, looks) - 1.0) / 0.05, 0, 1)
    return outside * ramp(0.35, 0.55, canvas.y) * ramp(1.25, 0.75, canvas.y) * ramp(0.55, 0.40, np.abs(canvas.x))
