"""Codecs of the FFmpeg family from PyAV's wheels: no ``ffmpeg`` program is needed."""

from __future__ import annotations

from collections.abc import Iterator

from rppgbench.contracts import CodecSpec
from rppgbench.hookspecs import hookimpl
from rppgbench_ffmpeg.codec_params import LosslessParams, Mpeg4Params, X264Params, X265Params

_FACTORIES = "rppgbench_ffmpeg.codecs"
# Costs are of preset medium and two passes, on noisy 1920x1080; pictures that hardly move take down to a tenth of it.
# An encoder looks some 60 frames ahead and keeps what it refers to.


@hookimpl
def rppgbench_codecs() -> Iterator[CodecSpec]:
    """Three lossy codecs at an average bitrate, and two controls."""
    yield CodecSpec(
        name="mpeg4",
        factory=f"{_FACTORIES}:Mpeg4",
        params=Mpeg4Params,
        rehearsal={"retries": 0},
        encoder="mpeg4",
        label="mpeg4-{bitrate_kbps:g}k",
        seconds_per_megapixel=0.023,
        summary="MPEG-4 Part 2 at an average bitrate, one pass and up to two corrections",
        cite="ISO/IEC 14496-2",
        license="LGPL-2.1-or-later (libavcodec)",
    )
    yield CodecSpec(
        name="x264",
        factory=f"{_FACTORIES}:X264",
        params=X264Params,
        rehearsal={"preset": "ultrafast", "passes": 1, "tolerance": 0.99},
        encoder="libx264",
        label="x264-{bitrate_kbps:g}k",
        seconds_per_megapixel=0.057,
        memory_bytes_per_pixel=200.0,
        summary="H.264 at an average bitrate, two passes",
        cite="ITU-T H.264",
        license="GPL-2.0-or-later (x264)",
    )
    yield CodecSpec(
        name="x265",
        factory=f"{_FACTORIES}:X265",
        params=X265Params,
        rehearsal={"preset": "ultrafast", "passes": 1, "tolerance": 0.99},
        encoder="libx265",
        label="x265-{bitrate_kbps:g}k",
        seconds_per_megapixel=0.15,
        memory_bytes_per_pixel=400.0,
        summary="H.265 at an average bitrate, two passes",
        cite="ITU-T H.265",
        license="GPL-2.0-or-later (x265)",
    )
    yield CodecSpec(
        name="lossless",
        factory=f"{_FACTORIES}:Lossless",
        params=LosslessParams,
        encoder="utvideo",
        label="lossless-{pix_fmt}",
        lossless=True,
        summary="No quantisation: the pixel format's effect alone",
        license="LGPL-2.1-or-later (libavcodec)",
    )
    yield CodecSpec(
        name="original",
        factory=f"{_FACTORIES}:Original",
        encoder=None,
        label="original",
        lossless=True,
        summary="The recording as it is",
    )
