from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rppgbench.evaluation.intervals import ORDER, SCALES, SKEWED, Estimate, interval, mean_estimate, subject_weights

INSIDE = {"plain": [-3, 0.0, 7], "share": [0, 0.3, 1], "correlation": [-0.9, 0, 0.99]}


def test_draws_are_numpys_frozen_stream():
    # RandomState(0).randint(0, 4, 8) is 0 3 1 0, 3 3 3 3 on every platform and since every version.
    assert subject_weights(4, draws=2, seed=0).tolist() == [[2, 1, 0, 1], [0, 0, 0, 4]]
    np.testing.assert_array_equal(subject_weights(9, draws=50, seed=3).sum(axis=1), 9)
    assert subject_weights(0, draws=3, seed=0).shape == (3, 0)


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_is_invertible(name):
    numbers = np.array(INSIDE[name], dtype=np.float64)
    np.testing.assert_allclose(SCALES[name].back(SCALES[name].to(numbers)), numbers, atol=1e-12)


def test_of_normal_means_the_interval_is_students():
    """Draws of the mean of a normal sample have its standard error: what is left is Student's t, at n = 8."""
    sample = np.random.RandomState(3).randn(8)
    drawn = subject_weights(8, draws=200_000, seed=0) @ sample / 8
    found = interval(float(sample.mean()), drawn, n_subjects=8, level=0.9)
    expected = stats.t.interval(0.9, 7, loc=sample.mean(), scale=stats.sem(sample))
    # The bootstrap's tails of 8 numbers are not quite normal: 3 % at the 5th and 95th percentile.
    assert (found.low, found.high) == pytest.approx(expected, abs=0.03 * (expected[1] - expected[0]))


@pytest.mark.parametrize("name", SCALES)
def test_an_interval_is_around_its_estimate_and_on_its_scale(name):
    scale, random = SCALES[name], np.random.RandomState(0)
    centre = {"plain": 1.0, "share": 0.97, "correlation": 0.95}[name]
    drawn = scale.back(scale.to(np.array(centre)) + 0.3 * random.randn(5000))
    found = interval(centre, drawn, n_subjects=5, level=0.95, scale=name)
    assert found.low < centre <= found.high
    if name in ("share", "correlation"):
        assert found.high <= 1


def test_of_order_statistics_and_where_a_scale_is_infinite_the_interval_is_the_expanded_percentile():
    drawn = np.where(np.arange(1000) < 100, 1.0, np.linspace(0.5, 0.9, 1000))
    tail = stats.norm.cdf(-np.sqrt(12 / 11) * stats.t.ppf(0.975, 11))
    expected = tuple(np.quantile(drawn, [tail, 1 - tail]))
    for scale in (ORDER, "correlation"):
        found = interval(0.7, drawn, n_subjects=12, level=0.95, scale=scale)
        assert (found.low, found.high) == pytest.approx(expected)
    assert interval(1.0, np.ones(100), n_subjects=12, level=0.95, scale="correlation") == Estimate(1.0, 1.0, 1.0)


def of_means(means, level=0.95, draws=20_000):
    means = np.array(means, dtype=np.float64)
    return mean_estimate(means, subject_weights(len(means), draws=draws, seed=0), level=level, scale=SKEWED)


def expanded_level(n, level):
    return 2 * stats.norm.cdf(stats.t.ppf(0.5 + level / 2, n - 1) * np.sqrt(n / (n - 1))) - 1


@pytest.mark.parametrize("n", [6, 15, 40])
def test_of_skewed_means_the_interval_is_scipys_bca_at_the_expanded_level(n):
    means = np.random.RandomState(n).lognormal(0.5, 0.9, n)
    peer = stats.bootstrap(
        (means,), np.mean, confidence_level=expanded_level(n, 0.9), n_resamples=20_000, method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = of_means(means, level=0.9)
    # Two bootstraps of 20,000 draws differ by the noise of their tails.
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=0.03 * (peer.high - peer.low))


@pytest.mark.parametrize("n_lost", [0, 1, 2, 5])
@pytest.mark.parametrize("n", [2, 3, 7, 20])
def test_an_interval_of_a_skewed_mean_reaches_no_further_than_its_subjects(n, n_lost):
    """One or two lose the pulse, and the others are hardly ever wrong: no mean of people is beyond the worst."""
    random = np.random.RandomState(n)
    means = np.append(random.lognormal(-2.5, 0.7, n - min(n, n_lost)), random.uniform(15, 60, min(n, n_lost)))
    found = of_means(means)
    rounding = 1e-12
    assert means.min() - rounding <= found.low < found.value < found.high <= means.max() + rounding


def test_with_two_subjects_the_interval_is_from_one_to_the_other():
    assert of_means([0.1, 40.0]) == Estimate(20.05, 0.1, 40.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_beyond_the_pole_of_the_acceleration_lies_the_end_of_the_draws(sign):
    """Three subjects of whom one is far off: BCa's formula comes back from infinity on the other side."""
    means, z = sign * np.array([0.1, 0.2, 40.0]), stats.t.ppf(0.9995, 2) * np.sqrt(3 / 2)
    off = (means - means.mean()) / 2
    assert abs(np.sum(off**3)) / (6 * np.sum(off**2) ** 1.5) * z > 1
    found = of_means(means, level=0.999)
    assert (found.low, found.high) == pytest.approx((means.min(), means.max()))


def test_rounding_moves_no_bound():
    """With four subjects every eleventh draw equals the estimate, but for rounding that differs between platforms."""
    means, weights = np.array([0.1, 0.3, 0.7, 9.1]), subject_weights(4, draws=5000, seed=0)
    drawn, left_out = weights @ means / 4, (means.sum() - means) / 3
    found = [
        interval(means.mean() * (1 + bit), drawn, n_subjects=4, level=0.5, scale=SKEWED, left_out=left_out)
        for bit in (-4e-16, 0, 4e-16)
    ]
    assert len({(estimate.low, estimate.high) for estimate in found}) == 1


def test_equal_subjects_have_an_interval_of_width_0():
    assert of_means(np.zeros(12)) == Estimate(0.0, 0.0, 0.0)
    assert of_means([2.0, 2.0]) == Estimate(2.0, 2.0, 2.0)


@pytest.mark.parametrize("n", [2, 6, 10])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_of_a_share_that_all_or_none_have_the_interval_is_clopper_and_pearsons(n, share):
    weights = subject_weights(n, draws=500, seed=0)
    found = mean_estimate(np.full(n, share), weights, level=0.9, scale="share")
    peer = stats.binomtest(int(share * n), n).proportion_ci(0.9, method="exact")
    assert (found.value, found.low, found.high) == pytest.approx((share, peer.low, peer.high))


def test_of_a_share_that_one_has_not_the_interval_is_still_of_the_draws():
    means = np.append(np.ones(9), 0.5)
    found = mean_estimate(means, subject_weights(10, draws=5000, seed=0), level=0.95, scale="share")
    assert 0.7 < found.low < 0.9 < found.value < found.high <= 1


def test_a_skewed_metric_needs_its_values_without_each_subject_and_scales_are_known():
    with pytest.raises(ValueError, match="without each of the subjects"):
        interval(1.0, np.ones(10), n_subjects=5, level=0.95, scale=SKEWED)
    with pytest.raises(KeyError, match="log"):
        interval(1.0, np.ones(10), n_subjects=5, level=0.95, scale="log")


def test_a_few_draws_without_a_value_are_left_out_and_many_leave_no_interval():
    drawn = np.random.RandomState(0).randn(1000)
    few, many = drawn.copy(), drawn.copy()
    few[:20], many[:100] = np.nan, np.nan
    assert np.isfinite(interval(0.0, few, n_subjects=9, level=0.95).low)
    found = interval(0.0, many, n_subjects=9, level=0.95)
    assert np.isnan([found.low, found.high]).all()
    assert found.reason == "undefined in 10% of the draws: no interval"


def test_one_subject_has_no_interval_and_what_is_undefined_is_refused():
    assert interval(2.0, np.full(10, 2.0), n_subjects=1, level=0.95).reason == "one subject: no interval"
    with pytest.raises(ValueError, match="undefined"):
        interval(np.nan, np.zeros(10), n_subjects=5, level=0.95)


@pytest.mark.parametrize("scale", ["plain", SKEWED])
def test_mean_estimate_leaves_out_subjects_without_a_number(scale):
    weights = subject_weights(30, draws=20_000, seed=0)
    means = np.random.RandomState(0).exponential(2, 30)
    means[::3] = np.nan
    found = mean_estimate(means, weights, level=0.95, scale=scale)
    known = means[~np.isnan(means)]
    alone = mean_estimate(known, subject_weights(20, draws=20_000, seed=1), level=0.95, scale=scale)
    assert found.value == pytest.approx(known.mean())
    # Twenty are drawn now more, now less often: a little more spread.
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=0.1 * (alone.high - alone.low))
    assert mean_estimate(np.full(30, np.nan), weights, level=0.95).reason == "nothing to average"
