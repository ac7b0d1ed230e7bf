"""Frames of a head in a room: the dichromatic reflection model, seen by a noisy camera with a square-root curve.

After Wang et al., IEEE TBME 64(7), 2017: light times (albedo times (1 - pulse) + highlight), in linear light, where the
pulse takes from R, G and B in the ratio 0.33 : 0.77 : 0.53. Blood absorbs, so skin darkens at systole.

The same bytes come out on every machine: geometry is in whole numbers, and the rest of a frame is single additions,
multiplications and square roots, which IEEE 754 rounds exactly; nothing is summed over pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.face import HIGHLIGHT_ONE, PULSE_ONE, FaceTextures, MovingPart
from rppgbench_synthetic.light import Light
from rppgbench_synthetic.motion import Motion
from rppgbench_synthetic.randomness import noise_bank, on_grid
from rppgbench_synthetic.warp import Warp

PULSE_COLOUR = np.array([0.33, 0.77, 0.53]) / 0.77

Planes = NDArray[np.uint8]
Light32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_BLACK, _WHITE = np.float32(0.0), np.float32(255.0)
_SATURATED = _WHITE * _WHITE
_SKIN_LEVEL = 217


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Components of a recording.

    ``room`` is linear light (3, H, W), ``pulse`` (T,) the share of linear green light that blood takes away where the
    pulse strength is 1. ``middle`` is x and y of the middle of the face at rest, in pixels, and a canvas unit is
    ``unit_px`` pixels. ``noise_levels`` is the camera's standard deviation at mid-grey in grey levels.
    """

    face: FaceTextures
    room: Light32
    motion: Motion
    light: Light
    pulse: NDArray[np.float64]
    middle: tuple[int, int]
    unit_px: float
    noise_levels: float


class Camera:
    """Renderer of the frames of one shot."""

    def __init__(self, shot: Shot, rng: np.random.RandomState) -> None:
        self._shot = shot
        self._noise = _Noise(shot, rng)
        self._warp = Warp(shot.face, shot.motion, shot.middle, shot.unit_px, shot.room.shape[1:])
        self._absorbed = on_grid(np.outer(shot.pulse, PULSE_COLOUR) / PULSE_ONE, 32).astype(np.float32)
        # A turned head catches light on one cheek and loses it on the other; a bowed one loses the light from above.
        self._one_sided = on_grid(1.2 * shot.motion.yaw_rad / 127.5, 32).astype(np.float32)
        self._facing = on_grid(1.0 - 0.8 * shot.motion.pitch_rad, 24).astype(np.float32)

    def frames(self) -> Iterator[Planes]:
        """(3, H, W) R, G, B of each frame, in an array that the next frame overwrites."""
        for planes, _ in self._render():
            yield planes

    def frames_with_masks(self) -> Iterator[tuple[Planes, Mask]]:
        """The same frames, each with its mask (H, W) of pixels that are at least 0.85 living skin."""
        for planes, skin in self._render():
            mask = np.zeros(planes.shape[1:], dtype=np.bool_)
            mask[self._warp.rows, self._warp.columns] = skin >= _SKIN_LEVEL
            yield planes, mask

    def _render(self) -> Iterator[tuple[Planes, Planes]]:
        shot = self._shot
        picture = shot.face.picture.copy()
        linear = np.empty_like(shot.room)
        planes = np.empty(shot.room.shape, dtype=np.uint8)
        for index in range(len(shot.pulse)):
            _put(picture, shot.face.lids, float(shot.motion.lids[index]))
            _put(picture, shot.face.mouth, float(shot.motion.mouth[index]))
            self._warp.pose(index)
            *colours, cover = self._warp(picture)
            pulse, highlight, skin, side = self._warp(shot.face.weights)
            np.multiply(shot.room, shot.light.colour[index][:, None, None], out=linear)
            self._reflect(
                index, colours, cover, (pulse, highlight, side), linear[:, self._warp.rows, self._warp.columns]
            )
            self._noise.expose(index, linear, planes)
            yield planes, skin

    def _reflect(
        self, index: int, colours: Sequence[Planes], cover8: Planes, weights: Sequence[Planes], linear: Light32
    ) -> None:
        # The head over the light of the room, in place.
        light = self._shot.light
        pulse, highlight, side = (weight.astype(np.float32) for weight in weights)
        side -= np.float32(127.5)
        side *= self._one_sided[index]
        side += self._facing[index]
        highlight *= _SATURATED / np.float32(HIGHLIGHT_ONE) * light.highlight[index]
        cover = cover8.astype(np.float32)
        cover *= np.float32(1.0 / 255.0)
        for plane in range(3):
            head = colours[plane].astype(np.float32)
            head *= head
            gain = pulse * self._absorbed[index, plane]
            np.subtract(side, gain, out=gain)
            head *= gain
            head += highlight
            head *= light.colour[index, plane]
            head -= linear[plane]
            head *= cover
            linear[plane] += head


class _Noise:
    """The sensor: shot noise has one size after the square root; read noise has one size before it, so shadows are
    noisier."""

    def __init__(self, shot: Shot, rng: np.random.RandomState) -> None:
        self._shape = shot.room.shape
        self._n_values = shot.room.size
        bank = noise_bank(max(1 << 21, 4 * self._n_values))
        self._shot_noise = bank * np.float32(on_grid(0.9 * shot.noise_levels, 12)) + np.float32(0.5)
        self._read_noise = bank * np.float32(on_grid(110.0 * shot.noise_levels, 4))
        self._starts = rng.randint(0, bank.size - self._n_values, size=(len(shot.pulse), 2)).tolist()

    def expose(self, index: int, linear: Light32, planes: Planes) -> None:
        """Write linear light as bytes into ``planes``; ``linear`` is overwritten."""
        read, shot = (slice(start, start + self._n_values) for start in self._starts[index])
        linear += self._read_noise[read].reshape(self._shape)
        # NumPy's clip is three times as fast as its maximum.
        np.clip(linear, _BLACK, _SATURATED, out=linear)
        np.sqrt(linear, out=linear)
        linear += self._shot_noise[shot].reshape(self._shape)
        np.clip(linear, _BLACK, _WHITE, out=linear)
        np.copyto(planes, linear, casting="unsafe")


def _put(picture: Planes, part: MovingPart, opening: float) -> None:
    picture[part.rows, part.columns] = part.steps[round(opening * (len(part.steps) - 1))]
