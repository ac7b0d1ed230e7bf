"""Metrics of video quality against the reference, and of its change by an enhancer."""

from __future__ import annotations

from collections.abc import Mapping

from rppgbench.evaluation.metric import Better, Metric, subject_mean

UNLIKE = "no reference to compare with, or every window is the reference's, bit for bit"
UNCHANGED = "no enhancer, or nothing to compare with"
FACE = "of the face clip that the method saw against the reference's"


def _clip(name: str, label: str, unit: str, quantity: str, *, better: Better = "higher", digits: int = 2) -> Metric:
    return subject_mean(name, label, unit, better, f"of {quantity} {FACE}", UNLIKE, digits=digits)


def _change(name: str, label: str, unit: str, quantity: str, *, better: Better = "higher", digits: int = 2) -> Metric:
    return subject_mean(
        f"delta_{name}", label, unit, better, f"of what the enhancer adds to {quantity}", UNCHANGED, digits=digits
    )


QUALITY: Mapping[str, Metric] = {
    "psnr_db": _clip("psnr", "PSNR (dB)", "dB", "the PSNR"),
    "psnr_sd_db": _clip("psnr_sd", "PSNR variation (dB)", "dB", "the SD over time of the PSNR", better="lower"),
    "ssim": _clip("ssim", "SSIM", "", "the SSIM of luma", digits=4),
    "psnr_hvs_m_db": _clip("psnr_hvs_m", "PSNR-HVS-M (dB)", "dB", "the PSNR-HVS-M of luma"),
    "pulse_fidelity_db": _clip(
        "pulse_fidelity",
        "pulse fidelity (dB)",
        "dB",
        "the reference's pulse over what was done to it, in the skin's colour,",
    ),
    "pulse_gain_db": _clip(
        "pulse_gain",
        "pulse gain (dB)",
        "dB",
        "the pulse's amplitude over the reference's, in the skin's colour,",
        better="near 0",
    ),
    "delta_psnr_db": _change("psnr", "change of PSNR (dB)", "dB", "the face clip's PSNR against the reference"),
    "psnr_sd_change_db": _change(
        "psnr_sd", "change of PSNR variation (dB)", "dB", "the SD of the PSNR over time", better="lower"
    ),
    "delta_ssim": _change("ssim", "change of SSIM", "", "the face clip's SSIM against the reference", digits=4),
    "delta_psnr_hvs_m_db": _change(
        "psnr_hvs_m", "change of PSNR-HVS-M (dB)", "dB", "the face clip's PSNR-HVS-M against the reference"
    ),
    "delta_pulse_fidelity_db": _change(
        "pulse_fidelity", "change of pulse fidelity (dB)", "dB", "the face clip's pulse fidelity"
    ),
}
