from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.limits_of_agreement import limits_of_agreement


def rows_of(make_rows, errors):
    """Errors by subject, about true rates that vary."""
    true = {subject: 60 + 7 * i for i, subject in enumerate(errors)}
    return make_rows({s: [(true[s] + k, true[s] + k + e) for k, e in enumerate(of)] for s, of in errors.items()})


def test_a_case_worked_by_hand(make_rows):
    """Differences 1, 3 and 4, 6, 8 and 0.

    Their mean is 22 / 6. Within subjects the mean square is (2 + 8) / 3; between them it is half of
    2 (2 - 22/6)^2 + 3 (6 - 22/6)^2 + (22/6)^2 = 106/3; a subject has (6 - 14/6) / 2 = 11/6 windows.
    """
    found = limits_of_agreement(rows_of(make_rows, {"a": [1, 3], "b": [4, 6, 8], "c": [0]}), draws=200)
    within, between = 10 / 3, (106 / 3 / 2 - 10 / 3) / (11 / 6)
    assert found.bias_bpm.value == pytest.approx(22 / 6)
    assert found.sd_within_bpm.value == pytest.approx(np.sqrt(within))
    assert found.sd_between_bpm.value == pytest.approx(np.sqrt(between))
    assert found.low_bpm.value == pytest.approx(22 / 6 - 1.96 * np.sqrt(within + between))
    assert found.high_bpm.value == pytest.approx(22 / 6 + 1.96 * np.sqrt(within + between))
    assert (found.n_subjects, found.n_windows) == (3, 6)


def test_mean_squares_are_those_of_statsmodels_analysis_of_variance(make_rows):
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    random = np.random.RandomState(0)
    errors = {f"s{i}": list(3 * random.randn() + 2 * random.randn(n)) for i, n in enumerate((2, 5, 3, 7, 4, 2, 6, 3))}
    rows = rows_of(make_rows, errors)
    frame = pd.DataFrame(rows)
    table = anova_lm(ols("error_bpm ~ C(subject)", frame).fit())
    each = frame.groupby("subject").size()
    windows_each = (each.sum() ** 2 - (each**2).sum()) / ((len(each) - 1) * each.sum())
    found = limits_of_agreement(rows, draws=200)
    mean_squares = table["mean_sq"]
    assert found.sd_within_bpm.value == pytest.approx(np.sqrt(mean_squares["Residual"]))
    between = (mean_squares["C(subject)"] - mean_squares["Residual"]) / windows_each
    assert found.sd_between_bpm.value == pytest.approx(np.sqrt(between))


def test_slopes_are_scipys(make_rows):
    rows = rows_of(make_rows, {"a": [1, 3], "b": [4, 6, 8], "c": [0, -2]})
    pred, true = (np.array([row[f"hr_{which}_bpm"] for row in rows]) for which in ("pred", "true"))
    found = limits_of_agreement(rows, draws=200)
    assert found.slope_on_truth.value == pytest.approx(stats.linregress(true, pred - true).slope)
    assert found.slope_on_mean.value == pytest.approx(stats.linregress((pred + true) / 2, pred - true).slope)


def test_variance_components_of_a_simulation_are_recovered(make_rows):
    """Subjects 2 bpm and windows 3 bpm of SD, predictions that shrink by 0.4; 400 subjects of 4 windows."""
    random = np.random.RandomState(0)
    true = random.normal(75, 12, (400, 1)) + random.normal(0, 3, (400, 4))
    noise = random.normal(0, 2, (400, 1)) + random.normal(0, 3, (400, 4))
    rates = {f"s{i}": list(zip(true[i], true[i] + noise[i], strict=True)) for i in range(400)}
    found = limits_of_agreement(make_rows(rates), draws=500)
    for estimate, expected in ((found.sd_within_bpm, 3), (found.sd_between_bpm, 2), (found.slope_on_truth, 0)):
        assert estimate.low < expected < estimate.high
        assert estimate.high - estimate.low < 0.8
    shrunk = {s: [(t, 75 + 0.6 * (t - 75) + p - t) for t, p in windows] for s, windows in rates.items()}
    assert limits_of_agreement(make_rows(shrunk), draws=500).slope_on_truth.value == pytest.approx(-0.4, abs=0.03)


def test_one_window_a_subject_leaves_the_plain_limits(make_rows):
    errors = [1.0, 4, -2, 7, 3]
    found = limits_of_agreement(rows_of(make_rows, {f"s{i}": [e] for i, e in enumerate(errors)}), draws=500)
    assert found.high_bpm.value == pytest.approx(np.mean(errors) + 1.96 * np.std(errors, ddof=1))
    assert np.isnan(found.sd_within_bpm.value)
    assert found.sd_within_bpm.reason == "no subject with two windows"
    assert np.isnan(found.sd_between_bpm.value)
    assert found.low_bpm.low < found.low_bpm.value < found.low_bpm.high


def test_one_subject_has_no_limits_but_a_spread_within(make_rows):
    found = limits_of_agreement(rows_of(make_rows, {"a": [1, 3]}), draws=100)
    assert found.sd_within_bpm.value == pytest.approx(np.sqrt(2))
    assert found.sd_within_bpm.reason == found.bias_bpm.reason == "one subject: no interval"
    assert np.isnan([found.sd_between_bpm.value, found.low_bpm.value, found.high_bpm.value]).all()
    assert found.low_bpm.reason == "one subject"


def test_a_negative_variance_between_subjects_is_0(make_rows):
    found = limits_of_agreement(rows_of(make_rows, {"a": [-5, 5], "b": [-4, 4], "c": [-6, 6]}), draws=200)
    assert found.sd_between_bpm.value == 0
    assert found.bias_bpm.value == 0


def test_a_spread_between_subjects_has_no_bound_below_0(make_rows):
    """Some draws find next to none: symmetric about the estimate, the interval would reach below."""
    errors = {"a": [0, 4], "b": [3, 5], "c": [1, -3], "d": [6, 2], "e": [1, 3]}
    found = limits_of_agreement(rows_of(make_rows, errors), draws=500)
    assert found.sd_between_bpm.value > 1
    assert found.sd_between_bpm.low == 0
    assert found.sd_between_bpm.high > found.sd_between_bpm.value
    assert np.isnan(limits_of_agreement(rows_of(make_rows, {"a": [1, 3]}), draws=100).sd_between_bpm.low)


def test_constant_truth_has_no_slope(make_rows):
    found = limits_of_agreement(make_rows({"a": [(70, 71.0), (70, 73.0)], "b": [(70, 69.0)]}), draws=100)
    assert found.slope_on_truth.reason == "constant truth"
    assert np.isfinite(found.slope_on_mean.value)


def test_nothing_scored_has_no_limits(make_rows):
    for rows in ([], make_rows({"a": [(70, None)], "b": [(80, None)]})):
        found = limits_of_agreement(rows, draws=100)
        assert found.n_subjects == found.n_windows == 0
        assert {found.bias_bpm.reason, found.high_bpm.reason, found.slope_on_mean.reason} == {"nothing scored"}


def test_two_entries_at_once_are_refused(make_rows):
    rows = make_rows({"a": [(70, 71.0)]}) + make_rows({"a": [(70, 71.0)]}, entry="chrom")
    with pytest.raises(IncomparableResults, match="chrom under reference, pos under reference"):
        limits_of_agreement(rows)
