"""Metrics of heart rate variability and of the respiration derived from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rppgbench.evaluation.metric import Better, Metric, bias, pearson, rmse, sd, subject_mean

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray
    from rppgbench.evaluation.sums import Totals

FEW = "too few windows where prediction and truth both have enough beats"


def _feature(
    name: str, label: str, feature: str, *, unit: str = "", of: str | None = None, digits: int = 3, biased: bool = False
) -> dict[str, Metric]:
    """SD, RMSE and R of a feature, as in Table 2 of Yu et al. 2019; ``of`` is its quantity in the sums."""
    quantity = of or name
    suffix, shown = (f"_{unit.lower()}", f" ({unit})") if unit else ("", "")
    where = f"of {feature}, over the windows where prediction and truth both have enough beats"

    def metric(
        statistic: str, meaning: str, compute: Callable[[Totals, str], FloatArray], better: Better, scale: str
    ) -> Metric:
        over = f"{quantity} n"
        return Metric(
            f"{label} {statistic}{shown}", unit, better, meaning, lambda sums: compute(sums, quantity), FEW, digits,
            scale, over,
        )  # fmt: skip

    metrics = {
        f"sd{suffix}": metric("SD", f"standard deviation of the error {where} (n - 1)", sd, "lower", "skewed"),
        f"rmse{suffix}": metric("RMSE", f"root of the mean squared error {where}", rmse, "lower", "skewed"),
        "r": Metric(
            f"{label} R",
            "",
            "higher",
            f"Pearson correlation {where}",
            lambda sums: pearson(sums, quantity),
            f"{FEW}, or one is constant",
            3,
            "correlation",
            f"{quantity} n",
        ),
    }
    if biased:
        metrics[f"bias{suffix}"] = metric("bias", f"mean error {where}", bias, "near 0", "plain")
    return {f"{name}_{statistic}": metric for statistic, metric in metrics.items()}


VARIABILITY: Mapping[str, Metric] = {
    "hrv_coverage": subject_mean(
        "variability",
        "HRV coverage",
        "",
        "higher",
        "of the share of windows in which prediction and truth both have enough beats for their variability, failed "
        "windows counted as without",
        "nothing scored or failed",
        scale="share",
    ),
    **_feature("sdnn", "SDNN", "the SD of intervals", unit="ms", digits=1, biased=True),
    **_feature("rmssd", "RMSSD", "the RMS of successive intervals' differences", unit="ms", digits=1, biased=True),
    **_feature("rf", "RF", "the respiration's frequency, as the beats tell it", unit="Hz"),
    "respiration_mae_brpm": subject_mean(
        "rf_error",
        "respiration MAE (brpm)",
        "1/min",
        "lower",
        "of the mean absolute error of the respiration's rate, 60 times its frequency, as the beats tell it",
        FEW,
        scale="skewed",
    ),
    **_feature("lf_nu", "LF (n.u.)", "the share of slow swings (LF of LF + HF)"),
    **_feature("hf_nu", "HF (n.u.)", "the share of fast swings (HF of LF + HF, the same numbers as of LF)", of="lf_nu"),
    **_feature("lf_hf", "LF/HF", "the ratio of slow to fast swings"),
    **_feature("log_lf_hf", "log LF/HF", "the natural logarithm of the ratio of slow to fast swings"),
}
