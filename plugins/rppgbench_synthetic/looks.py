"""Looks of a face: features, colours and the strength of its pulse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rppgbench_synthetic.canvas import Field
from rppgbench_synthetic.cohort import SKIN_TONES, Subject
from rppgbench_synthetic.randomness import stream

HairCut = Literal["short", "fringe", "long", "cropped", "bald"]

# Display colours of skin facing the light, Fitzpatrick I to VI.
_SKIN = np.array(
    [[243, 207, 188], [229, 183, 158], [211, 161, 130], [177, 124, 93], [134, 89, 64], [90, 60, 46]], dtype=np.float64
)
# Share of the blood volume's signal that melanin lets through.
_TRANSMISSION = (1.0, 0.96, 0.9, 0.8, 0.68, 0.56)

_HAIR = {
    "black": (0.10, 0.085, 0.08),
    "dark brown": (0.20, 0.145, 0.11),
    "brown": (0.33, 0.23, 0.16),
    "blond": (0.66, 0.53, 0.34),
    "red": (0.52, 0.26, 0.14),
    "grey": (0.55, 0.54, 0.53),
}
_HAIR_OF_TONE = {
    "I": ("blond", "red", "brown", "grey"),
    "II": ("brown", "blond", "dark brown", "grey"),
    "III": ("dark brown", "brown", "black", "grey"),
    "IV": ("dark brown", "black", "black", "grey"),
    "V": ("black", "dark brown", "black", "dark brown"),
    "VI": ("black", "black", "black", "dark brown"),
}
_CUTS: dict[str, tuple[HairCut, ...]] = {
    "bearded": ("short", "cropped", "bald", "short"),
    "shaven": ("fringe", "long", "short", "long"),
}
_IRIS = {"light": ((0.36, 0.47, 0.58), (0.38, 0.44, 0.33), (0.35, 0.25, 0.16)), "dark": ((0.24, 0.15, 0.10),)}


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Lengths are in canvas units, colours display values in [0, 1]; ``pulse_share`` is the green signal's height."""

    seed: tuple[object, ...]
    skin: Field
    hair: Field
    iris: Field
    lips: Field
    half_width: float
    jaw: float
    eye_x: float
    eye_y: float
    eye_half_width: float
    brow_thickness: float
    nose_height: float
    nose_width: float
    mouth_y: float
    mouth_half_width: float
    lip_fullness: float
    hair_cut: HairCut
    hairline: float
    beard: Literal["none", "stubble", "full"]
    glasses: bool
    light_x: float
    light_y: float
    oil: float
    pulse_share: float

    def texture_stream(self, name: str) -> np.random.RandomState:
        """The random numbers of one texture of this face."""
        return stream(*self.seed, name)


def looks_of(subject: Subject) -> Looks:
    """The looks of ``subject``; the pulse is 0.5-1.6 % of the green mean from foot to peak, less behind melanin."""
    rng = stream(*subject.looks)
    tone = SKIN_TONES.index(subject.skin_tone)
    skin = np.clip(_SKIN[tone] * rng.uniform(0.95, 1.04) + rng.uniform(-4, 4, 3), 30, 250) / 255
    hair = np.array(_HAIR[_HAIR_OF_TONE[subject.skin_tone][rng.randint(4)]]) * rng.uniform(0.85, 1.15)
    irises = _IRIS["light" if tone < 3 else "dark"]
    bearded = rng.random_sample() < 0.45
    cuts = _CUTS["bearded" if bearded else "shaven"]
    return Looks(
        seed=subject.looks,
        skin=skin,
        hair=hair,
        iris=np.array(irises[rng.randint(len(irises))]),
        lips=skin * np.array([0.90, 0.62, 0.64]),
        half_width=rng.uniform(0.56, 0.62),
        jaw=rng.uniform(0.10, 0.20),
        eye_x=rng.uniform(0.235, 0.265),
        eye_y=rng.uniform(-0.11, -0.07),
        eye_half_width=rng.uniform(0.105, 0.12),
        brow_thickness=rng.uniform(0.020, 0.032),
        nose_height=rng.uniform(0.13, 0.19),
        nose_width=rng.uniform(0.055, 0.078) + 0.004 * tone,
        mouth_y=rng.uniform(0.43, 0.47),
        mouth_half_width=rng.uniform(0.17, 0.205),
        lip_fullness=rng.uniform(0.85, 1.1) + 0.05 * tone,
        hair_cut=cuts[rng.randint(4)],
        hairline=rng.uniform(-0.60, -0.50),
        beard=("stubble", "full", "stubble", "full")[rng.randint(4)] if bearded else "none",
        glasses=bool(rng.random_sample() < 0.25),
        light_x=rng.uniform(-0.5, 0.5),
        light_y=rng.uniform(-0.6, -0.3),
        oil=rng.uniform(0.4, 1.3),
        pulse_share=float(np.clip(rng.uniform(0.010, 0.016) * _TRANSMISSION[tone], 0.0065, 0.016)),
    )
