"""Intervals over subjects and training seeds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.evaluation.intervals import SCALES, Estimate, Scale

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

FEWER_THAN_TWO = Estimate(float("nan"), float("nan"), float("nan"), "fewer than two seeds: no interval over seeds")


def over_seeds(
    estimate: Estimate, of_seeds: FloatArray, *, level: float, scale: str = "plain", least: float = -np.inf
) -> Estimate:
    """The estimate with an interval over other subjects and other training runs at once.

    ``estimate`` has its interval over subjects, all seeds drawn with them, and ``of_seeds`` ``(K,)`` are its values
    by seed. At ``level``, the half-width of their mean's interval is t SD / sqrt(K), with Student's quantile t of K - 1
    degrees of freedom. The two sources are independent, and each side of the interval is the root of the sum of both
    squared half-widths, on the metric's scale where it has one (method of variance estimates recovery: Zou & Donner,
    Statistics in Medicine 27(10):1693, 2008). No bound is below ``least``. Fewer than two seeds have no spread, and
    there is no interval.

    The interaction of seed and subject is in both sources and counts twice, which makes the interval slightly too wide
    with few seeds and few subjects. docs/statistics.md has its coverage.
    """
    if len(of_seeds) < 2:
        return FEWER_THAN_TWO
    if np.isnan(estimate.low):
        return estimate
    if np.isnan(of_seeds).any():
        return Estimate(estimate.value, np.nan, np.nan, "undefined for a seed: no interval over seeds")
    plain = SCALES["plain"]
    own_scale = SCALES.get(scale, plain)
    # A scale is infinite at its end, such as a correlation of 1: the plain scale is used there, clipped to that end.
    bounds = _recovered(estimate, of_seeds, level, own_scale)
    if not np.isfinite(bounds).all():
        bounds = _recovered(estimate, of_seeds, level, plain)
    end_low, end_high = own_scale.back(np.array([-np.inf, np.inf]))
    low, high = np.clip(bounds, max(end_low, least), end_high)
    # Rounding of the transformation may leave a bound inside the one over subjects.
    return Estimate(estimate.value, min(float(low), estimate.low), max(float(high), estimate.high))


def _recovered(estimate: Estimate, of_seeds: FloatArray, level: float, scale: Scale) -> FloatArray:
    from scipy.special import stdtrit

    n = len(of_seeds)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, centre, high = scale.to(np.array([estimate.low, estimate.value, estimate.high]))
        half = stdtrit(n - 1, (1 + level) / 2) * np.std(scale.to(of_seeds), ddof=1) / np.sqrt(n)
        return scale.back(np.array([centre - np.hypot(centre - low, half), centre + np.hypot(high - centre, half)]))
