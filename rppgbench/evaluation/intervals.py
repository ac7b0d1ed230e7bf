"""Bootstrap intervals over subjects, corrected for few subjects and skewed metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

# An interval is not given when more than this share of the draws leaves the metric undefined.
UNDEFINED_DRAWS_ALLOWED = 0.05
# Their distance estimates the spread of the draws, robust to a few at the infinite end of a scale.
SPREAD_QUANTILES = (0.05, 0.95)


@dataclass(frozen=True)
class Estimate:
    """Value of a metric and the bounds of its interval; NaN where undefined, for the ``reason`` given."""

    value: float
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True)
class Scale:
    """Transformation ``to`` a scale on which draws are nearly symmetric about the metric, and ``back``."""

    to: Callable[[FloatArray], FloatArray]
    back: Callable[[FloatArray], FloatArray]


def _share_of_angle(angle: FloatArray) -> FloatArray:
    return np.asarray(np.sin(np.clip(angle, 0, np.pi / 2)) ** 2)


SCALES: Mapping[str, Scale] = {
    "plain": Scale(lambda x: x, lambda y: y),
    # Of a share of 1: the arcsine of its root, where its variance does not depend on it.
    "share": Scale(lambda x: np.arcsin(np.sqrt(np.clip(x, 0, 1))), _share_of_angle),
    # Of a correlation: Fisher's z.
    "correlation": Scale(np.arctanh, np.tanh),
}
# Interval methods without a scale. One or two subjects without a pulse make most of a mean error: no scale makes that
# mixture symmetric, and an interval must not reach beyond the subjects' values. For an order statistic, such as a
# median, expanded percentiles suffice.
SKEWED, ORDER = "skewed", "order"


def subject_weights(n_subjects: int, *, draws: int, seed: int) -> FloatArray:
    """``(draws, n_subjects)`` counts of each subject in each bootstrap draw; rows sum to ``n_subjects``."""
    if n_subjects == 0:
        return np.zeros((draws, 0))
    # RandomState: numpy guarantees its stream; the dtype is explicit because the default differs between platforms.
    drawn = np.random.RandomState(seed).randint(0, n_subjects, (draws, n_subjects), dtype=np.int64)
    flat = drawn + n_subjects * np.arange(draws)[:, None]
    return np.bincount(flat.ravel(), minlength=draws * n_subjects).reshape(draws, n_subjects).astype(np.float64)


def interval(
    value: float,
    drawn: FloatArray,
    *,
    n_subjects: int,
    level: float,
    scale: str = "plain",
    left_out: FloatArray | None = None,
) -> Estimate:
    """The estimate with its interval of nominal coverage ``level``, from its bootstrap values ``(draws,)``.

    Subjects are drawn, and the metric depends on n = ``n_subjects`` of them. On the metric's scale the bounds are the
    estimate plus and minus Student's t of n - 1 degrees of freedom times the spread of the draws, widened by
    sqrt(n / (n - 1)) because a bootstrap's variance divides by n. Where that scale is infinite (a correlation of 1),
    and for order statistics, the interval is the expanded percentile interval (Hesterberg, American Statistician
    69(4):371, 2015), widened likewise. For "skewed" metrics it is that with the corrections of BCa for bias and
    acceleration (Efron, JASA 82:171, 1987), the latter from ``left_out``, the values without each of the subjects.
    Where every subject has a "share" of 0, or every one of 1, the draws have no spread: the inner bound is Clopper and
    Pearson's of n in n (Biometrika 26(4):404, 1934).
    docs/statistics.md has the coverage of all of them.

    Raises:
        ValueError: an undefined ``value``, or a "skewed" metric without ``left_out``.
    """
    if np.isnan(value):
        raise ValueError("an interval of an estimate that is undefined")
    if n_subjects < 2:
        return Estimate(value, np.nan, np.nan, "one subject: no interval")
    defined = drawn[~np.isnan(drawn)]
    undefined_share = 1 - len(defined) / len(drawn) if len(drawn) else 1.0
    if undefined_share > UNDEFINED_DRAWS_ALLOWED:
        return Estimate(value, np.nan, np.nan, f"undefined in {undefined_share:.0%} of the draws: no interval")
    bounds: tuple[float, float] | None = None
    if scale == SKEWED:
        if left_out is None:
            raise ValueError("an interval of a skewed metric needs its values without each of the subjects")
        bounds = _corrected(value, defined, left_out[~np.isnan(left_out)], _t(n_subjects, level))
    elif scale == "share" and value in (0, 1) and bool(np.all(defined == value)):
        bounds = _all_or_none(value, n_subjects, level)
    elif scale != ORDER:
        bounds = _studentised(value, defined, n_subjects, level, SCALES[scale])
    return Estimate(value, *(bounds or _expanded(defined, n_subjects, level)))


def mean_estimate(means: FloatArray, weights: FloatArray, *, level: float, scale: str = "plain") -> Estimate:
    """Mean of subjects' ``means`` ``(S,)`` but NaN, with its interval from bootstrap ``weights`` ``(draws, S)``."""
    has = ~np.isnan(means)
    if not has.any():
        return Estimate(np.nan, np.nan, np.nan, "nothing to average")
    n_drawn = weights @ has.astype(np.float64)
    drawn = np.where(n_drawn > 0, weights @ np.where(has, means, 0.0), np.nan) / n_drawn.clip(1)
    n = int(has.sum())
    left_out = (means[has].sum() - means[has]) / max(n - 1, 1)
    return interval(float(means[has].mean()), drawn, n_subjects=n, level=level, scale=scale, left_out=left_out)


def _studentised(
    value: float, drawn: FloatArray, n_subjects: int, level: float, scale: Scale
) -> tuple[float, float] | None:
    from scipy.special import ndtri

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centre = float(scale.to(np.array(value)))
        low, high = np.quantile(scale.to(drawn), SPREAD_QUANTILES)
        spread = float(high - low) / float(np.diff(ndtri(SPREAD_QUANTILES))[0])
        half = _t(n_subjects, level) * spread
        bounds = sorted(float(scale.back(np.array(centre + side))) for side in (-half, half))
    finite = bool(np.isfinite([centre, low, high]).all())
    # Rounding of the transformation may leave a bound on the other side of the estimate.
    return (min(bounds[0], value), max(bounds[1], value)) if finite else None


def _all_or_none(value: float, n_subjects: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's bounds of a share of 0 or 1 in all of n subjects."""
    bound = ((1 - level) / 2) ** (1 / n_subjects)
    return (bound, 1.0) if value == 1 else (0.0, 1 - bound)


def _corrected(value: float, drawn: FloatArray, left_out: FloatArray, z: float) -> tuple[float, float]:
    from scipy.special import ndtr, ndtri

    # Draws equal to the estimate, within rounding, count as half below it.
    equal = np.isclose(drawn, value, rtol=1e-9, atol=0.0)
    below = float(np.mean(~equal & (drawn < value)) + np.mean(equal) / 2)
    bias = float(ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn))))
    off = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    squares = float(np.sum(off**2))
    acceleration = float(np.sum(off**3)) / (6 * squares**1.5) if squares > 0 else 0.0
    # With very few subjects the correction has a pole: beyond it the bound is the extreme draw.
    sides = [bias + side for side in (-z, z)]
    tails = [float(ndtr(bias + side / max(1 - acceleration * side, 1e-9))) for side in sides]
    low, high = np.quantile(drawn, tails)
    return min(float(low), value), max(float(high), value)


def _expanded(drawn: FloatArray, n_subjects: int, level: float) -> tuple[float, float]:
    from scipy.special import ndtr

    tail = float(ndtr(-_t(n_subjects, level)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _t(n_subjects: int, level: float) -> float:
    """Student's two-sided quantile, widened for a variance that was divided by n."""
    from scipy.special import stdtrit

    quantile: Any = stdtrit(n_subjects - 1, (1 + level) / 2)
    return float(quantile) * float(np.sqrt(n_subjects / (n_subjects - 1)))
