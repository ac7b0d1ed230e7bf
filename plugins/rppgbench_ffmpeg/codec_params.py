"""Params of each codec."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rppgbench.contracts import Params

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]


class RateParams(Params):
    """Encoding at an average bitrate."""

    bitrate_kbps: float = Field(gt=0, description="target average of the video stream's payload, 1000 bit/s")
    tolerance: float = Field(
        0.05, gt=0, lt=1, description="share of the target by which the average may miss before it is encoded again"
    )


class Mpeg4Params(RateParams):
    """MPEG-4 Part 2 as libavcodec encodes it."""

    gop: int = Field(12, ge=1, le=600, description="frames from one key frame to the next at most")
    bframes: int = Field(0, ge=0, le=16, description="B frames in a row at most")
    qmin: int = Field(2, ge=1, le=31, description="finest quantiser scale; it bounds the rate of a quiet picture")
    retries: int = Field(2, ge=0, le=5, description="encodes at a scaled target when the average misses; one pass each")


class X26xParams(RateParams):
    """Params shared by x264 and x265."""

    preset: Preset = Field("medium", description="the encoder's own name for a trade of time against quality")
    gop: int = Field(250, ge=1, le=600, description="frames from one key frame to the next at most")
    bframes: int | None = Field(None, ge=0, le=16, description="B frames in a row at most; the preset's own if None")
    pix_fmt: Literal["yuv420p", "yuv422p", "yuv444p"] = Field("yuv420p", description="chroma resolution")
    passes: Literal[1, 2] = Field(
        2, description="2 plans the rate over the whole recording; 1 does so only where one pass misses the tolerance"
    )

    def cost_factor(self) -> float:
        """Encoding time relative to preset medium, measured on noisy 1920x1080."""
        return 0.6 if self.preset in ("ultrafast", "superfast", "veryfast", "faster") else 1.0


class X264Params(X26xParams):
    """H.264 as x264 encodes it."""


class X265Params(X26xParams):
    """H.265 as x265 encodes it."""


class LosslessParams(Params):
    """Pixel format of a control without quantisation."""

    pix_fmt: Literal["rgb", "yuv444p", "yuv422p", "yuv420p"] = Field(
        "rgb", description="rgb is bit-exact; the others are exact after one conversion to 8-bit limited-range YUV"
    )
