"""Hair, beard and glasses, which cover skin and carry no pulse."""

from __future__ import annotations

import numpy as np

from rppgbench_synthetic.canvas import Canvas, Field, Layer, ramp
from rppgbench_synthetic.looks import Looks
from rppgbench_synthetic.relief import HEAD_HALF_HEIGHT, head_radius

_FRAME = (0.09, 0.08, 0.09)


def paint_behind(canvas: Canvas, looks: Looks) -> None:
    """Long hair that falls behind the face and beside the neck."""
    if looks.hair_cut != "long":
        return
    half_width = looks.half_width * (1.20 + 0.10 * ramp(-0.2, 0.8, canvas.y))
    crown = (np.abs(canvas.x / half_width) ** 2.3 + np.abs(np.minimum(canvas.y, 0) / 0.91) ** 2.3) ** (1 / 2.3)
    canvas.paint(canvas.inside((crown - 1) * 0.7, 2.5) * ramp(0.98, 0.86, canvas.y), _strands(canvas, looks) * 0.8)


def front_layers(canvas: Canvas, looks: Looks) -> list[Layer]:
    """Hair over the forehead and temples, then glasses."""
    layers = [] if looks.hair_cut == "bald" else [Layer(mask=_front(canvas, looks), colour=_strands(canvas, looks))]
    if looks.glasses:
        layers.append(Layer(mask=_glasses(canvas, looks), colour=_FRAME))
    return layers


def paint_beard(canvas: Canvas, looks: Looks) -> None:
    """Stubble that lets skin through, or a full beard, around the mouth and up to the ears."""
    if looks.beard == "none":
        return
    x, y = canvas.x, canvas.y
    edge = 0.33 - 0.55 * np.clip(np.abs(x) - 0.26, 0, 1) + 0.10 * np.exp(-((x / 0.05) ** 2))
    cheeks = ramp(0.0, 0.10, y - edge)
    mouth = np.exp(-(((x / 0.16) ** 2 + ((y - looks.mouth_y - 0.02) / 0.055) ** 2) ** 2))
    chin = canvas.inside((head_radius(canvas, looks) - 1.005) * 0.5, 3.0)
    hairs = canvas.noise(looks.texture_stream("beard"), 0.006, 0.010)
    cover, depth = (0.88, 0.10) if looks.beard == "full" else (0.34, 0.12)
    mask = np.clip(cover + depth * hairs, 0, 1) * cheeks * chin * (1.0 - mouth)
    canvas.paint(mask, looks.hair * 0.9)


def _front(canvas: Canvas, looks: Looks) -> Field:
    x, y = canvas.x, canvas.y
    volume = {"cropped": 1.03, "short": 1.09, "fringe": 1.13, "long": 1.15}[looks.hair_cut]
    half_width, half_height = looks.half_width * volume, HEAD_HALF_HEIGHT * (volume + 0.02)
    crown = (np.abs(x / half_width) ** 2.3 + np.abs(y / half_height) ** 2.3) ** (1 / 2.3)
    tips = 0.018 * canvas.noise(looks.texture_stream("hair tips"), 0.02, 0.2)
    line = looks.hairline + tips + 0.55 * np.clip(np.abs(x) - 0.30, 0, 1) ** 1.5
    if looks.hair_cut == "fringe":
        line = looks.hairline + 0.13 + tips * 2 + 0.10 * x
    temples = ramp(0.89, 0.96, head_radius(canvas, looks) + 0.12 * np.clip(y, 0, 1))
    sides_end = {"cropped": -0.12, "short": -0.02, "fringe": 0.12, "long": 0.80}[looks.hair_cut]
    soft = 5.0 if looks.hair_cut == "cropped" else 3.0
    top = canvas.inside(y - line, soft * 2)
    sides = temples * ramp(sides_end + 0.06, sides_end - 0.06, y) * ramp(0.30, 0.40, np.abs(x))
    return np.maximum(top, sides) * canvas.inside((crown - 1.0) * 0.7, soft)


def _strands(canvas: Canvas, looks: Looks) -> Field:
    fine = canvas.noise(looks.texture_stream("strands"), 0.007, 0.09)
    locks = canvas.noise(looks.texture_stream("locks"), 0.03, 0.20)
    sheen = 1.0 + 0.25 * np.exp(-(((canvas.y + 0.62 - 0.25 * canvas.x**2) / 0.10) ** 2))
    value = np.clip((1.0 + 0.13 * fine + 0.13 * locks) * sheen, 0.4, 1.8)
    return np.asarray(np.clip(looks.hair * value[..., None], 0, 1))


def _glasses(canvas: Canvas, looks: Looks) -> Field:
    x, y = np.abs(canvas.x), canvas.y - looks.eye_y - 0.015
    rim = np.abs((np.abs((x - looks.eye_x) / 0.165) ** 3.5 + np.abs(y / 0.115) ** 3.5) ** (1 / 3.5) - 1.0) * 0.115
    bridge = np.maximum(np.abs(y + 0.03) - 0.010, x - (looks.eye_x - 0.165))
    arms = np.maximum(np.abs(y + 0.035) - 0.010, looks.eye_x + 0.165 - x)
    arms = np.maximum(arms, x - looks.half_width)
    return 0.92 * canvas.inside(np.minimum(np.minimum(rim - 0.009, bridge), arms), 2.0)
