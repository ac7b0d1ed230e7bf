"""Trends along bitrates against closed forms, scipy, permutations and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from rppgbench.evaluation.trend import bitrate_series, halvings, page_test, trends

NAN = float("nan")
KBPS = (400.0, 200.0, 100.0)


def condition(id_, use, rate_kbps=None, **params):
    given = {**params, **({} if rate_kbps is None else {"bitrate_kbps": rate_kbps})}
    return {"id": id_, "use": use, "reference": use == "original", "params": given}


# In no order: series are sorted by rate.
CONDITIONS = [
    condition("x-100", "x264", 100.0, gop=9),
    condition("reference", "original"),
    condition("x-400", "x264", 400.0, gop=9),
    condition("x-200", "x264", 200.0, gop=9),
]
DOWN = ("reference", "x-400", "x-200", "x-100")


def rising(rows_of_errors, factor=1.7, *, subjects=6, entry="a", noise=0.0):
    """Errors that each step multiplies, far above the 0.5 bpm that is added."""
    random = np.random.RandomState(0)
    own = 1e6 * np.exp(random.normal(0, 0.5, (subjects, 1)))
    return rows_of_errors(
        {(entry, c): own * factor**i * np.exp(random.normal(0, noise, (subjects, 1))) for i, c in enumerate(DOWN)}
    )


def test_a_bitrate_series_begins_with_the_reference():
    (series,) = bitrate_series(CONDITIONS)
    assert (series.name, series.conditions, series.rates_kbps) == ("x264", DOWN, (None, *KBPS))


def test_other_params_give_other_series_and_conditions_without_a_rate_are_in_none():
    more = [
        condition("y-100", "x264", 100.0, gop=1),
        condition("crf-23", "x264", crf=23),
        condition("m", "mpeg4", 60.0),
    ]
    found = {series.name: series.conditions for series in bitrate_series([*CONDITIONS, *more])}
    assert found == {
        'x264 {"gop": 9}': DOWN,
        'x264 {"gop": 1}': ("reference", "y-100"),
        "mpeg4": ("reference", "m"),
    }
    assert bitrate_series([]) == bitrate_series([CONDITIONS[1]]) == []


def test_the_effect_of_a_halving_is_the_factor_of_the_errors(rows_of_errors):
    error, snr = trends(rising(rows_of_errors), CONDITIONS, draws=200)
    assert error.per_halving.value == pytest.approx(1.7, rel=1e-5)
    assert (error.per_halving.low, error.per_halving.high) == pytest.approx((1.7, 1.7), rel=1e-5)
    assert (error.entry, error.measure, error.n, error.n_dropped) == ("a", "error", 6, 0)
    # 6 subjects of 4 conditions in perfect order: one order of 24 each.
    assert error.page.p == pytest.approx(24.0**-6, rel=1e-6)
    assert error.page.statistic == 6 * (1 + 4 + 9 + 16)
    assert (snr.measure, snr.page.p) == ("snr", error.page.p)  # the fixture's SNR is 10 dB less the error


def test_the_effect_of_a_halving_on_snr_is_in_decibels(rows_of_errors):
    rows = [
        row for i, c in enumerate(DOWN) for row in rows_of_errors({("a", c): np.ones((5, 2))}, snr_db=9.0 - 1.5 * i)
    ]
    error, snr = trends(rows, CONDITIONS, draws=200)
    assert snr.per_halving.value == pytest.approx(-1.5)
    assert snr.page.p == pytest.approx(24.0**-5, rel=1e-6)
    # Errors that never change: no order at all.
    assert error.per_halving.value == pytest.approx(1.0)
    assert (error.page.p, error.page.n_tied) == (1.0, 5)


def test_page_is_that_of_scipy_where_no_values_are_equal():
    values = np.random.RandomState(1).normal(0, 1, (9, 4)) + np.linspace(0, 0.8, 4)
    peer = stats.page_trend_test(values)
    found = page_test(values)
    assert (found.statistic, found.p, found.n_tied) == (peer.statistic, peer.pvalue, 0)


def test_page_of_equal_values_is_near_that_of_all_permutations():
    values = np.array([[1, 2, 2, 4], [1, 1, 3, 2], [2, 2, 2, 3], [1, 3, 3, 3], [2, 1, 4, 4]], dtype=float)
    ranks, order = stats.rankdata(values, axis=1), np.arange(1, 5)
    of_rows = [[sum(np.array(p) * order) for p in itertools.permutations(row)] for row in ranks]
    random = np.random.RandomState(0)
    drawn = sum(np.array(sums)[random.randint(0, 24, 100_000)] for sums in of_rows)
    found = page_test(values)
    assert found.n_tied == 5
    assert drawn.std() == pytest.approx(np.sqrt(sum(np.var(sums) for sums in of_rows)), rel=0.02)
    # The normal distribution for steps of half a rank, of five rows: near.
    middle = np.mean(drawn > found.statistic) + np.mean(drawn == found.statistic) / 2
    assert found.p == pytest.approx(middle, abs=0.005)
    # scipy's, whose variance is that of ranks without ties, is further off.
    assert abs(stats.page_trend_test(values, method="asymptotic").pvalue - middle) > abs(found.p - middle)


@pytest.mark.parametrize("ties", [False, True])
def test_page_is_uniform_where_there_is_no_trend(ties):
    random = np.random.RandomState(3)
    p = []
    for _ in range(1000):
        values = random.normal(0, 1, (30, 4))
        p.append(page_test(np.round(values) if ties else values).p)
    for alpha in (0.05, 0.2, 0.5):
        assert stats.binomtest(int(np.sum(np.array(p) <= alpha)), 1000, alpha).pvalue > 1e-3


def test_rising_is_found_and_falling_is_not(rows_of_errors):
    rows = rising(rows_of_errors, 1.5, noise=0.3, subjects=10)
    rows += rising(rows_of_errors, 1 / 1.5, noise=0.3, subjects=10, entry="b")
    a, b, *_ = trends(rows, CONDITIONS, draws=500)
    assert a.page.p < 0.001 < 0.999 < b.page.p
    assert b.per_halving.high < 1 < a.per_halving.low
    assert a.p_holm == pytest.approx(2 * a.page.p)


def test_entries_are_those_without_controls_unless_named(rows_of_errors):
    rows = rising(rows_of_errors) + rising(rows_of_errors, entry="control")
    assert {trend.entry for trend in trends(rows, CONDITIONS, draws=200)} == {"a"}
    assert {trend.entry for trend in trends(rows, CONDITIONS, entries=["control", "b"], draws=200)} == {"control"}


def test_failed_windows_are_imputed_and_have_no_snr(rows_of_errors):
    lost = np.full((6, 2), 2.0)
    lost[0, 1] = NAN  # subject 0's truth is 60; the others' mean of other folds 63
    rows = [row for c in DOWN for row in rows_of_errors({("a", c): lost if c == "x-100" else np.ones((6, 2))})]
    error, snr = trends(rows, CONDITIONS, draws=200)
    assert error.n == snr.n == 6
    slopes = np.full(6, np.log(2.5 / 1.5))
    slopes[0] = np.log((2.5 + 0.5) / 1.5)
    # Halvings -1, 0, 1: half of what the last is above the first.
    assert math.log(error.per_halving.value) == pytest.approx(slopes.mean() / 2)
    assert snr.per_halving.value == pytest.approx(-0.5)  # of the windows that have one everywhere


def test_subjects_without_a_window_everywhere_are_left_out(rows_of_errors):
    rows = [row for row in rising(rows_of_errors) if (row["subject"], row["condition"]) != ("s02", "x-200")]
    error, _ = trends(rows, CONDITIONS, draws=200)
    assert (error.n, error.n_dropped) == (5, 1)


def test_too_few_subjects_or_conditions_have_no_test_with_a_reason(rows_of_errors):
    rows = rising(rows_of_errors)
    alone, _ = trends([row for row in rows if row["subject"] == "s00"], CONDITIONS, draws=200)
    assert math.isnan(alone.page.p)
    assert math.isnan(alone.p_holm)
    assert alone.page.reason == "1 subjects: too few for Page's test"
    assert alone.per_halving.value == pytest.approx(1.7, rel=1e-5)
    assert math.isnan(alone.per_halving.low)
    short, _ = trends([row for row in rows if row["condition"] in DOWN[:2]], CONDITIONS, draws=200)
    assert (short.page.reason, short.per_halving.reason) == (
        "2 conditions: too few for Page's test", "fewer than two bitrates")  # fmt: skip
    assert trends([row for row in rows if row["condition"] == "reference"], CONDITIONS) == []
    assert trends([], CONDITIONS) == trends(rows, []) == []
    unseen, _ = trends([{**row, "status": "excluded"} for row in rows], CONDITIONS, draws=200)
    assert (unseen.n, unseen.page.reason) == (0, "0 subjects: too few for Page's test")
    assert math.isnan(unseen.per_halving.value)


def test_halvings_are_steps_of_one_about_0():
    assert halvings(KBPS).tolist() == pytest.approx([-1, 0, 1])
    assert halvings([300.0, 300.0]).tolist() == [0, 0]
    assert halvings([]).tolist() == []
