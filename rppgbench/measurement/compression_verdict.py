"""Known effect of a video's compression on the pulse, by codec and bits per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rppgbench.protocol.protocol_file import Frozen

if TYPE_CHECKING:
    from rppgbench.media.decode import VideoInfo

Effect = Literal["kept", "weakened", "destroyed", "unknown"]
Confidence = Literal["known", "likely", "unknown"]

_FILE = Path(__file__).with_name("compression_effects.json")


class Step(Frozen):
    """The effect below a number of bits per pixel, None for any number."""

    below_bits_per_pixel: float | None
    effect: Effect
    confidence: Confidence


class Family(Frozen):
    """Formats of one generation, with ``steps`` in ascending order of bits per pixel."""

    formats: frozenset[str]
    steps: tuple[Step, ...]


class CompressionEffects(Frozen):
    """Known effects of compression, by FFmpeg's names of formats; ``about`` is where they come from."""

    about: tuple[str, ...]
    lossless: frozenset[str]
    measured: frozenset[str]
    measured_short_side: int
    families: tuple[Family, ...]

    def step(self, codec: str, bits_per_pixel: float) -> Step | None:
        """The step that a format's bits per pixel fall into, None for an unknown format."""
        for family in self.families:
            if codec in family.formats:
                limits = ((step, step.below_bits_per_pixel) for step in family.steps)
                return next(step for step, below in limits if below is None or bits_per_pixel < below)
        return None


@lru_cache(maxsize=1)
def compression_effects() -> CompressionEffects:
    """The table in ``compression_effects.json``."""
    return CompressionEffects.model_validate_json(_FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class CompressionVerdict:
    """Effect of compression; ``bits_per_pixel`` is per frame, ``confidence`` that of the effect for such a file."""

    bits_per_pixel: float
    effect: Effect
    confidence: Confidence
    text: str


def judge_compression(info: VideoInfo) -> CompressionVerdict:
    """Known effect of this file's compression on the pulse; earlier compressions of the video are not visible here."""
    pixels_per_s = info.width * info.height * info.fps_hz
    bits = info.bitrate_bps / pixels_per_s if pixels_per_s else 0.0
    effects = compression_effects()
    if info.codec in effects.lossless:
        return CompressionVerdict(
            bits, "kept", "known", "stored without loss; what was lost before cannot be seen here"
        )
    step = effects.step(info.codec, bits)
    if step is None:
        return CompressionVerdict(bits, "unknown", "unknown", f"nothing is known of {info.codec} and the pulse")
    effect, confidence = step.effect, step.confidence
    # Formats and sizes of picture without measurements are taken to behave like their nearest relatives.
    like_measured = info.codec in effects.measured and min(info.width, info.height) <= effects.measured_short_side
    if confidence == "known" and not like_measured:
        confidence = "likely"
    certainty = {"known": "is known to", "likely": "is likely to", "unknown": "may"}[confidence]
    verb = {"kept": "keep", "weakened": "weaken", "destroyed": "destroy", "unknown": "change"}[effect]
    return CompressionVerdict(
        bits, effect, confidence, f"{info.codec} at {bits:.3f} bit per pixel {certainty} {verb} the pulse"
    )
