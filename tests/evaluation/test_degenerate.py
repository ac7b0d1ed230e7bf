"""Degenerate results: every metric has its documented value, or is undefined with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.evaluation.entry_summary import summarise
from rppgbench.evaluation.heart_rate_metrics import PULSES, RATES
from rppgbench.evaluation.metrics import METRICS
from rppgbench.evaluation.quality_metrics import QUALITY
from rppgbench.evaluation.variability_metrics import VARIABILITY

WHAT_FAILED_WINDOWS_HAVE = {"within_5_bpm", "within_10_percent", "hrv_coverage", *QUALITY}
CORRELATIONS = {name for name in METRICS if name.endswith("_r") or name == "hr_r_within"}
SPREADS = {name for name in METRICS if "_sd_" in name or name.endswith("_sd")} - set(QUALITY)
CHANGES = {name for name in METRICS if name.startswith("delta_") or name == "psnr_sd_change_db"}


def rates(subjects: int, windows: int, pred):
    random = np.random.RandomState(1)
    true = random.uniform(50, 110, (subjects, windows))
    return {f"s{i:02d}": [(float(t), pred(t, random)) for t in true[i]] for i in range(subjects)}


def plain(make_rows, **kwargs):
    return make_rows(rates(12, 3, lambda t, random: t + 3 * random.randn()), folds=3, **kwargs)


def noise(make_rows):
    return make_rows(rates(40, 3, lambda t, random: random.uniform(42, 240)), folds=4)


def not_numbers(make_rows):
    """Rows with status scored whose predictions are NaN."""
    predicted = [name for name in plain(make_rows)[0] if "pred" in name or name in ("macc", "macc_null", "ibi_mae_ms")]
    hidden = dict.fromkeys([*predicted, "error_bpm", "snr_db", "psnr_in_db", "psnr_out_db"], np.nan)
    return [{**row, **hidden} for row in plain(make_rows)]


def constant(make_rows):
    return make_rows(rates(12, 3, lambda t, random: 75.0), folds=3)


def one_subject(make_rows):
    return make_rows({"a": [(60, 61.0), (66, 69.0), (63, 62.0)]})


def one_window(make_rows):
    return make_rows({"a": [(60, 61.0)]})


def ties(make_rows):
    """Rows of subjects with equal predictions and truths."""
    return make_rows({f"s{i}": [(60, 63.0), (80, 78.0)] for i in range(8)}, folds=2)


def all_failed(make_rows):
    return make_rows({f"s{i}": [(60.0 + i, None)] * 2 for i in range(8)}, folds=2)


def all_excluded(make_rows):
    return [{**row, "status": "excluded"} for row in all_failed(make_rows)]


def infinite(make_rows):
    """Rows of a video equal to the reference: each of its qualities in dB is infinite."""
    return [
        {**row, **{name: np.inf for name in row if name.endswith(("_in_db", "_out_db"))}} for row in plain(make_rows)
    ]


CASES = {
    plain: set(),
    noise: set(),
    constant: CORRELATIONS,
    ties: set(),
    one_subject: {"skill"},
    one_window: {"skill", "hr_slope"} | CORRELATIONS | SPREADS,
    not_numbers: {*RATES, *PULSES, *VARIABILITY} - WHAT_FAILED_WINDOWS_HAVE | {"psnr_db", "delta_psnr_db"},
    all_failed: {*RATES, *PULSES, *VARIABILITY} - WHAT_FAILED_WINDOWS_HAVE,
    all_excluded: {*RATES, *PULSES, *VARIABILITY},
    infinite: {name for name in QUALITY if name.endswith("_db")},
}


@pytest.fixture(scope="module")
def summaries(make_rows):
    return {case: summarise(case(make_rows), draws=400)[0] for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_a_value_or_is_undefined_with_a_reason(summaries, case, name):
    estimate = summaries[case].metrics[name]
    assert not np.isinf(estimate.value)
    assert np.isnan(estimate.value) == (name in CASES[case])
    if name in CASES[case]:
        assert estimate.reason == METRICS[name].undefined
    if np.isnan(estimate.value) or summaries[case].n_subjects == 1:
        assert np.isnan([estimate.low, estimate.high]).all()
        assert estimate.reason
    elif np.isnan(estimate.low):
        assert "no interval" in estimate.reason
    else:
        assert estimate.low <= estimate.value <= estimate.high


def test_white_noise_has_no_skill_and_no_correlation(summaries):
    found = summaries[noise].metrics
    assert found["skill"].high < 0
    for name in ("hr_r", "hr_r_within", "hr_ccc", "hr_slope"):
        assert abs(found[name].value) < 0.25  # two standard errors of 120 windows
        assert found[name].low < 0.1


def test_constant_predictions_have_concordance_0_and_slope_0(summaries):
    found = summaries[constant].metrics
    assert found["hr_ccc"].value == pytest.approx(0)
    assert found["hr_slope"].value == pytest.approx(0)
    assert found["skill"].value == pytest.approx(0, abs=0.1)


def test_equal_subjects_have_intervals_of_width_0(summaries):
    found = summaries[ties].metrics
    assert (found["hr_mae_bpm"].low, found["hr_mae_bpm"].high) == pytest.approx((2.5, 2.5))
    assert (found["hr_mae_median_bpm"].value, found["within_5_bpm"].value) == (2.5, 1)


def test_failed_windows_are_0_within_and_0_coverage(summaries):
    for case in (all_failed, not_numbers):
        found = summaries[case].metrics
        assert [found[name].value for name in ("within_5_bpm", "within_10_percent", "hrv_coverage")] == [0, 0, 0]


def test_rows_without_the_new_columns_leave_their_metrics_undefined(make_rows):
    kept = ("entry", "condition", "subject", "status", "error_bpm", "hr_pred_bpm", "hr_true_bpm")
    rows = [{name: row[name] for name in kept} for row in plain(make_rows)]
    found = summarise(rows, draws=100)[0].metrics
    defined = {name for name, estimate in found.items() if not np.isnan(estimate.value)}
    assert defined == set(RATES) - {"skill"} | {"hrv_coverage"}
