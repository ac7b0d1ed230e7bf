"""Significance tests of subjects' contrasts against 0, and corrections of a family of tests.

NaN among the values makes a p NaN: callers drop the subjects without a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rppgbench.contracts import FloatArray

EXACT_UP_TO = 20  # subjects: 2^20 sign patterns take milliseconds
DRAWS = 2**16 - 1  # of sign patterns, beyond
CHUNK = 2**13
ROUNDING = 1e-9  # share of the sum of absolute values: ties must not depend on the order of additions


def sign_flip_p(values: FloatArray) -> float:
    """Two-sided p of the mean of ``(n,)`` values, symmetric about 0 under the null hypothesis, by sign flips.

    Exact up to 20 values; beyond, from 65,535 sign patterns, the same on every platform, and the observed one. 1 for no
    values, and for zeros alone.
    """
    return float(sign_flip_ps(np.asarray(values)[None])[0])


def sign_flip_ps(values: FloatArray) -> FloatArray:
    """``(k,)`` p of ``sign_flip_p`` for each row of ``(k, n)`` values, computed together on the same sign patterns."""
    n = values.shape[1]
    if n == 0:
        return np.ones(len(values))
    p = np.array([_exact_p(row) for row in values]) if n <= EXACT_UP_TO else _drawn_p(values)
    return np.where(np.isnan(values).any(axis=1), np.nan, p)


def _exact_p(values: FloatArray) -> float:
    # Meet in the middle: sums of each half under all its sign patterns, then all sums of two.
    half = len(values) // 2
    left, right = _signed_sums(values[:half]), _signed_sums(values[half:])
    return float(np.mean(np.abs(left[:, None] + right) >= _extreme(values[None])[0]))


def _drawn_p(values: FloatArray) -> FloatArray:
    k, n = values.shape
    totals, extreme = values.sum(axis=1), _extreme(values)
    stream = np.random.RandomState(0)
    counts = np.ones(k)
    for start in range(0, DRAWS, CHUNK):
        draws = min(CHUNK, DRAWS - start)
        bits = np.unpackbits(np.frombuffer(stream.bytes(draws * ((n + 7) // 8)), np.uint8).reshape(draws, -1), axis=1)
        sums = totals - 2 * (bits[:, :n].astype(np.float64) @ values.T)
        counts += np.count_nonzero(np.abs(sums) >= extreme, axis=0)
    return counts / (DRAWS + 1)


def _extreme(values: FloatArray) -> FloatArray:
    """``(k,)`` absolute sums of ``(k, n)`` values less rounding: thresholds of an as extreme sum."""
    return np.asarray(np.abs(values.sum(axis=1)) - ROUNDING * np.abs(values).sum(axis=1))


def _signed_sums(values: FloatArray) -> FloatArray:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def smallest_p(n: int) -> float:
    """The smallest p that sign flips of ``n`` subjects can give: 2^(1 - n), and 1 / 65,536 beyond 20."""
    return min(1.0, 2.0 ** (1 - n)) if n <= EXACT_UP_TO else 1 / (DRAWS + 1)


def wilcoxon_p(values: FloatArray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; zeros are ranked and then dropped (Pratt).

    1 for no values, and for zeros alone.
    """
    from scipy.stats import wilcoxon

    if not np.any(values):
        return 1.0
    return float(wilcoxon(values.tolist(), zero_method="pratt").pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction of a family of raw p (Scandinavian Journal of Statistics 6:65, 1979), in its order.

    The probability of any false rejection in the family is at most alpha. NaN stands for a test that was not made: it
    stays NaN, and the family is smaller by one.
    """
    return _of_tested(p, _holm)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's step-up q of a family of raw p (J. Royal Statistical Society B 57:289, 1995).

    The expected share of false rejections among all is at most alpha, for independent or positively dependent tests.
    NaN as in ``holm``.
    """
    from scipy.stats import false_discovery_control

    return _of_tested(p, false_discovery_control)


def _of_tested(p: Sequence[float], correct: Callable[[FloatArray], FloatArray]) -> list[float]:
    raw = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(raw)
    corrected = np.full(len(raw), np.nan)
    if tested.any():
        corrected[tested] = correct(raw[tested])
    return [float(one) for one in corrected]


def _holm(p: FloatArray) -> FloatArray:
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]).clip(max=1)
    corrected = np.empty(len(p))
    corrected[order] = stepped
    return corrected
