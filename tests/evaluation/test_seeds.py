"""Intervals over subjects and seeds at once; run as a script it prints the table of docs/statistics.md."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import stats

from rppgbench.evaluation.intervals import Estimate, mean_estimate, subject_weights
from rppgbench.evaluation.seeds import over_seeds

LEVEL, DRAWS = 0.95, 2000
SUBJECTS, SEEDS = (10, 27, 100), (2, 3, 5, 10)
# Of logarithms of errors or of their ratios: subjects, seeds, and what a seed does to one subject and not to another.
# Of a ratio, a subject's own level has cancelled.
SD = {"MAE": (0.95, 0.15, 0.2), "log-ratio": (0.4, 0.15, 0.2)}


def simulated(what: str, n: int, n_seeds: int, random: np.random.RandomState) -> np.ndarray:
    """``(n_seeds, n)`` means of subjects."""
    of_subjects, of_seeds, of_both = SD[what]
    logs = of_subjects * random.randn(n) + of_seeds * random.randn(n_seeds, 1) + of_both * random.randn(n_seeds, n)
    return np.exp(logs) if what == "MAE" else logs


def truth(what: str) -> float:
    """Over all subjects and all seeds that there may be."""
    return float(np.exp(np.sum(np.square(SD[what])) / 2)) if what == "MAE" else 0.0


def coverage(what: str, n: int, n_seeds: int, replications: int) -> tuple[float, float]:
    """The share of intervals that hold the truth: those over subjects, and those over subjects and seeds."""
    random, weights = np.random.RandomState(n + 1000 * n_seeds), subject_weights(n, draws=DRAWS, seed=0)
    scale, least = ("skewed", 0.0) if what == "MAE" else ("plain", -np.inf)
    held = []
    for _ in range(replications):
        means = simulated(what, n, n_seeds, random)
        own = mean_estimate(means.mean(axis=0), weights, level=LEVEL, scale=scale)
        both = over_seeds(own, means.mean(axis=1), level=LEVEL, scale=scale, least=least)
        held.append([one.low <= truth(what) <= one.high for one in (own, both)])
    of_subjects, of_both = np.mean(held, axis=0)
    return float(of_subjects), float(of_both)


def test_two_normal_sources_give_the_root_of_the_sum_of_squares():
    """Half widths of 3 over subjects and, by Student's t of four degrees of freedom, of 4 over seeds: 5."""
    of_seeds = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * 4 / (stats.t.ppf(0.975, 4) * np.sqrt(2.5 / 5))
    found = over_seeds(Estimate(10.0, 7.0, 13.0), 10 + of_seeds, level=0.95)
    assert (found.value, found.low, found.high) == pytest.approx((10, 5, 15))


def test_the_two_sides_are_independent():
    """An interval that is wider above than below stays so."""
    half = 2 * stats.t.ppf(0.975, 1) / 2  # of 0 and 2: their SD is the root of 2, over the root of 2
    found = over_seeds(Estimate(30.0, 29.0, 50.0), np.array([29.0, 31.0]), level=0.95)
    assert (found.low, found.high) == pytest.approx((30 - np.hypot(1, half), 30 + np.hypot(20, half)))


@pytest.mark.parametrize("scale", ["plain", "share", "correlation", "skewed", "order"])
def test_seeds_that_agree_add_nothing(scale):
    estimate = Estimate(0.7, 0.5, 0.8)
    found = over_seeds(estimate, np.full(3, 0.7), level=0.95, scale=scale)
    assert (found.low, found.high) == pytest.approx((0.5, 0.8))


@pytest.mark.parametrize(
    ("scale", "seeds", "estimate", "inside"),
    [
        ("share", [0.9, 1.0], Estimate(0.95, 0.9, 1.0), (0.0, 1.0)),
        ("correlation", [0.5, 0.99], Estimate(0.9, 0.7, 0.95), (-1.0, 1.0)),
        ("correlation", [1.0, 0.9], Estimate(1.0, 1.0, 1.0), (-1.0, 1.0)),
        ("skewed", [1.0, 9.0], Estimate(5.0, 2.0, 9.0), (0.0, np.inf)),
    ],
)
def test_no_bound_lies_where_no_metric_can_be(scale, seeds, estimate, inside):
    found = over_seeds(estimate, np.array(seeds), level=0.95, scale=scale, least=0.0 if scale == "skewed" else -np.inf)
    assert inside[0] <= found.low < estimate.low <= estimate.high <= found.high <= inside[1]


def test_undefined_estimates_stay_so_with_a_reason():
    undefined = Estimate(np.nan, np.nan, np.nan, "nothing scored")
    assert over_seeds(undefined, np.array([1.0, 2.0]), level=0.95) is undefined
    found = over_seeds(Estimate(1.0, 0.5, 2.0), np.array([1.0, np.nan]), level=0.95)
    assert (found.value, np.isnan([found.low, found.high]).all()) == (1.0, True)
    assert found.reason == "undefined for a seed: no interval over seeds"
    found = over_seeds(Estimate(1.0, 0.5, 2.0), np.array([1.0]), level=0.95)
    assert np.isnan([found.low, found.high]).all()
    assert found.reason == "fewer than two seeds: no interval over seeds"


@pytest.mark.full
@pytest.mark.parametrize("n_seeds", SEEDS)
@pytest.mark.parametrize(
    ("what", "n", "share"),
    [*(("log-ratio", n, LEVEL) for n in SUBJECTS), *zip(["MAE"] * 3, SUBJECTS, (0.89, 0.92, 0.94), strict=True)],
)
def test_intervals_over_seeds_hold_the_truth(what, n, share, n_seeds):
    """Coverage is nominal for ratios, and for errors that of intervals over subjects without seeds."""
    replications = 600
    assert coverage(what, n, n_seeds, replications)[1] > share - 0.01 - 3 * np.sqrt(share * (1 - share) / replications)


@pytest.mark.full
def test_intervals_over_subjects_alone_do_not_hold_the_truth():
    """With many subjects and three seeds, intervals over subjects alone are too narrow."""
    assert coverage("log-ratio", 100, 3, 600)[0] < 0.75


if __name__ == "__main__":
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| of | n |" + "|".join(f" {n_seeds} seeds " for n_seeds in SEEDS) + "|\n|---|---|" + "---|" * len(SEEDS))
    for what in SD:
        for n in SUBJECTS:
            cells = [coverage(what, n, n_seeds, replications) for n_seeds in SEEDS]
            print(f"| {what} | {n} | {' | '.join(f'{own:.3f}, **{both:.3f}**' for own, both in cells)} |")
