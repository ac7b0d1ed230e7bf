"""Metrics of the video: how near it is to the reference, and what an enhancer adds to that."""

from __future__ import annotations

from collections.abc import Mapping

from rppgbench.evaluation.metric import Better, Metric, subject_mean

UNLIKE = "no reference to compare with, or every window is the reference's, bit for bit"
UNCHANGED = "no enhancer, or nothing to compare with"
FACE = "of the face clip that the method saw against the reference's"


def _seen(name: str, label: str, unit: str, what: str, *, better: Better = "higher", digits: int = 2) -> Metric:
    return subject_mean(name, label, unit, better, f"of {what} {FACE}", UNLIKE, digits=digits)


def _delta(name: str, label: str, unit: str, what: str, *, better: Better = "higher", digits: int = 2) -> Metric:
    return subject_mean(
        f"delta_{name}", label, unit, better, f"of what the enhancer adds to {what}", UNCHANGED, digits=digits
    )


QUALITY: Mapping[str, Metric] = {
    "psnr_db": _seen("psnr", "PSNR (dB)", "dB", "the PSNR"),
    "psnr_sd_db": _seen("psnr_sd", "PSNR variation (dB)", "dB", "the SD over time of the PSNR", better="lower"),
    "ssim": _seen("ssim", "SSIM", "", "the SSIM of luma", digits=4),
    "psnr_hvs_m_db": _seen("psnr_hvs_m", "PSNR-HVS-M (dB)", "dB", "the PSNR-HVS-M of luma"),
    "pulse_fidelity_db": _seen(
        "pulse_fidelity",
        "pulse fidelity (dB)",
        "dB",
        "the reference's pulse over what was done to it, in the skin's colour,",
    ),
    "pulse_gain_db": _seen(
        "pulse_gain",
        "pulse gain (dB)",
        "dB",
        "the pulse's amplitude over the reference's, in the skin's colour,",
        better="near 0",
    ),
    "delta_psnr_db": _delta("psnr", "change of PSNR (dB)", "dB", "the face clip's PSNR against the reference"),
    "psnr_sd_change_db": _delta(
        "psnr_sd", "change of PSNR variation (dB)", "dB", "the SD of the PSNR over time", better="lower"
    ),
    "delta_ssim": _delta("ssim", "change of SSIM", "", "the face clip's SSIM against the reference", digits=4),
    "delta_psnr_hvs_m_db": _delta(
        "psnr_hvs_m", "change of PSNR-HVS-M (dB)", "dB", "the face clip's PSNR-HVS-M against the reference"
    ),
    "delta_pulse_fidelity_db": _delta(
        "pulse_fidelity", "change of pulse fidelity (dB)", "dB", "the face clip's pulse fidelity"
    ),
}
