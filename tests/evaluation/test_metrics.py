from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rppgbench.evaluation.metrics import METRICS, SubjectSums


@pytest.fixture
def unequal(make_rows):
    """Three subjects with 1, 2 and 5 windows."""
    random = np.random.RandomState(0)
    return make_rows(
        {f"s{n}": [(t, t + e) for t, e in zip(random.uniform(50, 120, n), 4 * random.randn(n) + 1, strict=True)]
         for n in (1, 2, 5)}
    )  # fmt: skip


def values(rows, subjects=None):
    subjects = subjects or sorted({row["subject"] for row in rows})
    once = SubjectSums.of(rows, subjects).weighted(np.ones((1, len(subjects))))
    return {name: metric.of(once)[0] for name, metric in METRICS.items()}


def test_pooled_metrics_are_numpys_and_scipys(unequal):
    error = np.array([row["error_bpm"] for row in unequal])
    pred, true = (np.array([row[f"hr_{which}_bpm"] for row in unequal]) for which in ("pred", "true"))
    found = values(unequal)
    assert found["hr_mae_pooled_bpm"] == pytest.approx(np.abs(error).mean())
    assert found["hr_rmse_bpm"] == pytest.approx(np.sqrt((error**2).mean()))
    assert found["hr_sd_bpm"] == pytest.approx(np.std(error, ddof=1))
    assert found["hr_bias_bpm"] == pytest.approx(error.mean())
    assert found["hr_r"] == pytest.approx(stats.pearsonr(pred, true).statistic)


def test_rmse_squared_is_bias_squared_plus_variance(unequal):
    found, n = values(unequal), len(unequal)
    variance = found["hr_sd_bpm"] ** 2 * (n - 1) / n
    assert found["hr_rmse_bpm"] ** 2 == pytest.approx(found["hr_bias_bpm"] ** 2 + variance)


@pytest.mark.parametrize(
    ("feature", "unit", "columns", "turn"),
    [
        ("rf", "_hz", ("rf_pred_hz", "rf_true_hz"), 1),
        ("lf_nu", "", ("lf_nu_pred", "lf_nu_true"), 1),
        ("hf_nu", "", ("lf_nu_pred", "lf_nu_true"), -1),
        ("lf_hf", "", ("lf_hf_pred", "lf_hf_true"), 1),
    ],
)
def test_features_of_variability_have_numpys_and_scipys_sd_rmse_and_r(unequal, feature, unit, columns, turn):
    unequal[1][columns[0]] = unequal[4][columns[1]] = None  # a window that one of the two says nothing of
    known = [row for row in unequal if row[columns[0]] is not None and row[columns[1]] is not None]
    # HF in normalised units is 1 - LF.
    pred, true = (np.array([(turn < 0) + turn * row[column] for row in known]) for column in columns)
    found = values(unequal)
    assert found[f"{feature}_sd{unit}"] == pytest.approx(np.std(pred - true, ddof=1))
    assert found[f"{feature}_rmse{unit}"] == pytest.approx(np.sqrt(np.mean((pred - true) ** 2)))
    assert found[f"{feature}_r"] == pytest.approx(stats.pearsonr(pred, true).statistic)
    assert found["hr_mae_pooled_bpm"] == pytest.approx(np.mean([abs(row["error_bpm"]) for row in unequal]))


def test_without_features_there_are_none_of_their_metrics(unequal):
    for row in unequal:
        row["rf_pred_hz"] = None
    found = values(unequal)
    assert np.isnan([found["rf_sd_hz"], found["rf_rmse_hz"], found["rf_r"]]).all()
    assert np.isfinite([found["lf_nu_sd"], found["hr_sd_bpm"]]).all()
    assert METRICS["rf_r"].undefined


def test_macro_metrics_give_each_subject_the_same_say(unequal):
    by_subject = [[row for row in unequal if row["subject"] == s] for s in ("s1", "s2", "s5")]
    found = values(unequal)
    assert found["hr_mae_bpm"] == pytest.approx(
        np.mean([np.mean([abs(row["error_bpm"]) for row in rows]) for rows in by_subject])
    )
    assert found["snr_db"] == pytest.approx(np.mean([np.mean([row["snr_db"] for row in rows]) for rows in by_subject]))
    assert found["hr_mae_bpm"] != pytest.approx(found["hr_mae_pooled_bpm"])


def test_a_failed_window_is_not_within_and_has_no_error(make_rows):
    found = values(make_rows({"a": [(60, 62.0), (60, None)], "b": [(70, 75.0), (70, 75.1)]}))
    assert found["within_5_bpm"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert found["hr_mae_bpm"] == pytest.approx((2 + 5.05) / 2)


def test_an_excluded_window_counts_nowhere(make_rows):
    rows = make_rows({"a": [(60, 62.0), (60, None)], "b": [(70, 75.0)]})
    rows[1]["status"] = "excluded"
    assert values(rows)["within_5_bpm"] == 1


def test_weights_are_subjects_repeated_with_all_their_windows(unequal):
    subjects = ["s1", "s2", "s5"]
    twice = [row for row in unequal if row["subject"] == "s2"] * 2 + [row for row in unequal if row["subject"] == "s5"]
    for row, name in zip(twice, ["x", "x", "y", "y", *["z"] * 5], strict=True):
        twice[twice.index(row)] = {**row, "subject": name}
    weighted = SubjectSums.of(unequal, subjects).weighted(np.array([[0.0, 2, 1]]))
    expected = values(twice)
    for name, metric in METRICS.items():
        assert metric.of(weighted)[0] == pytest.approx(expected[name]), name


@pytest.mark.parametrize("constant", ["pred", "true"])
def test_no_correlation_with_a_constant(make_rows, constant):
    rates = [60.1, 71.7, 93.3, 85.9]
    pairs = [(rate, 75.3) if constant == "pred" else (75.3, rate) for rate in rates]
    found = values(make_rows({"a": pairs[:2], "b": pairs[2:]}))
    for name, value in found.items():
        assert np.isnan(value) == name.endswith("_r"), name


def test_one_window_has_an_error_but_no_spread(make_rows):
    found = values(make_rows({"a": [(60, 63.0)]}))
    assert found["hr_mae_bpm"] == found["hr_rmse_bpm"] == found["hr_bias_bpm"] == 3
    assert np.isnan(found["hr_sd_bpm"])
    assert np.isnan(found["hr_r"])


def test_perfect_predictions(make_rows):
    found = values(make_rows({"a": [(60, 60.0), (70, 70.0)], "b": [(80, 80.0)]}))
    assert found["hr_mae_bpm"] == found["hr_rmse_bpm"] == found["hr_sd_bpm"] == 0
    assert found["hr_r"] == pytest.approx(1)
    assert found["within_5_bpm"] == 1


def test_nothing_scored_leaves_all_but_coverage_and_pixels_undefined(make_rows):
    found = values(make_rows({"a": [(60, None)], "b": [(70, None)]}))
    assert found.pop("within_5_bpm") == 0
    assert (found.pop("delta_psnr_db"), found.pop("psnr_sd_change_db")) == (0.5, -0.5)
    assert np.isnan(list(found.values())).all()
