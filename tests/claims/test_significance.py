"""Sign flips, Holm and intervals against brute force, closed forms and hand-worked examples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from rppgbench.claims.significance import holm, mean_interval, sign_flip_p, smallest_p, wilcoxon_p
from rppgbench.evaluation.statistics import subject_weights


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


def test_nothing_and_zeros_say_nothing():
    assert sign_flip_p(np.array([])) == sign_flip_p(np.zeros(7)) == wilcoxon_p(np.zeros(7)) == 1.0


def test_wilcoxon_of_five_that_agree_is_two_in_thirty_two():
    assert wilcoxon_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(2 / 2**5)


def test_holm_of_a_hand_worked_example():
    # 4 x 0.005; 3 x 0.01; 2 x 0.03; 1 x 0.04, raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stays_within_1_and_takes_an_empty_family():
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_interval_of_many_subjects_is_the_normal_one():
    values = np.random.RandomState(0).normal(2.0, 1.5, 400)
    low, high = mean_interval(values, subject_weights(400, draws=4000, seed=0), 0.95)
    half = 1.96 * values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.08 * half)


def test_one_subject_has_no_interval():
    assert np.isnan(mean_interval(np.array([1.0]), np.ones((10, 1)), 0.95)).all()
