"""Eyes, brows, nose and mouth, painted on a canvas or on a part of one."""

from __future__ import annotations

import numpy as np

from rppgbench_synthetic.canvas import Canvas, Field, ramp
from rppgbench_synthetic.looks import Looks

_SIDES = (-1.0, 1.0)


def paint_eyes(canvas: Canvas, looks: Looks, closing: float) -> None:
    """Both eyes; ``closing`` is 0 open to 1 shut."""
    for side in _SIDES:
        _paint_eye(canvas, looks, side * looks.eye_x, closing)


def _paint_eye(canvas: Canvas, looks: Looks, cx: float, closing: float) -> None:
    x, y = canvas.x - cx, canvas.y - looks.eye_y
    arc = np.clip(1.0 - (x / looks.eye_half_width) ** 2, 0, 1)
    within = canvas.inside(np.abs(x) - looks.eye_half_width, 2.0)
    lower = 0.028 * arc
    upper = lower - (1.0 - closing) * 0.075 * arc**0.8
    gap = canvas.inside(upper - y) * canvas.inside(y - lower) * within
    canvas.paint(gap, (0.86, 0.84, 0.82))
    canvas.tint(gap * np.exp(-(((y - upper) / 0.018) ** 2)) * 0.45, looks.skin * 0.25)
    reach = np.sqrt(x**2 + (y + 0.008) ** 2)
    canvas.paint(canvas.inside(reach - 0.047) * gap, looks.iris * (0.75 + 4.0 * np.clip(reach, 0, 0.047)[..., None]))
    canvas.paint(canvas.inside(reach - 0.020) * gap, (0.03, 0.03, 0.03))
    canvas.paint(canvas.ellipse(cx + 0.015, looks.eye_y - 0.024, 0.009, 0.009) * gap, (0.97, 0.97, 0.97))
    lash = looks.hair * 0.35
    canvas.paint(0.9 * canvas.inside(np.abs(y - upper) - 0.009 * (0.4 + arc)) * within, lash)
    canvas.tint(0.4 * canvas.inside(np.abs(y - lower) - 0.004) * within, looks.skin * 0.4)
    crease = -0.028 - 0.070 * np.clip(1.0 - (x / (1.15 * looks.eye_half_width)) ** 2, 0, 1)
    canvas.tint(0.35 * (1 - closing) * canvas.inside(np.abs(y - crease) - 0.004, 2.5) * within, looks.skin * 0.45)


def paint_brows(canvas: Canvas, looks: Looks) -> None:
    """Two brows of short hairs that thin out to the temples."""
    hairs = 0.85 + 0.15 * canvas.noise(looks.texture_stream("brows"), 0.008, 0.012)
    for side in _SIDES:
        outward = (canvas.x - side * looks.eye_x) * side
        middle = looks.eye_y - 0.135 - 0.022 * np.cos(outward * 9.0 - 0.5) + 0.10 * np.clip(outward - 0.05, 0, 1)
        thickness = looks.brow_thickness * np.clip(1.15 - np.clip(outward, 0, 1) / 0.19, 0.2, 1)
        brow = canvas.inside(np.abs(canvas.y - middle) - thickness, 3.0) * canvas.inside(np.abs(outward) - 0.15, 5.0)
        canvas.paint(np.clip(brow * hairs * 0.85, 0, 1), looks.hair * 0.8)


def paint_nose(canvas: Canvas, looks: Looks) -> None:
    """Nostrils and the shadow below; the height map shapes the rest of the nose."""
    for side in _SIDES:
        hole = canvas.bump(side * 0.85 * looks.nose_width, 0.262, 0.020, 0.011)
        canvas.paint(0.8 * np.clip(hole * 1.2, 0, 1), looks.skin * 0.28)
    canvas.tint(0.30 * canvas.bump(0, 0.292, 1.4 * looks.nose_width, 0.020), looks.skin * 0.5)


def paint_mouth(canvas: Canvas, looks: Looks, opening: float) -> None:
    """Lips, and teeth between them; ``opening`` is 0 shut to 1 wide open."""
    half_width = looks.mouth_half_width * (1.0 - 0.14 * opening)
    place = canvas.x / half_width
    arc = np.clip(1.0 - place**2, 0, 1)
    within = canvas.inside(np.abs(canvas.x) - half_width, 2.5)
    y = canvas.y - looks.mouth_y
    bow = 0.012 * np.exp(-((place / 0.22) ** 2)) - 0.008 * np.exp(-(((np.abs(place) - 0.3) / 0.2) ** 2))
    seam_top = -0.012 * opening * arc + 0.008 * (np.abs(place) - 0.4) ** 2
    seam_low = seam_top + 0.105 * opening * arc
    top = seam_top - 0.040 * looks.lip_fullness * arc**0.7 + bow * arc
    low = seam_low + 0.052 * looks.lip_fullness * arc**0.7
    lips = canvas.inside(top - y, 3.0) * canvas.inside(y - low, 3.5) * within
    canvas.paint(0.85 * lips, looks.lips * (0.9 + 0.12 * ramp(0.0, 0.05, y - seam_low))[..., None], skin=0.6)
    gap = canvas.inside(seam_top - y) * canvas.inside(y - seam_low) * within
    canvas.paint(gap, (0.16, 0.06, 0.06))
    canvas.paint(gap * canvas.inside(y - seam_top - 0.032, 2.0) * canvas.inside(np.abs(place) - 0.72, 8.0), _TEETH)
    seam = canvas.inside(np.abs(y - seam_top) - 0.005 * arc, 2.0) * within
    canvas.paint((1.0 - 0.5 * opening) * 0.8 * seam, looks.lips * 0.38)


_TEETH: Field = np.array([0.80, 0.77, 0.71])
