"""Statistical power of a paired comparison by its number of subjects.

Powers are those of the paired t-test on logarithms of ratios, by the noncentral t distribution: exact for log-normal
ratios, and near those of sign flips and Wilcoxon's test on them (docs/statistics.md). The power is 0 where the number
of subjects is too small for sign flips to reach ``alpha``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rppgbench.evaluation.significance import smallest_p

POWER = 0.8


def power_of(ratio: float, sd_log_ratio: float, n: int, *, alpha: float = 0.05) -> float:
    """Probability that ``n`` subjects distinguish a true ``ratio`` of errors from 1, two-sided at ``alpha``.

    NaN for an unknown or invalid ratio or standard deviation of its logarithm over subjects; 0 with too few subjects
    for sign flips; 1 for every ratio but 1 where the standard deviation is 0.
    """
    if not (ratio > 0 and sd_log_ratio >= 0):
        return float("nan")
    if smallest_p(n) > alpha:
        return 0.0
    shift = abs(float(np.log(ratio)))
    if sd_log_ratio == 0:
        return 1.0 if shift > 0 else alpha
    return _power(shift / sd_log_ratio, n, alpha)


def detectable_ratio(sd_log_ratio: float, n: int, *, alpha: float = 0.05, power: float = POWER) -> float:
    """The ratio of errors below 1 that ``n`` subjects detect with that ``power``, as they do its inverse.

    NaN with too few subjects for sign flips or an unknown standard deviation; 1 where that is 0.

    Raises:
        ValueError: ``power`` is not between ``alpha`` and 1.
    """
    if not alpha < power < 1:
        raise ValueError(f"power {power:g}: expected more than alpha, {alpha:g}, and less than 1")
    if not sd_log_ratio >= 0 or smallest_p(n) > alpha:
        return float("nan")
    return float(np.exp(-_effect_size(n, alpha, power) * sd_log_ratio))


@lru_cache(maxsize=256)
def _effect_size(n: int, alpha: float, power: float) -> float:
    """Standardised effect, mean over standard deviation, that is detected with that power."""
    from scipy.optimize import brentq

    high = 1.0
    while _power(high, n, alpha) < power:
        high *= 2
    return float(brentq(lambda effect: _power(effect, n, alpha) - power, 0.0, high))


def _power(effect: float, n: int, alpha: float) -> float:
    from scipy.special import nctdtr, stdtrit

    critical, noncentrality = float(stdtrit(n - 1, 1 - alpha / 2)), effect * np.sqrt(n)
    near = 1 - float(nctdtr(n - 1, noncentrality, critical))
    far = float(nctdtr(n - 1, noncentrality, -critical))
    # NaN at a very large noncentrality, where the near tail holds the whole distribution.
    return float(np.nan_to_num(near, nan=1.0) + np.nan_to_num(far))
