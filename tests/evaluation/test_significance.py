"""Sign flips, ranks and corrections against brute force, closed forms, statsmodels' peers and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from rppgbench.evaluation.significance import (
    benjamini_hochberg,
    holm,
    sign_flip_p,
    sign_flip_ps,
    smallest_p,
    wilcoxon_p,
)

NAN = float("nan")


def brute_force_p(values):
    sums = [
        sum(s * v for s, v in zip(signs, values, strict=True))
        for signs in itertools.product((-1, 1), repeat=len(values))
    ]
    return sum(abs(total) >= abs(sum(values)) - 1e-9 for total in sums) / len(sums)


@pytest.mark.parametrize("n", range(1, 11))
def test_sign_flips_are_those_of_brute_force(n):
    random = np.random.RandomState(n)
    for values in (random.normal(0.4, 1, n), random.randint(-2, 4, n).astype(float)):
        assert sign_flip_p(values) == pytest.approx(brute_force_p(values))


def test_the_smallest_p_is_that_of_equal_values():
    for n in (1, 2, 6, 15, 20):
        assert sign_flip_p(np.full(n, 0.1)) == smallest_p(n) == 2.0 ** (1 - n)


def test_many_subjects_give_the_exact_p_of_integers_by_convolution():
    values = np.random.RandomState(3).randint(-4, 7, 32)
    counts = np.array([1.0])
    for size in np.abs(values):  # of subsets of the sizes, by their sum
        counts = np.convolve(counts, np.concatenate([[1.0], np.zeros(size)[:-1], [1.0]]) if size else [2.0])
    sums = 2 * np.arange(len(counts)) - np.abs(values).sum()
    exact = counts[np.abs(sums) >= abs(values.sum())].sum() / 2.0**32
    error = math.sqrt(exact * (1 - exact) / 65_535)
    assert 0.001 < exact < 0.5
    assert sign_flip_p(values.astype(float)) == pytest.approx(exact, abs=4 * error)


def test_many_subjects_that_all_agree_give_the_smallest_p_that_draws_can():
    assert sign_flip_p(np.ones(40)) == smallest_p(40) == 1 / 65_536


@pytest.mark.parametrize("n", [7, 30])
def test_tests_made_together_are_those_made_alone(n):
    values = np.random.RandomState(n).normal(0.3, 1, (5, n))
    assert sign_flip_ps(values).tolist() == pytest.approx([sign_flip_p(row) for row in values], abs=1e-12)


def test_no_values_and_zeros_have_p_1():
    for n in (0, 7, 30):
        assert sign_flip_p(np.zeros(n)) == wilcoxon_p(np.zeros(n)) == 1.0


@pytest.mark.parametrize("n", [4, 30])
def test_nan_values_give_nan(n):
    values = np.ones(n)
    values[1] = NAN
    assert math.isnan(sign_flip_p(values))
    assert math.isnan(wilcoxon_p(values))


def test_one_subject_has_p_1():
    assert sign_flip_p(np.array([3.0])) == wilcoxon_p(np.array([3.0])) == smallest_p(1) == smallest_p(0) == 1.0


def test_wilcoxon_of_five_that_agree_is_two_in_thirty_two():
    assert wilcoxon_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(2 / 2**5)


def test_holm_of_a_hand_worked_example():
    # 4 x 0.005; 3 x 0.01; 2 x 0.03; 1 x 0.04, raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_and_hochberg_of_a_hand_worked_example():
    # 4/4 x 0.04; 4/3 x 0.03, lowered to the one behind; 4/2 x 0.01; 4/1 x 0.005.
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])


@pytest.mark.parametrize(("correct", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_corrections_are_those_of_statsmodels(correct, method):
    from statsmodels.stats.multitest import multipletests

    random = np.random.RandomState(0)
    for n in (1, 2, 7, 50):
        p = random.rand(n) ** 3
        p[: n // 3] = p[0]  # ties
        assert correct(p) == pytest.approx(multipletests(p, method=method)[1].tolist())


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_corrections_stay_within_1_and_take_any_family(correct):
    assert correct([0.6, 1.0]) == [1.0, 1.0]
    assert correct([]) == []
    assert correct([0.02]) == [0.02]
    assert correct([0.02, 0.02, 0.02]) == pytest.approx([0.06 if correct is holm else 0.02] * 3)


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_nan_tests_do_not_enlarge_the_family(correct):
    found = correct([NAN, 0.01, NAN, 0.04])
    assert math.isnan(found[0])
    assert math.isnan(found[2])
    assert [found[1], found[3]] == correct([0.01, 0.04])
    assert all(math.isnan(one) for one in correct([NAN, NAN]))


# Share of p at or below alpha, of 4,000 simulated families of subjects; docs/statistics.md shows these figures.
ALPHAS = (0.01, 0.05, 0.1, 0.25, 0.5)
MEASURED = {
    ("log-ratio", 6): (0.000, 0.032, 0.087, 0.245, 0.488),
    ("log-ratio", 10): (0.009, 0.046, 0.097, 0.250, 0.508),
    ("log-ratio", 27): (0.009, 0.053, 0.097, 0.236, 0.488),
    ("log-ratio", 42): (0.009, 0.051, 0.100, 0.248, 0.505),
    ("difference", 6): (0.000, 0.032, 0.096, 0.252, 0.490),
    ("difference", 10): (0.010, 0.053, 0.106, 0.259, 0.505),
    ("difference", 27): (0.011, 0.043, 0.093, 0.234, 0.498),
    ("difference", 42): (0.012, 0.048, 0.100, 0.256, 0.500),
}


def null_p(kind, n, runs=4000):
    """p of two methods with equally distributed errors, of t with 2 degrees of freedom about log-normal subjects."""
    random = np.random.RandomState(100 + n)
    p = []
    for _ in range(runs // 500):  # as much as memory likes at once
        scale = np.exp(random.normal(0, 1.1, (500, n)))
        one, other = (scale * np.abs(random.standard_t(2, (500, n))) for _ in range(2))
        p.append(sign_flip_ps(np.log(one / other) if kind == "log-ratio" else one - other))
    return np.concatenate(p)


@pytest.mark.full
@pytest.mark.parametrize("n", [6, 10, 27, 42])
@pytest.mark.parametrize("kind", ["log-ratio", "difference"])
def test_p_are_uniform_where_nothing_differs(kind, n):
    p = null_p(kind, n)
    steps = 1 / smallest_p(n)
    for alpha in ALPHAS:
        attained = math.floor(alpha * steps + 1e-9) / steps  # p has no values between these steps
        hits = int(np.count_nonzero(p <= alpha))
        assert stats.binomtest(hits, len(p), attained).pvalue > 1e-3 if attained else hits == 0
    if n > 6:  # steps below the resolution of 4,000 p
        assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert [float(np.mean(p <= alpha)) for alpha in ALPHAS] == pytest.approx(MEASURED[kind, n], abs=0.0006)
