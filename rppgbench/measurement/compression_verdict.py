"""Known effect of a video's compression on the pulse, by codec and bits per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rppgbench.media.decode import VideoInfo

Effect = Literal["kept", "weakened", "destroyed", "unknown"]
Confidence = Literal["known", "likely", "unknown"]

LOSSLESS = frozenset(
    {"ffv1", "utvideo", "huffyuv", "ffvhuff", "rawvideo", "v210", "magicyuv", "lagarith", "png", "qtrle", "bmp"}
)
# (bits per pixel below which, effect, confidence), in ascending order.
#
# Rendered faces, 24 subjects, 320x240 at 30 frames/s, POS: uncompressed, the pulse's SNR was 12 dB. MPEG-4 left 3.7 dB
# at .109 bit per pixel and -10 dB, no better than noise, at .054; H.264 left 2.3, 0.4 and -2.4 dB at .109, .054 and
# .026; H.265 4.5, 3.2 and 1.4 dB. The fastest preset of x264 took 9 dB of a face that talks even at .40. OBF (MPEG-4,
# .161) and MAHNOB-HCI (H.264, .152) pass for good recordings; their loss is unknown; Yu et al. (ICCV 2019)
# compress OBF to .008, .004 and .002. The MPEG-4 skin patches of Dasari et al. (npj Digital Medicine 4, 2021), .14 to
# .21, have hardly a pulse left.
_MPEG4: tuple[tuple[float, Effect, Confidence], ...] = (
    (0.055, "destroyed", "known"),
    (0.11, "weakened", "known"),
    (0.5, "weakened", "likely"),
    (float("inf"), "kept", "likely"),
)
_H264: tuple[tuple[float, Effect, Confidence], ...] = (
    (0.008, "destroyed", "likely"),
    (0.11, "weakened", "known"),
    (0.5, "weakened", "likely"),
    (float("inf"), "kept", "likely"),
)
_LIMITS = {
    **dict.fromkeys(("mpeg4", "msmpeg4v3", "msmpeg4v2", "h263", "flv1", "mpeg2video", "mpeg1video", "wmv2"), _MPEG4),
    **dict.fromkeys(("h264", "hevc", "vp8", "vp9", "av1"), _H264),
}
_MEASURED = frozenset({"mpeg4", "h264", "hevc"})
_MEASURED_SHORT_SIDE = 480


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
    if info.codec in LOSSLESS:
        return CompressionVerdict(
            bits, "kept", "known", "stored without loss; what was lost before cannot be seen here"
        )
    if info.codec not in _LIMITS:
        return CompressionVerdict(bits, "unknown", "unknown", f"nothing is known of {info.codec} and the pulse")
    effect, confidence = next((effect, confidence) for limit, effect, confidence in _LIMITS[info.codec] if bits < limit)
    # Codecs and picture sizes without measurements are taken to behave like the nearest ones with.
    if confidence == "known" and (info.codec not in _MEASURED or min(info.width, info.height) > _MEASURED_SHORT_SIDE):
        confidence = "likely"
    certainty = {"known": "is known to", "likely": "is likely to", "unknown": "may"}[confidence]
    verb = {"kept": "keep", "weakened": "weaken", "destroyed": "destroy", "unknown": "change"}[effect]
    return CompressionVerdict(
        bits, effect, confidence, f"{info.codec} at {bits:.3f} bit per pixel {certainty} {verb} the pulse"
    )
