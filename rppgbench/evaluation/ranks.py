"""Ranks of entries over the subjects of one dataset: Friedman's test and Nemenyi's critical difference.

They hold for the subjects of this dataset, whatever their number. To compare over datasets, blocks are datasets, of
which five or more are needed (Demsar, J. Machine Learning Research 7:1, 2006).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.evaluation.cells import Cells, Row

if TYPE_CHECKING:
    import pandas as pd

    from rppgbench.contracts import FloatArray

FEWEST_BLOCKS, FEWEST_ENTRIES = 2, 3


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Mean ranks over ``n`` subjects, 1 the best; ``n_dropped`` subjects lack an error and are left out.

    ``p_friedman`` is the p of no difference between any entries. Mean ranks that differ by ``critical_difference`` or
    more are significant (Nemenyi's test); ``cliques`` are the largest groups of entries without a significant
    difference. NaN, and no cliques, for the ``reason`` given.
    """

    mean_rank: Mapping[str, float]
    n: int
    n_dropped: int
    p_friedman: float
    critical_difference: float
    cliques: tuple[tuple[str, ...], ...]
    reason: str = ""


def rank_entries(
    rows: Iterable[Row] | pd.DataFrame, *, entries: Sequence[str] | None = None, alpha: float = 0.05
) -> Ranks:
    """Ranks of ``entries``, by default all that are not controls, by subjects' mean absolute errors of heart rate.

    Errors are of the windows that all the entries have an error for, averaged over the conditions that all were tested
    under; failed windows are imputed by the constant predictor.

    Raises:
        IncomparableResults: rows of more than one protocol digest.
    """
    cells = Cells(rows)
    cells.refuse_several_digests()
    ranked = cells.non_controls if entries is None else list(entries)
    common = [condition for condition in cells.conditions if all(condition in cells.conditions_of(e) for e in ranked)]
    if not ranked or not common:
        return _undefined(ranked, 0, len(cells.subjects), "no condition that all were tested under")
    by_condition = [cells.subject_means(*(cells.errors_bpm(entry, c) for entry in ranked)) for c in common]
    return rank_matrix(np.mean(by_condition, axis=0).T, ranked, alpha=alpha)


def rank_matrix(errors: FloatArray, entries: Sequence[str], *, alpha: float = 0.05) -> Ranks:
    """Ranks of ``(n, k)`` errors of n blocks and k entries; blocks with NaN are left out.

    Equal errors share their mean rank, and Friedman's statistic is corrected for ties; where every row is constant its
    p is 1. With fewer than three entries all are NaN: ``comparison`` tests pairs.
    """
    from scipy.stats import friedmanchisquare, rankdata

    known = errors[~np.isnan(errors).any(axis=1)]
    (n, k), n_dropped = known.shape, len(errors) - len(known)
    if n < FEWEST_BLOCKS or k < FEWEST_ENTRIES:
        reason = f"{n} subjects" if n < FEWEST_BLOCKS else f"{k} entries"
        return _undefined(entries, n, n_dropped, f"{reason}: too few for ranks")
    ranks = np.asarray(rankdata(known, axis=1))
    mean_rank = dict(zip(entries, ranks.mean(axis=0).tolist(), strict=True))
    constant = bool((np.ptp(known, axis=1) == 0).all())
    difference = critical_difference(k, n, alpha=alpha)
    return Ranks(
        mean_rank=mean_rank,
        n=n,
        n_dropped=n_dropped,
        p_friedman=1.0 if constant else float(friedmanchisquare(*known.T).pvalue),
        critical_difference=difference,
        cliques=_cliques(mean_rank, difference),
    )


def critical_difference(k: int, n: int, *, alpha: float = 0.05) -> float:
    """Critical difference of the mean ranks of ``k`` entries over ``n`` blocks (Nemenyi's test)."""
    from scipy.stats import studentized_range

    q = float(studentized_range.isf(alpha, k, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n)))


def _cliques(mean_rank: Mapping[str, float], difference: float) -> tuple[tuple[str, ...], ...]:
    ordered = sorted(mean_rank, key=lambda entry: mean_rank[entry])
    found: list[tuple[str, ...]] = []
    for first, entry in enumerate(ordered):
        clique = tuple(other for other in ordered[first:] if mean_rank[other] - mean_rank[entry] < difference)
        if len(clique) > 1 and not any(set(clique) <= set(other) for other in found):
            found.append(clique)
    return tuple(found)


def _undefined(entries: Sequence[str], n: int, n_dropped: int, reason: str) -> Ranks:
    nan = float("nan")
    return Ranks(
        mean_rank=dict.fromkeys(entries, nan),
        n=n,
        n_dropped=n_dropped,
        p_friedman=nan,
        critical_difference=nan,
        cliques=(),
        reason=reason,
    )
