"""What a comparison of so many subjects can find at all.

Powers are those of the paired t-test on logarithms of ratios, by the noncentral t distribution: exact for ratios that
are log-normal, and near those of sign flips and Wilcoxon's test for such (docs/statistics.md). A number of subjects
whose sign flips cannot reach ``alpha`` finds nothing, whatever the t-test says.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rppgbench.evaluation.significance import smallest_p

POWER = 0.8
MOST_SUBJECTS = 1_000_000


def power_of(ratio: float, sd_log_ratio: float, n: int, *, alpha: float = 0.05) -> float:
    """Chance that ``n`` subjects tell a true ``ratio`` of errors from 1, two-sided at ``alpha``.

    NaN where the ratio or the standard deviation of its logarithm over subjects is unknown or impossible; 0 of too few
    subjects for sign flips; without any spread, every ratio but 1 is found.
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
    """The ratio of errors nearest to 1, and below it, that ``n`` subjects find with that power; as well its inverse.

    NaN where no ratio is found: of too few subjects for sign flips, or without a standard deviation. 1 without spread.

    Raises:
        ValueError: ``power`` is not between ``alpha`` and 1.
    """
    if not alpha < power < 1:
        raise ValueError(f"power {power:g}: expected more than alpha, {alpha:g}, and less than 1")
    if not sd_log_ratio >= 0 or smallest_p(n) > alpha:
        return float("nan")
    return float(np.exp(-_effect_size(n, alpha, power) * sd_log_ratio))


def subjects_needed(ratio: float, sd_log_ratio: float, *, alpha: float = 0.05, power: float = POWER) -> int | None:
    """The fewest subjects that find a true ``ratio`` of errors with that power; None where a million do not."""
    if not (ratio > 0 and sd_log_ratio >= 0) or ratio == 1:
        return None

    def enough(n: int) -> bool:
        return power_of(ratio, sd_log_ratio, n, alpha=alpha) >= power

    least = 1
    while smallest_p(least) > alpha:
        least += 1
        if least > MOST_SUBJECTS:
            return None
    low, high = least - 1, least  # power grows with n
    while not enough(high):
        low, high = high, 2 * high
        if low > MOST_SUBJECTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@lru_cache(maxsize=256)
def _effect_size(n: int, alpha: float, power: float) -> float:
    """Mean over standard deviation that is found with that power."""
    from scipy.optimize import brentq

    high = 1.0
    while _power(high, n, alpha) < power:
        high *= 2
    return float(brentq(lambda effect: _power(effect, n, alpha) - power, 0.0, high))


def _power(effect: float, n: int, alpha: float) -> float:
    from scipy.special import nctdtr, stdtrit

    critical, away = float(stdtrit(n - 1, 1 - alpha / 2)), effect * np.sqrt(n)
    near, far = 1 - float(nctdtr(n - 1, away, critical)), float(nctdtr(n - 1, away, -critical))
    # Very far away there is no number: all of the distribution is then beyond the near side.
    return float(np.nan_to_num(near, nan=1.0) + np.nan_to_num(far))
