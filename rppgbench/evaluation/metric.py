"""Metric definitions, and the statistics of sums that they are computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rppgbench.evaluation.sums import Totals

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

Better = Literal["lower", "higher", "near 0", "near 1"]
# Variance below which a quantity is taken as constant, in its unit squared; rounding leaves about a hundredth of it.
CONSTANT = 1e-12


@dataclass(frozen=True)
class Metric:
    """A metric: ``of`` computes its values ``(draws,)`` from sums, NaN where undefined, as ``undefined`` describes.

    ``label`` heads a column and ``digits`` is the number of decimals shown. ``scale`` is its interval's method, one of
    ``intervals.SCALES``, "skewed" or "order", and ``over`` the sum that is not 0 for the subjects that the metric
    depends on.
    """

    label: str
    unit: str
    better: Better
    meaning: str
    of: Callable[[Totals], FloatArray]
    undefined: str = "nothing scored"
    digits: int = 2
    scale: str = "plain"
    over: str = "hr n"


def subject_mean(
    name: str,
    label: str,
    unit: str,
    better: Better,
    meaning: str,
    undefined: str = "nothing scored",
    *,
    digits: int = 2,
    scale: str = "plain",
) -> Metric:
    """Metric of the mean over subjects of the sums' ``name``; ``meaning`` continues "mean over subjects"."""
    return Metric(
        label,
        unit,
        better,
        f"mean over subjects {meaning}",
        lambda sums: ratio(sums[f"{name} mean"], sums[f"{name} subjects"]),
        undefined,
        digits,
        scale,
        f"{name} subjects",
    )


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient; NaN where the denominator is not positive."""
    return np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)


def bias(sums: Totals, quantity: str) -> FloatArray:
    """Mean error over windows."""
    return ratio(sums[f"{quantity} error"], sums[f"{quantity} n"])


def rmse(sums: Totals, quantity: str) -> FloatArray:
    """Root of the mean squared error over windows."""
    return np.asarray(np.sqrt(ratio(sums[f"{quantity} error2"], sums[f"{quantity} n"])))


def sd(sums: Totals, quantity: str) -> FloatArray:
    """Standard deviation of the error over windows, n - 1."""
    error, error2, n = (sums[f"{quantity} {name}"] for name in ("error", "error2", "n"))
    return np.asarray(np.sqrt(ratio((error2 - ratio(error**2, n)).clip(0), n - 1)))


def variances(sums: Totals, quantity: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Variances of predictions and of truths over windows, and their covariance, all divided by n."""
    n, product, pred, true, pred2, true2 = (
        sums[f"{quantity} {name}"] for name in ("n", "product", "pred", "true", "pred2", "true2")
    )
    covariance = ratio(product, n) - ratio(pred * true, n**2)
    return ratio(pred2, n) - ratio(pred, n) ** 2, ratio(true2, n) - ratio(true, n) ** 2, covariance


def correlation(var_pred: FloatArray, var_true: FloatArray, covariance: FloatArray) -> FloatArray:
    """Pearson correlation; NaN where one of the two is constant."""
    varying = (var_pred > CONSTANT) & (var_true > CONSTANT)
    scale = np.sqrt(np.where(varying, var_pred * var_true, 1.0))
    return np.where(varying, (covariance / scale).clip(-1, 1), np.nan)


def pearson(sums: Totals, quantity: str) -> FloatArray:
    """Correlation of predictions and truths over windows."""
    return correlation(*variances(sums, quantity))


def slope(sums: Totals, quantity: str) -> FloatArray:
    """Slope of the least-squares line of predictions on truths; NaN where truths are constant."""
    _, var_true, covariance = variances(sums, quantity)
    return np.where(var_true > CONSTANT, covariance / np.where(var_true > CONSTANT, var_true, 1.0), np.nan)


def concordance(sums: Totals, quantity: str) -> FloatArray:
    """Lin's coefficient (Biometrics 45(1):255, 1989), variances divided by n; NaN where both are one constant."""
    var_pred, var_true, covariance = variances(sums, quantity)
    scale = var_pred + var_true + bias(sums, quantity) ** 2
    return np.where(scale > CONSTANT, 2 * covariance / np.where(scale > CONSTANT, scale, 1.0), np.nan)
