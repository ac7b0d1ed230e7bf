"""Whether numbers of subjects differ from 0: sign flips, intervals over subjects, and a family's correction."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.contracts import FloatArray

EXACT_UP_TO = 20  # subjects: 2^20 sign patterns take milliseconds
DRAWS = 2**16 - 1  # of sign patterns, beyond
CHUNK = 2**13
ROUNDING = 1e-9  # of the sum of absolute values: ties must not be lost to the order of additions


def sign_flip_p(values: FloatArray) -> float:
    """Two-sided p of the mean of ``(n,)`` values that would be as likely with the other sign.

    Exact up to 20 values; beyond, from 65,535 sign patterns that are the same on every platform, the observed one
    counted among them.
    """
    n = len(values)
    total, tolerance = float(values.sum()), ROUNDING * float(np.abs(values).sum())
    if n == 0:
        return 1.0
    if n <= EXACT_UP_TO:
        # Sums of the two halves, each under all its sign patterns, meet in the middle.
        left, right = _signed_sums(values[: n // 2]), _signed_sums(values[n // 2 :])
        return float(np.mean(np.abs(left[:, None] + right) >= abs(total) - tolerance))
    stream = np.random.RandomState(0)
    extreme = 1
    for start in range(0, DRAWS, CHUNK):
        draws = min(CHUNK, DRAWS - start)
        bits = np.unpackbits(np.frombuffer(stream.bytes(draws * ((n + 7) // 8)), np.uint8).reshape(draws, -1), axis=1)
        sums = total - 2 * (bits[:, :n].astype(np.float64) @ values)
        extreme += int(np.count_nonzero(np.abs(sums) >= abs(total) - tolerance))
    return extreme / (DRAWS + 1)


def _signed_sums(values: FloatArray) -> FloatArray:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def smallest_p(n: int) -> float:
    """The smallest p that ``n`` subjects can give."""
    return min(1.0, 2.0 ** (1 - n)) if n <= EXACT_UP_TO else 1 / (DRAWS + 1)


def wilcoxon_p(values: FloatArray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, a second opinion; zeros are ranked and then dropped (Pratt)."""
    from scipy.stats import wilcoxon

    if not np.any(values):
        return 1.0
    return float(wilcoxon(values.tolist(), zero_method="pratt").pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Scandinavian Journal of Statistics 6:65, 1979) of a family of p, in its order."""
    order = np.argsort(p, kind="stable")
    stepped = [min(1.0, (len(p) - rank) * p[i]) for rank, i in enumerate(order)]
    corrected = dict(zip(order.tolist(), itertools.accumulate(stepped, max), strict=True))
    return [corrected[i] for i in range(len(p))]


def mean_interval(values: FloatArray, weights: FloatArray, level: float) -> tuple[float, float]:
    """Percentile interval of the mean of ``(n,)`` values by bootstrap over subjects; NaN for one subject.

    ``weights`` ``(draws, n)`` are how often each is drawn. Draws without any of them are left out.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    drawn = weights.sum(axis=1)
    means = (weights @ values)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
