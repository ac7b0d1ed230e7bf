"""Metrics of heart rate, pulse wave and beats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.evaluation.metric import (
    CONSTANT,
    Metric,
    bias,
    concordance,
    correlation,
    pearson,
    ratio,
    rmse,
    sd,
    slope,
    subject_mean,
)
from rppgbench.evaluation.sums import TOLERANCES_MS, Totals

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray


def _r_within(sums: Totals) -> FloatArray:
    n = sums["hr_within n"]
    return correlation(*(ratio(sums[f"hr_within {name}"], n) for name in ("pred2", "true2", "product")))


def _skill(sums: Totals) -> FloatArray:
    constant_error = sums["constant_error mean"]
    return np.where(constant_error > CONSTANT, 1 - ratio(sums["skill_error mean"], constant_error), np.nan)


def _beats(tolerance_ms: int) -> dict[str, Metric]:
    where = f"within {tolerance_ms} ms, counted over all scored windows of the subject"
    uncounted = "no beats counted"
    found = {
        f"beat_f1_{tolerance_ms}ms": subject_mean(
            f"beat_f1_{tolerance_ms}ms",
            f"beat F1, {tolerance_ms} ms",
            "",
            "higher",
            f"of 2 x matched over predicted and true beats, {where}",
            uncounted,
            digits=3,
            scale="share",
        )
    }
    if tolerance_ms == max(TOLERANCES_MS):
        for name, of in (("precision", "predicted"), ("recall", "true")):
            found[f"beat_{name}_{tolerance_ms}ms"] = subject_mean(
                f"beat_{name}_{tolerance_ms}ms",
                f"beat {name}, {tolerance_ms} ms",
                "",
                "higher",
                f"of the share of {of} beats that are matched {where}",
                f"{uncounted}, or no {of} ones",
                digits=3,
                scale="share",
            )
    return found


RATES: Mapping[str, Metric] = {
    "hr_mae_bpm": subject_mean(
        "error", "HR MAE (bpm)", "1/min", "lower", "of the subject's mean absolute error", scale="skewed"
    ),
    "hr_mae_median_bpm": Metric(
        "HR MAE, median subject (bpm)",
        "1/min",
        "lower",
        "median over subjects of the subject's mean absolute error",
        lambda sums: sums.median("error"),
        scale="order",
        over="error subjects",
    ),
    "hr_mae_pooled_bpm": Metric(
        "HR MAE, pooled (bpm)",
        "1/min",
        "lower",
        "mean absolute error over all windows",
        lambda sums: ratio(sums["hr abs"], sums["hr n"]),
        scale="skewed",
    ),
    "hr_mape": subject_mean(
        "percent",
        "HR MAPE (%)",
        "%",
        "lower",
        "of the subject's mean absolute error in per cent of the true rate",
        scale="skewed",
    ),
    "hr_rmse_bpm": Metric(
        "HR RMSE (bpm)",
        "1/min",
        "lower",
        "root of the mean squared error over all windows",
        lambda sums: rmse(sums, "hr"),
        scale="skewed",
    ),
    "hr_sd_bpm": Metric(
        "HR SD (bpm)",
        "1/min",
        "lower",
        "standard deviation of the error over all windows (n - 1)",
        lambda sums: sd(sums, "hr"),
        "fewer than 2 windows scored",
        scale="skewed",
    ),
    "hr_bias_bpm": Metric(
        "HR bias (bpm)",
        "1/min",
        "near 0",
        "mean error over all windows",
        lambda sums: bias(sums, "hr"),
    ),
    "hr_r": Metric(
        "HR R",
        "",
        "higher",
        "Pearson correlation of predicted and true rates over all windows",
        lambda sums: pearson(sums, "hr"),
        "nothing scored, constant predictions or constant truth",
        scale="correlation",
    ),
    "hr_r_within": Metric(
        "HR R within subjects",
        "",
        "higher",
        "Pearson correlation of predicted and true rates about the subject's own means (Bland & Altman 1995), over "
        "subjects with two windows or more",
        _r_within,
        "no subject with two windows scored, or predictions or truth constant within each",
        scale="correlation",
        over="hr_within n",
    ),
    "hr_ccc": Metric(
        "HR CCC",
        "",
        "higher",
        "Lin's concordance of predicted and true rates over all windows: 0 for constant predictions",
        lambda sums: concordance(sums, "hr"),
        "nothing scored, or predictions and truth are the same constant",
        scale="correlation",
    ),
    "hr_slope": Metric(
        "HR slope",
        "",
        "near 1",
        "slope of predicted on true rates over all windows: below 1 predictions shrink towards their mean, 0 for "
        "constant predictions",
        lambda sums: slope(sums, "hr"),
        "nothing scored, or constant truth",
    ),
    "within_5_bpm": subject_mean(
        "within_bpm",
        "within 5 bpm",
        "",
        "higher",
        "of the share of windows within 5 bpm, failed windows counted as not within",
        "nothing scored or failed",
        scale="share",
    ),
    "within_10_percent": subject_mean(
        "within_share",
        "within 10 %",
        "",
        "higher",
        "of the share of windows within 10 % of the true rate, failed windows counted as not within",
        "nothing scored or failed",
        scale="share",
    ),
    "skill": Metric(
        "skill",
        "",
        "higher",
        "1 - the macro MAE over that of a constant, the mean rate of the other folds' subjects, in the same windows: "
        "0 is no better than knowing nothing, 1 is perfect",
        _skill,
        "nothing scored, one fold only, or a constant that is always right",
        scale="skewed",
        over="skill_error subjects",
    ),
}

PULSES: Mapping[str, Metric] = {
    "snr_db": subject_mean(
        "snr",
        "pulse SNR (dB)",
        "dB",
        "higher",
        "of the subject's mean signal-to-noise ratio about the true rate",
        "no quality known",
    ),
    "macc": subject_mean(
        "macc",
        "MACC",
        "",
        "higher",
        "of the highest correlation of predicted and true pulse within half a second of lag",
        "no pulse wave to compare with",
        digits=3,
        scale="correlation",
    ),
    "macc_null": subject_mean(
        "macc_null",
        "MACC by chance",
        "",
        "near 0",
        "of the same against another subject's true pulse: what MACC is of waves that have nothing in common",
        "no pulse wave of another subject to compare with",
        digits=3,
        scale="correlation",
    ),
    **{name: metric for tolerance_ms in TOLERANCES_MS for name, metric in _beats(tolerance_ms).items()},
    "ibi_mae_ms": subject_mean(
        "ibi",
        "IBI MAE (ms)",
        "ms",
        "lower",
        "of the mean absolute error of the intervals between matched beats",
        "no two successive beats matched",
        digits=1,
        scale="skewed",
    ),
}
