"""Codecs: rate control of each, and the verification of its bitstream."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from rppgbench.contracts import Encoded
from rppgbench.errors import EncodingError
from rppgbench.media.decode import WHOLE, Part
from rppgbench_ffmpeg.build import encoder_build, instruction_set
from rppgbench_ffmpeg.codec_params import LosslessParams, Mpeg4Params, X26xParams, X264Params, X265Params
from rppgbench_ffmpeg.pictures import Pictures, pictures_of
from rppgbench_ffmpeg.stream import EncoderSettings, frame_rate, write_stream
from rppgbench_ffmpeg.verification import check_lossless, verified_psnr_db


class Mpeg4:
    """MPEG-4 Part 2 at an average bitrate: one pass, then corrections at a scaled target while they help.

    Its quantiser has a coarsest and a finest step, which bound the rate; the achieved one is recorded.
    """

    def __init__(self, **params: Any) -> None:
        self.params = Mpeg4Params(**params)

    def build(self) -> str:
        return encoder_build("mpeg4")

    def encode(self, source: Path, target: Path, fps_hz: float, *, part: Part = WHOLE) -> Encoded:
        pictures, target_bps = pictures_of(source, "yuv420p", part), 1000 * self.params.bitrate_kbps
        settings = EncoderSettings(
            encoder="mpeg4", container="mp4", pix_fmt="yuv420p", bitrate_bps=target_bps, gop=self.params.gop,
            bframes=self.params.bframes, options={"qmin": str(self.params.qmin)},
        )  # fmt: skip
        asked_bps, achieved_bps = target_bps, _write(pictures, target, settings, fps_hz)
        best_bps, best_asked_bps = achieved_bps, asked_bps
        for _ in range(self.params.retries):
            if _relative_error(best_bps, target_bps) <= self.params.tolerance:
                break
            asked_bps *= target_bps / achieved_bps
            before_bps = achieved_bps
            achieved_bps = _write(pictures, target, replace(settings, bitrate_bps=asked_bps), fps_hz)
            if _relative_error(achieved_bps, target_bps) < _relative_error(best_bps, target_bps):
                best_bps, best_asked_bps = achieved_bps, asked_bps
            if _relative_error(achieved_bps, before_bps) < 0.005:
                break  # the quantiser is at its end
        if best_asked_bps != asked_bps:
            _write(pictures, target, replace(settings, bitrate_bps=best_asked_bps), fps_hz)
        return _verified(pictures, target, settings, fps_hz, best_bps, self.build())


class _X26x:
    """x264 or x265 at an average bitrate. The first pass writes a whole stream and the plan for the second."""

    encoder: str
    fixed: str
    params: X26xParams
    min_frames_for_b: int = 0

    def build(self) -> str:
        return encoder_build(self.encoder)

    def encode(self, source: Path, target: Path, fps_hz: float, *, part: Part = WHOLE) -> Encoded:
        params = self.params
        pictures, target_bps = pictures_of(source, params.pix_fmt, part), 1000 * params.bitrate_kbps
        _refuse_odd(pictures, self.encoder, params.pix_fmt)
        settings = EncoderSettings(
            encoder=self.encoder, container="mp4", pix_fmt=params.pix_fmt, bitrate_bps=target_bps, gop=params.gop,
            bframes=params.bframes if pictures.n_frames >= self.min_frames_for_b else 0,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="rppgbench-") as folder:
            plan = Path(folder) / "pass"
            achieved_bps = _write(pictures, target, replace(settings, options=self._options(1, plan)), fps_hz)
            if params.passes == 2 or _relative_error(achieved_bps, target_bps) > params.tolerance:
                achieved_bps = _write(pictures, target, replace(settings, options=self._options(2, plan)), fps_hz)
        return _verified(pictures, target, settings, fps_hz, achieved_bps, self.build())

    def _options(self, number: int, plan: Path) -> dict[str, str]:
        path = plan.as_posix().replace("\\", "\\\\").replace(":", "\\:").replace("'", "\\'")
        own = f"{self.fixed}:asm={instruction_set()}:pass={number}:stats={path}"
        return {"preset": self.params.preset, f"{self.encoder.removeprefix('lib')}-params": own}


class X264(_X26x):
    """H.264 as x264 encodes it."""

    encoder = "libx264"
    fixed = "threads=1:lookahead-threads=1:sliced-threads=0"

    def __init__(self, **params: Any) -> None:
        self.params = X264Params(**params)


class X265(_X26x):
    """H.265 as x265 encodes it."""

    encoder = "libx265"
    fixed = "log-level=none:pools=none:frame-threads=1"
    # With B frames x265 derives decoding times from the third picture, or from unset memory without one.
    min_frames_for_b = 3

    def __init__(self, **params: Any) -> None:
        self.params = X265Params(**params)


class Lossless:
    """Ut Video, ten times as fast as FFV1: every sample of the pixel format is kept."""

    def __init__(self, **params: Any) -> None:
        self.params = LosslessParams(**params)

    def build(self) -> str:
        return encoder_build("utvideo")

    def encode(self, source: Path, target: Path, fps_hz: float, *, part: Part = WHOLE) -> Encoded:
        pix_fmt = "gbrp" if self.params.pix_fmt == "rgb" else self.params.pix_fmt
        pictures = pictures_of(source, pix_fmt, part)
        _refuse_odd(pictures, "utvideo", pix_fmt)
        settings = EncoderSettings(encoder="utvideo", container="avi", pix_fmt=pix_fmt)
        bitrate_bps = _write(pictures, target, settings, fps_hz)
        encoded = _verified(pictures, target, settings, fps_hz, bitrate_bps, self.build())
        check_lossless(target, pictures)
        return encoded


class Original:
    """The recording as it is, without encoding."""

    def build(self) -> str:
        return "none"

    def encode(self, source: Path, target: Path, fps_hz: float, *, part: Part = WHOLE) -> Encoded:
        raise EncodingError(
            f"{source}: 'original' encodes nothing", hint="read the recording itself, or use 'lossless'"
        )


def _write(pictures: Pictures, target: Path, settings: EncoderSettings, fps_hz: float) -> float:
    """Average bitrate of the written file in bit/s."""
    payload_bytes = write_stream(pictures, target, settings, fps_hz)
    return float(8 * payload_bytes * frame_rate(fps_hz) / pictures.n_frames)


def _verified(
    pictures: Pictures, target: Path, settings: EncoderSettings, fps_hz: float, bitrate_bps: float, build: str
) -> Encoded:
    psnr_y_db = verified_psnr_db(target, pictures, pictures.n_frames, frame_rate(fps_hz))
    return Encoded(
        n_frames=pictures.n_frames,
        bitrate_bps=bitrate_bps,
        pix_fmt=settings.pix_fmt,
        encoder_build=build,
        psnr_y_db=psnr_y_db,
        target_bps=settings.bitrate_bps,
    )


def _relative_error(one_bps: float, other_bps: float) -> float:
    return abs(one_bps - other_bps) / other_bps


def _refuse_odd(pictures: Pictures, encoder: str, pix_fmt: str) -> None:
    width, height = pictures.size
    if (pix_fmt in ("yuv420p", "yuv422p") and width % 2) or (pix_fmt == "yuv420p" and height % 2):
        raise EncodingError(
            f"{pictures.source}: {width}x{height} cannot be encoded by {encoder} in {pix_fmt}, which needs even sides",
            hint="set pix_fmt: yuv444p, or crop the recording to even sides",
        )
