from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., list[dict[str, Any]]]:
    """Result rows of (true, predicted) heart rates by subject; a prediction of None is a failed window."""

    def rows(
        rates: Mapping[str, Sequence[tuple[float, float | None]]],
        *,
        entry: str = "pos",
        condition: str = "reference",
        folds: int = 1,
    ) -> list[dict[str, Any]]:
        return [
            {
                "protocol": "p", "version": 1, "digest": "d", "fold": number % folds,
                "condition": condition, "codec": "original",
                "nominal_bitrate_bps": None, "achieved_bitrate_bps": 1e6, "entry": entry, "method": entry,
                "params": "{}", "enhancer": None, "train": None, "methods_learn_from": None,
                "enhancers_learn_from": None, "seed": None, "control": False, "enhancer_control": None,
                "psnr_in_db": 30.0 + window, "psnr_out_db": 30.5 + 2 * window,
                "psnr_sd_in_db": 1.0, "psnr_sd_out_db": 0.5,
                "rf_true_hz": true / 400, "lf_nu_true": true / 200, "lf_hf_true": true / 100,
                "rf_pred_hz": None if pred is None else pred / 300, "lf_nu_pred": None if pred is None else pred / 150,
                "lf_hf_pred": None if pred is None else pred / 110,
                "macc": None if pred is None else 0.9 / (1 + window), "macc_null": 0.2 / (1 + window),
                "beats_pred": None if pred is None else round(pred / 2), "beats_true": round(true / 2),
                "beat_delay_s": 0.1,
                "beats_matched_50ms": None if pred is None else round(min(pred, true) / 6),
                "beats_matched_100ms": None if pred is None else round(min(pred, true) / 4),
                "beats_matched_150ms": None if pred is None else round(min(pred, true) / 3),
                "ibi_mae_ms": None if pred is None else 10.0 + window,
                "intervals_pred": None if pred is None else round(pred / 2) - 1, "intervals_pred_dropped": 0,
                "intervals_true": round(true / 2) - 1, "intervals_true_dropped": 0,
                "sdnn_pred_ms": None if pred is None else pred / 2, "sdnn_true_ms": true / 3,
                "rmssd_pred_ms": None if pred is None else pred / 4, "rmssd_true_ms": true / 5,
                "ssim_in": 0.9, "ssim_out": 0.9 + 0.01 * window,
                "psnr_hvs_m_in_db": 31.0 + window, "psnr_hvs_m_out_db": 32.0 - window,
                "pulse_fidelity_in_db": 5.0 + window, "pulse_fidelity_out_db": 4.0 - window,
                "pulse_gain_in_db": -1.0 - window, "pulse_gain_out_db": -2.0,
                "label_flags": None, "truth_delay_s": None, "source": "rendered",
                "dataset": "synthetic", "tags": "{}", "subject": subject,
                "recording": f"{subject}-rest", "window": window, "start_s": 30.0 * window,
                "end_s": 30.0 * (window + 1), "hr_pred_beats_bpm": pred, "hr_pred_spectrum_bpm": pred,
                "hr_true_beats_bpm": true, "hr_true_spectrum_bpm": true, "hr_pred_bpm": pred, "hr_true_bpm": true,
                "error_bpm": None if pred is None else pred - true, "snr_db": None if pred is None else 3.0 + window,
                "status": "failed" if pred is None else "scored", "reason": "constant" if pred is None else None,
            }
            for number, (subject, windows) in enumerate(rates.items())
            for window, (true, pred) in enumerate(windows)
        ]  # fmt: skip

    return rows


@pytest.fixture(scope="session")
def rows_of_errors() -> Callable[..., list[dict[str, Any]]]:
    """Result rows of ``(S, W)`` errors in bpm by entry and condition, NaN a failed window. Truths are 60, 61, ... bpm.

    ``changes`` go into every row.
    """

    def rows(errors_bpm: Mapping[tuple[str, str], Any], **changes: Any) -> list[dict[str, Any]]:
        return [
            {
                "digest": "d", "entry": entry, "condition": condition, "control": entry.startswith("control"),
                "subject": f"s{s:02d}", "recording": f"s{s:02d}-rest", "window": w, "fold": s % 3, "seed": None,
                "hr_true_bpm": 60.0 + s, "error_bpm": None if error != error else float(error),
                "snr_db": None if error != error else 10 - abs(float(error)),
                "status": "failed" if error != error else "scored", **changes,
            }
            for (entry, condition), of_subjects in errors_bpm.items()
            for s, windows in enumerate(of_subjects)
            for w, error in enumerate(windows)
        ]  # fmt: skip

    return rows
