"""Ranks against Demsar's tables and example, scipy, and a calculation by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rppgbench.evaluation.ranks import critical_difference, rank_entries, rank_matrix

# Demsar, J. Machine Learning Research 7:1, 2006, Table 5: critical values of Nemenyi's test by number of entries.
Q_05 = dict(zip(range(2, 11), (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164), strict=True))
Q_10 = dict(zip(range(2, 11), (1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920), strict=True))


@pytest.mark.parametrize("k", Q_05)
def test_critical_values_are_those_of_the_table(k):
    for alpha, table in ((0.05, Q_05), (0.10, Q_10)):
        n = 14
        q = critical_difference(k, n, alpha=alpha) / math.sqrt(k * (k + 1) / (6 * n))
        assert q == pytest.approx(table[k], abs=0.0015)  # the table is rounded, in places upwards


def test_four_entries_over_fourteen_blocks_are_those_of_the_papers_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, alpha=0.1) == pytest.approx(1.12, abs=0.005)


def test_ranks_are_those_of_a_hand_worked_example():
    errors = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 3.0], [2.0, 1.0, 3.0], [1.0, 2.0, 4.0]])
    found = rank_matrix(errors, ["a", "b", "c"])
    assert found.mean_rank == {"a": 5 / 4, "b": 7.5 / 4, "c": 11.5 / 4}
    assert found.p_friedman == pytest.approx(stats.friedmanchisquare(*errors.T).pvalue)
    # Ranks 1 2 3, 1 2.5 2.5, 2 1 3, 1 2 3: sums 5, 7.5, 11.5 about 8, corrected for one pair of equals.
    statistic = 12 * (3**2 + 0.5**2 + 3.5**2) / (4 * 3 * 4) / (1 - (2**3 - 2) / (4 * (3**3 - 3)))
    assert found.p_friedman == pytest.approx(math.exp(-statistic / 2))


def test_cliques_are_the_largest_groups_without_a_significant_difference():
    # Mean ranks 1, 2, 3, 4 over 20 subjects, and a critical difference of 1.05.
    found = rank_matrix(np.tile([1.0, 2.0, 3.0, 4.0], (20, 1)), ["a", "b", "c", "d"])
    assert found.critical_difference == pytest.approx(1.05, abs=0.005)
    assert found.cliques == (("a", "b"), ("b", "c"), ("c", "d"))
    assert rank_matrix(np.tile([1.0, 2.0, 3.0, 4.0], (40, 1)), ["a", "b", "c", "d"]).cliques == ()
    assert rank_matrix(np.tile([1.0, 2.0, 3.0, 4.0], (5, 1)), list("abcd")).cliques == (
        ("a", "b", "c"),
        ("b", "c", "d"),
    )


def test_entries_with_equal_errors_share_a_rank():
    found = rank_matrix(np.full((8, 3), 2.0), ["a", "b", "c"])
    assert set(found.mean_rank.values()) == {2.0}
    assert (found.p_friedman, found.cliques) == (1.0, (("a", "b", "c"),))


def test_friedmans_p_is_uniform_where_nothing_differs():
    random = np.random.RandomState(0)
    p = [rank_matrix(random.standard_t(2, (40, 5)), list("abcde")).p_friedman for _ in range(500)]
    for alpha in (0.05, 0.2, 0.5):
        assert stats.binomtest(int(np.sum(np.array(p) <= alpha)), 500, alpha).pvalue > 1e-3


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((1, 3), "1 subjects"), ((0, 3), "0 subjects"), ((9, 2), "2 entries"), ((9, 1), "1 entries")],
)
def test_too_few_subjects_or_entries_have_no_ranks_with_a_reason(shape, reason):
    found = rank_matrix(np.random.RandomState(0).normal(size=shape), list("abc")[: shape[1]])
    assert found.reason == f"{reason}: too few for ranks"
    assert math.isnan(found.p_friedman)
    assert math.isnan(found.critical_difference)
    assert (found.n, found.cliques) == (shape[0], ())


def test_subjects_that_lack_a_number_are_left_out():
    errors = np.tile([1.0, 2.0, 3.0], (6, 1))
    errors[2, 1] = np.nan
    found = rank_matrix(errors, ["a", "b", "c"])
    assert (found.n, found.n_dropped, found.mean_rank) == (5, 1, {"a": 1.0, "b": 2.0, "c": 3.0})


def test_rows_are_ranked_by_subjects_mean_errors_over_the_conditions_in_common(rows_of_errors):
    # b is worse than a under x by 1 bpm and better under y by 3; only c was tested under z.
    levels = {("a", "x"): 2, ("b", "x"): 3, ("c", "x"): 9, ("a", "y"): 5, ("b", "y"): 2, ("c", "y"): 9, ("c", "z"): 0,
              ("control", "x"): 1, ("control", "y"): 1}  # fmt: skip
    rows = rows_of_errors({cell: np.full((6, 2), level) for cell, level in levels.items()})
    found = rank_entries(rows)
    assert found.mean_rank == {"a": 2.0, "b": 1.0, "c": 3.0}
    assert rank_entries(rows, entries=["control", "a", "b", "c"]).mean_rank["control"] == 1.0


def test_no_rows_have_no_ranks(rows_of_errors):
    assert rank_entries([]).reason == "no condition that all were tested under"
    disjoint = rows_of_errors({("a", "x"): [[1.0]], ("b", "y"): [[1.0]], ("c", "x"): [[1.0]]})
    assert rank_entries(disjoint).reason == "no condition that all were tested under"
