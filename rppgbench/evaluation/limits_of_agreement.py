"""Limits of agreement of predicted and true heart rates, with repeated measurements of a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.intervals import SKEWED, Estimate, interval, subject_weights
from rppgbench.evaluation.metric import CONSTANT, bias, ratio, slope, variances
from rppgbench.evaluation.sums import SubjectSums, Totals
from rppgbench.evaluation.windows import Windows

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

Z_OF_LIMITS = 1.96


@dataclass(frozen=True, kw_only=True)
class LimitsOfAgreement:
    """Bland and Altman's limits of agreement of prediction minus truth, where the true value varies.

    ``bias_bpm`` is the mean difference over windows. ``sd_within_bpm`` and ``sd_between_bpm`` are the standard
    deviations of differences within and between subjects, by a one-way analysis of variance with unequal group sizes
    (Bland & Altman, Journal of Biopharmaceutical Statistics 17(4):571, 2007). ``low_bpm`` and ``high_bpm`` are the
    limits of agreement, the bias minus and plus 1.96 roots of the sum of the two variances.

    ``slope_on_truth`` and ``slope_on_mean`` are slopes of the difference, on the truth and on the mean of both. Below 0
    predictions shrink towards their mean; the second is 0 where the variances are equal, whatever the correlation.
    """

    bias_bpm: Estimate
    sd_within_bpm: Estimate
    sd_between_bpm: Estimate
    low_bpm: Estimate
    high_bpm: Estimate
    slope_on_truth: Estimate
    slope_on_mean: Estimate
    n_subjects: int
    n_windows: int


def limits_of_agreement(
    rows: Iterable[Mapping[str, Any]], *, draws: int = 10_000, level: float = 0.95, seed: int = 0
) -> LimitsOfAgreement:
    """Agreement of one entry's scored windows under one condition, with intervals over subjects.

    Undefined are: everything where nothing is scored; both standard deviations where no subject has two windows; with
    one subject, that between subjects and the limits; slopes on a constant. With one window a subject the limits are
    those of the standard deviation of all differences. A variance between subjects estimated below 0 is 0.

    Raises:
        IncomparableResults: rows of more than one entry or condition.
    """
    records = list(rows)
    cells = sorted({(str(row["entry"]), str(row["condition"])) for row in records})
    if len(cells) > 1:
        named = ", ".join(f"{entry} under {condition}" for entry, condition in cells)
        raise IncomparableResults(f"agreement of {len(cells)} things at once: {named}", hint="ask of each by itself")
    subjects = sorted({str(row["subject"]) for row in records})
    windows = Windows.of(records, subjects)
    sums = _with_squares(SubjectSums.of(windows))
    once = sums.weighted(np.ones((1, len(subjects))))
    drawn = sums.weighted(subject_weights(len(subjects), draws=draws, seed=seed))
    without = sums.without_each("hr n")
    n_subjects = sums.n_subjects("hr n")

    def estimate(of: Callable[[Totals], FloatArray], undefined: str, scale: str = "plain") -> Estimate:
        value = float(of(once)[0])
        if np.isnan(value):
            return Estimate(np.nan, np.nan, np.nan, undefined if n_subjects else "nothing scored")
        left_out = of(without) if scale == SKEWED else None
        return interval(value, of(drawn), n_subjects=n_subjects, level=level, scale=scale, left_out=left_out)

    single = "one subject, or no subject with two windows"
    return LimitsOfAgreement(
        bias_bpm=estimate(lambda sums: bias(sums, "hr"), "nothing scored"),
        sd_within_bpm=estimate(lambda sums: np.sqrt(_components(sums)[0]), "no subject with two windows", "skewed"),
        sd_between_bpm=_not_negative(estimate(lambda sums: np.sqrt(_components(sums)[1]), single)),
        low_bpm=estimate(lambda sums: _limit(sums, -1), "one subject"),
        high_bpm=estimate(lambda sums: _limit(sums, 1), "one subject"),
        slope_on_truth=estimate(lambda sums: slope(sums, "hr") - 1, "constant truth"),
        slope_on_mean=estimate(_slope_on_mean, "a constant mean of prediction and truth"),
        n_subjects=n_subjects,
        n_windows=int(once["hr n"][0]),
    )


def _not_negative(estimate: Estimate) -> Estimate:
    """The estimate with a lower bound of at least 0, which a symmetric interval may exceed."""
    return replace(estimate, low=float(np.maximum(estimate.low, 0.0)))


def _with_squares(sums: SubjectSums) -> SubjectSums:
    """``sums`` with those of the analysis of variance added: subjects, squares of n, and squared error sums over n."""
    n, error = sums.by_name["hr n"], sums.by_name["hr error"]
    squares = {"subjects": (n > 0).astype(np.float64), "n squared": n**2, "error squared": error**2 / n.clip(1)}
    return SubjectSums({**sums.by_name, **squares})


def _components(sums: Totals) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Variances within and between subjects, and their sum, ``(draws,)`` each."""
    n, subjects = sums["hr n"], sums["subjects"]
    # Rounding may leave values slightly below 0.
    squares_within = (sums["hr error2"] - sums["error squared"]).clip(0)
    squares_between = (sums["error squared"] - ratio(sums["hr error"] ** 2, n)).clip(0)
    within = ratio(squares_within, n - subjects)
    mean_square = ratio(squares_between, subjects - 1)
    # Effective number of windows a subject in the mean square between subjects.
    windows_each = ratio(n - ratio(sums["n squared"], n), subjects - 1)
    between = ratio((mean_square - within).clip(0), windows_each)
    # Where no subject has two windows, the mean square is the variance of all differences.
    return within, between, np.where((n > 0) & (n <= subjects), mean_square, within + between)


def _limit(sums: Totals, side: int) -> FloatArray:
    return np.asarray(bias(sums, "hr") + side * Z_OF_LIMITS * np.sqrt(_components(sums)[2]))


def _slope_on_mean(sums: Totals) -> FloatArray:
    var_pred, var_true, covariance = variances(sums, "hr")
    var_mean = (var_pred + var_true + 2 * covariance) / 4
    varying = var_mean > CONSTANT
    return np.where(varying, (var_pred - var_true) / 2 / np.where(varying, var_mean, 1.0), np.nan)
