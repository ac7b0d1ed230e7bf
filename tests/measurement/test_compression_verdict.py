"""Verdicts on a file's compression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rppgbench.measurement.compression_verdict import compression_effects, judge_compression
from rppgbench.media.decode import VideoInfo


def info(codec: str, bitrate_bps: float, **changes: Any) -> VideoInfo:
    facts: dict[str, Any] = {
        "path": Path("a.mp4"), "container": "mp4", "codec": codec, "pix_fmt": "yuv420p", "width": 320, "height": 240,
        "fps_hz": 30.0, "duration_s": 30.0, "bitrate_bps": bitrate_bps, "n_frames": 900, "rotation_deg": 0,
        "color_matrix": "bt601", "color_range": "limited", "color_assumed": True,
    }  # fmt: skip
    return VideoInfo(**{**facts, **changes})


def test_bits_per_pixel_of_the_published_recordings() -> None:
    """OBF: 20 Mb/s at 1080p60 are .161 bit per pixel, its strongest compression 250 kb/s .0020."""
    obf = {"width": 1920, "height": 1080, "fps_hz": 60.0}
    assert judge_compression(info("mpeg4", 20e6, **obf)).bits_per_pixel == pytest.approx(0.161, abs=5e-4)
    assert judge_compression(info("h264", 250e3, **obf)).bits_per_pixel == pytest.approx(0.0020, abs=5e-5)
    assert judge_compression(info("h264", 250e3, **obf)).effect == "destroyed"


@pytest.mark.parametrize(
    ("codec", "bitrate_bps", "effect", "confidence"),
    [
        ("mpeg4", 60e3, "destroyed", "known"),
        ("mpeg4", 250e3, "weakened", "known"),
        ("h264", 60e3, "weakened", "known"),
        ("h264", 600e3, "weakened", "likely"),
        ("h264", 2e6, "kept", "likely"),
        ("vp9", 60e3, "weakened", "likely"),  # not measured: never "known"
        ("ffv1", 5e6, "kept", "known"),
        ("mjpeg", 5e6, "unknown", "unknown"),
    ],
)
def test_effects(codec: str, bitrate_bps: float, effect: str, confidence: str) -> None:
    verdict = judge_compression(info(codec, bitrate_bps))
    assert (verdict.effect, verdict.confidence) == (effect, confidence)
    assert codec in verdict.text or effect == "kept"


def test_less_is_never_judged_better() -> None:
    order = {"kept": 2, "weakened": 1, "destroyed": 0}
    for codec in ("mpeg4", "h264", "hevc"):
        effects = [
            order[judge_compression(info(codec, rate)).effect] for rate in (5e3, 20e3, 60e3, 125e3, 250e3, 500e3, 2e6)
        ]
        assert effects == sorted(effects)


def test_every_family_says_something_of_every_rate() -> None:
    effects = compression_effects()
    formats = [name for family in effects.families for name in family.formats]
    assert len(formats) == len(set(formats)) and effects.measured <= set(formats)
    for family in effects.families:
        limits = [step.below_bits_per_pixel for step in family.steps]
        assert limits[-1] is None
        assert limits[:-1] == sorted(limit for limit in limits if limit is not None)
