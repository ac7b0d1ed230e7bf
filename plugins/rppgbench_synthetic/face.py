"""Textures of a subject's head: colour, strength of the pulse, and moving parts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic import features, hair
from rppgbench_synthetic.canvas import Canvas, Field, Layer, ramp
from rppgbench_synthetic.cohort import Subject
from rppgbench_synthetic.looks import Looks, looks_of
from rppgbench_synthetic.relief import NECK_HALF_WIDTH, head_radius, height_map, light

LEFT, RIGHT, TOP, BOTTOM = -0.92, 0.92, -1.0, 1.22
LID_STEPS = 5
MOUTH_STEPS = 6

# What stands for 1 in the textures of pulse strength, highlights and depth.
PULSE_ONE = 128
HIGHLIGHT_ONE = 1020
DEPTH_ONE = 128

Texture = NDArray[np.uint8]
_Region = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class MovingPart:
    """Pictures (K, h, w, 4) of a part of the head from shut to open or the reverse, and its place in the texture."""

    rows: slice
    columns: slice
    steps: Texture


@dataclass(frozen=True, kw_only=True)
class FaceTextures:
    """Textures of a head.

    ``picture`` (h, w, 4): display R, G, B without highlights, and opacity. ``weights`` (h, w, 4): strength of the
    pulse (128 is 1), of highlights (1020 is white), share of skin, and place from left to right.
    ``depth`` (h, w): distance in front of the ears (128 is one unit). The middle of the face is at texel ``origin``
    (x, y), and a unit has ``scale`` texels.
    """

    picture: Texture
    weights: Texture
    depth: NDArray[np.int16]
    lids: MovingPart
    mouth: MovingPart
    origin: tuple[int, int]
    scale: float


@functools.lru_cache(maxsize=2)
def paint_face(subject: Subject, scale: float) -> FaceTextures:
    """The face of ``subject`` at ``scale`` texels a unit, the same in all sessions."""
    looks = looks_of(subject)
    canvas = Canvas.blank(LEFT, TOP, RIGHT, BOTTOM, 1.0 / scale)
    height = height_map(canvas, looks)
    shade, highlight = light(canvas, height, looks)

    hair.paint_behind(canvas, looks)
    _paint_skin(canvas, looks)
    features.paint_nose(canvas, looks)
    features.paint_brows(canvas, looks)
    hair.paint_beard(canvas, looks)
    over = hair.front_layers(canvas, looks)

    def moving(left: float, top: float, right: float, bottom: float, n_steps: int, paint: _Painter) -> MovingPart:
        region = _region(canvas, left, top, right, bottom)
        steps = [
            _picture(_finished(canvas, looks, over, region, paint, step / (n_steps - 1)), shade[region])
            for step in range(n_steps)
        ]
        return MovingPart(rows=region[0], columns=region[1], steps=np.stack(steps))

    eyes = looks.eye_y
    lids = moving(-0.45, eyes - 0.13, 0.45, eyes + 0.08, LID_STEPS, features.paint_eyes)
    mouth = moving(-0.30, looks.mouth_y - 0.10, 0.30, looks.mouth_y + 0.22, MOUTH_STEPS, features.paint_mouth)

    features.paint_eyes(canvas.part(lids.rows, lids.columns), looks, 0.0)
    features.paint_mouth(canvas.part(mouth.rows, mouth.columns), looks, 0.0)
    for layer in over:
        canvas.paint(layer.mask, layer.colour)
    return FaceTextures(
        picture=_picture(canvas, shade),
        weights=_weights(canvas, looks, highlight),
        depth=np.rint(height * DEPTH_ONE).astype(np.int16),
        lids=lids,
        mouth=mouth,
        origin=(round(-LEFT * scale), round(-TOP * scale)),
        scale=scale,
    )


_Painter = Callable[[Canvas, Looks, float], None]


def _paint_skin(canvas: Canvas, looks: Looks) -> None:
    x, y = canvas.x, canvas.y
    skin = np.broadcast_to(looks.skin, canvas.colour.shape).copy()
    mottle = 0.020 * canvas.noise(looks.texture_stream("mottle"), 0.10, 0.10)
    mottle += 0.012 * canvas.noise(looks.texture_stream("blotches"), 0.025, 0.025)
    mottle += 0.010 * canvas.noise(looks.texture_stream("pores"), 0.006, 0.006)
    skin *= 1.0 + mottle[..., None]
    # Blood near the surface absorbs green and blue.
    flush = 0.10 * (canvas.bump(-0.31, 0.18, 0.12, 0.10) + canvas.bump(0.31, 0.18, 0.12, 0.10))
    flush += 0.09 * canvas.bump(0, 0.21, 0.07, 0.06) + 0.08 * (np.abs(x) > looks.half_width * 0.98)
    skin *= 1.0 - flush[..., None] * np.array([0.1, 1.0, 0.8])

    sag = 1.10 - 0.9 * x**2
    neck = canvas.inside(np.abs(x) - NECK_HALF_WIDTH - 0.10 * ramp(0.85, 1.2, y), 2.5) * canvas.inside(y - sag, 2.5)
    canvas.paint(neck * (y > 0.2), skin * 0.96, skin=1.0)
    for side in (-1.0, 1.0):
        canvas.paint(canvas.ellipse(side * looks.half_width * 0.985, 0.03, 0.075, 0.165), skin * 0.95, skin=1.0)
    canvas.paint(canvas.inside((head_radius(canvas, looks) - 1.0) * looks.half_width), skin, skin=1.0)


def _region(canvas: Canvas, left: float, top: float, right: float, bottom: float) -> _Region:
    column, row = (np.array([left, right]) - LEFT) / canvas.texel, (np.array([top, bottom]) - TOP) / canvas.texel
    return slice(int(row[0]), int(row[1])), slice(int(column[0]), int(column[1]))


def _finished(
    canvas: Canvas, looks: Looks, over: Sequence[Layer], region: _Region, paint: _Painter, step: float
) -> Canvas:
    part = canvas.part(*region).copy()
    paint(part, looks, step)
    for layer in over:
        cut = layer.part(*region)
        part.paint(cut.mask, cut.colour)
    return part


def _picture(canvas: Canvas, shade: Field) -> Texture:
    # The camera's curve is a square root, so shading that multiplies light multiplies display values by its root.
    shown = np.clip(canvas.colour * np.sqrt(shade)[..., None], 0, 1)
    return _bytes(np.concatenate([shown, canvas.cover[..., None]], axis=-1) * 255.0)


def _weights(canvas: Canvas, looks: Looks, highlight: Field) -> Texture:
    strength = 0.95 + 0.40 * canvas.bump(0, -0.36, 0.26, 0.13) - 0.35 * ramp(0.62, 0.85, canvas.y)
    for side in (-1.0, 1.0):
        strength += 0.40 * canvas.bump(side * 0.32, 0.16, 0.13, 0.13)
    place = 0.5 + 0.5 * canvas.x / looks.half_width
    weights = [
        canvas.skin * strength * PULSE_ONE,
        highlight * canvas.skin * HIGHLIGHT_ONE,
        canvas.skin * 255.0,
        place * 255.0,
    ]
    return _bytes(np.stack(weights, axis=-1))


def _bytes(values: Field) -> Texture:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
