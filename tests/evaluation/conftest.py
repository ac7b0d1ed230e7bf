from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., list[dict[str, Any]]]:
    """Rows of results from (true, predicted) heart rates by subject; None as prediction is a failed window."""

    def rows(
        rates: Mapping[str, Sequence[tuple[float, float | None]]], *, entry: str = "pos", condition: str = "reference"
    ) -> list[dict[str, Any]]:
        return [
            {
                "protocol": "p", "version": 1, "digest": "d", "fold": 0, "condition": condition, "codec": "original",
                "nominal_bitrate_bps": None, "achieved_bitrate_bps": 1e6, "entry": entry, "method": entry,
                "params": "{}", "enhancer": None, "train": None, "methods_learn_from": None,
                "enhancers_learn_from": None, "seed": None, "control": False, "enhancer_control": None,
                "psnr_in_db": 30.0 + window, "psnr_out_db": 30.5 + 2 * window,
                "psnr_sd_in_db": 1.0, "psnr_sd_out_db": 0.5,
                "rf_true_hz": true / 400, "lf_nu_true": true / 200, "lf_hf_true": true / 100,
                "rf_pred_hz": None if pred is None else pred / 300, "lf_nu_pred": None if pred is None else pred / 150,
                "lf_hf_pred": None if pred is None else pred / 110,
                "label_flags": None, "truth_delay_s": None, "source": "rendered",
                "dataset": "synthetic", "tags": "{}", "subject": subject,
                "recording": f"{subject}-rest", "window": window, "start_s": 30.0 * window,
                "end_s": 30.0 * (window + 1), "hr_pred_beats_bpm": pred, "hr_pred_spectrum_bpm": pred,
                "hr_true_beats_bpm": true, "hr_true_spectrum_bpm": true, "hr_pred_bpm": pred, "hr_true_bpm": true,
                "error_bpm": None if pred is None else pred - true, "snr_db": None if pred is None else 3.0 + window,
                "status": "failed" if pred is None else "scored", "reason": "constant" if pred is None else None,
            }
            for subject, windows in rates.items()
            for window, (true, pred) in enumerate(windows)
        ]  # fmt: skip

    return rows
