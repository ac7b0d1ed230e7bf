"""Intervals of changes are the boards'."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.evaluation.intervals import mean_estimate, subject_weights
from rppgbench.figures.paired_draws import UNKNOWN, PairedDraws


def test_the_interval_of_a_change_is_that_of_a_plain_mean_over_subjects():
    weights, changes_db = subject_weights(8, draws=4000, seed=0), np.random.RandomState(0).randn(8)
    draws = PairedDraws([f"s{i}" for i in range(8)], weights, 0.95)
    twice = [(f"s{i}", change_db + sign) for i, change_db in enumerate(changes_db[:6]) for sign in (-1, 1)]
    found = draws.mean(twice)
    expected = mean_estimate(np.append(changes_db[:6], [np.nan, np.nan]), weights, level=0.95)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
    # Raw percentiles of so few are too narrow.
    drawn = np.array([np.random.RandomState(k).choice(changes_db[:6], 6).mean() for k in range(2000)])
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.high - found.low > 1.2 * (high - low)
    assert draws.mean([]) == UNKNOWN
    assert draws.mean([("s1", 2.0)]).reason == "one subject: no interval"
