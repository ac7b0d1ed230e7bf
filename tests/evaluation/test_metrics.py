from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rppgbench.evaluation.intervals import ORDER, SCALES, SKEWED
from rppgbench.evaluation.metrics import METRICS, SubjectSums
from rppgbench.evaluation.windows import Windows

DOCS = Path(__file__).parents[2] / "docs" / "statistics.md"


@pytest.fixture
def unequal(make_rows):
    """Three subjects with 1, 2 and 5 windows, each in a fold of its own."""
    random = np.random.RandomState(0)
    return make_rows(
        {f"s{n}": [(t, t + e) for t, e in zip(random.uniform(50, 120, n), 4 * random.randn(n) + 1, strict=True)]
         for n in (1, 2, 5)},
        folds=3,
    )  # fmt: skip


def sums(rows, subjects=None):
    return SubjectSums.of(Windows.of(rows, subjects or sorted({row["subject"] for row in rows})))


def values(rows):
    of_rows = sums(rows)
    once = of_rows.weighted(np.ones((1, len(of_rows.by_name["hr n"]))))
    return {name: metric.of(once)[0] for name, metric in METRICS.items()}


def macro(rows, of):
    """Mean over subjects of their means of a number that pandas computes from the table."""
    frame = pd.DataFrame(rows)
    return frame.assign(x=of(frame)).groupby("subject")["x"].mean().mean()


def test_pooled_metrics_are_numpys_and_scipys(unequal):
    error = np.array([row["error_bpm"] for row in unequal])
    pred, true = (np.array([row[f"hr_{which}_bpm"] for row in unequal]) for which in ("pred", "true"))
    found = values(unequal)
    assert found["hr_mae_pooled_bpm"] == pytest.approx(np.abs(error).mean())
    assert found["hr_rmse_bpm"] == pytest.approx(np.sqrt((error**2).mean()))
    assert found["hr_sd_bpm"] == pytest.approx(np.std(error, ddof=1))
    assert found["hr_bias_bpm"] == pytest.approx(error.mean())
    assert found["hr_r"] == pytest.approx(stats.pearsonr(pred, true).statistic)
    assert found["hr_slope"] == pytest.approx(stats.linregress(true, pred).slope)


def test_concordance_is_lins_and_below_the_correlation_by_bias_and_scale(unequal):
    pred, true = (np.array([row[f"hr_{which}_bpm"] for row in unequal]) for which in ("pred", "true"))
    found = values(unequal)
    # Lin 1989: 1 less the expected squared distance from the line of identity over that without correlation.
    distance = np.mean((pred - true) ** 2)
    independent = np.var(pred) + np.var(true) + (pred.mean() - true.mean()) ** 2
    assert found["hr_ccc"] == pytest.approx(1 - distance / independent)
    assert found["hr_ccc"] < found["hr_r"]


def test_correlation_within_subjects_is_that_of_departures_from_their_means(unequal):
    frame = pd.DataFrame([row for row in unequal if row["subject"] != "s1"])  # one window does not depart
    about = frame[["hr_pred_bpm", "hr_true_bpm"]] - frame.groupby("subject")[["hr_pred_bpm", "hr_true_bpm"]].transform(
        "mean"
    )
    assert values(unequal)["hr_r_within"] == pytest.approx(about.corr().iloc[0, 1])


def test_correlation_within_subjects_may_be_the_opposite_of_that_over_all_windows(make_rows):
    # Means of subjects are predicted right, and departures from them with the wrong sign.
    found = values(make_rows({"a": [(60, 62.0), (62, 60.0)], "b": [(100, 102.0), (102, 100.0)]}))
    assert found["hr_r_within"] == pytest.approx(-1)
    assert found["hr_r"] > 0.99


def test_shrinkage_towards_the_mean_is_a_slope_below_1(make_rows):
    rates = [50.0, 60.0, 80.0, 110.0]
    found = values(make_rows({f"s{i}": [(rate, 75 + 0.4 * (rate - 75))] for i, rate in enumerate(rates)}))
    assert found["hr_slope"] == pytest.approx(0.4)
    assert found["hr_r"] == pytest.approx(1)


def test_rmse_squared_is_bias_squared_plus_variance(unequal):
    found, n = values(unequal), len(unequal)
    variance = found["hr_sd_bpm"] ** 2 * (n - 1) / n
    assert found["hr_rmse_bpm"] ** 2 == pytest.approx(found["hr_bias_bpm"] ** 2 + variance)


@pytest.mark.parametrize(
    ("feature", "unit", "columns", "seen_as"),
    [
        ("rf", "_hz", ("rf_pred_hz", "rf_true_hz"), lambda x: x),
        ("lf_nu", "", ("lf_nu_pred", "lf_nu_true"), lambda x: x),
        ("hf_nu", "", ("lf_nu_pred", "lf_nu_true"), lambda x: 1 - x),
        ("lf_hf", "", ("lf_hf_pred", "lf_hf_true"), lambda x: x),
        ("log_lf_hf", "", ("lf_hf_pred", "lf_hf_true"), np.log),
        ("sdnn", "_ms", ("sdnn_pred_ms", "sdnn_true_ms"), lambda x: x),
        ("rmssd", "_ms", ("rmssd_pred_ms", "rmssd_true_ms"), lambda x: x),
    ],
)
def test_features_of_variability_have_numpys_and_scipys_sd_rmse_and_r(unequal, feature, unit, columns, seen_as):
    unequal[1][columns[0]] = unequal[4][columns[1]] = None  # windows without one of the two
    known = [row for row in unequal if row[columns[0]] is not None and row[columns[1]] is not None]
    pred, true = (seen_as(np.array([row[column] for row in known])) for column in columns)
    found = values(unequal)
    assert found[f"{feature}_sd{unit}"] == pytest.approx(np.std(pred - true, ddof=1))
    assert found[f"{feature}_rmse{unit}"] == pytest.approx(np.sqrt(np.mean((pred - true) ** 2)))
    assert found[f"{feature}_r"] == pytest.approx(stats.pearsonr(pred, true).statistic)
    if unit == "_ms":
        assert found[f"{feature}_bias_ms"] == pytest.approx(np.mean(pred - true))
    assert found["hr_mae_pooled_bpm"] == pytest.approx(np.mean([abs(row["error_bpm"]) for row in unequal]))


def test_metrics_of_missing_features_are_undefined(unequal):
    for row in unequal:
        row["rf_pred_hz"] = None
    found = values(unequal)
    assert np.isnan([found["rf_sd_hz"], found["rf_rmse_hz"], found["rf_r"], found["respiration_mae_brpm"]]).all()
    assert np.isfinite([found["lf_nu_sd"], found["hr_sd_bpm"]]).all()
    assert METRICS["rf_r"].undefined


MACROS = {
    "hr_mae_bpm": lambda d: d.error_bpm.abs(),
    "hr_mape": lambda d: 100 * d.error_bpm.abs() / d.hr_true_bpm,
    "within_5_bpm": lambda d: d.error_bpm.abs() <= 5,
    "within_10_percent": lambda d: d.error_bpm.abs() <= 0.1 * d.hr_true_bpm,
    "snr_db": lambda d: d.snr_db,
    "macc": lambda d: d.macc,
    "macc_null": lambda d: d.macc_null,
    "ibi_mae_ms": lambda d: d.ibi_mae_ms,
    "hrv_coverage": lambda d: d.sdnn_pred_ms.notna(),
    "respiration_mae_brpm": lambda d: 60 * (d.rf_pred_hz - d.rf_true_hz).abs(),
    "psnr_db": lambda d: d.psnr_in_db,
    "psnr_sd_db": lambda d: d.psnr_sd_in_db,
    "ssim": lambda d: d.ssim_in,
    "psnr_hvs_m_db": lambda d: d.psnr_hvs_m_in_db,
    "pulse_fidelity_db": lambda d: d.pulse_fidelity_in_db,
    "pulse_gain_db": lambda d: d.pulse_gain_in_db,
    "delta_psnr_db": lambda d: d.psnr_out_db - d.psnr_in_db,
    "psnr_sd_change_db": lambda d: d.psnr_sd_out_db - d.psnr_sd_in_db,
    "delta_ssim": lambda d: d.ssim_out - d.ssim_in,
    "delta_psnr_hvs_m_db": lambda d: d.psnr_hvs_m_out_db - d.psnr_hvs_m_in_db,
    "delta_pulse_fidelity_db": lambda d: d.pulse_fidelity_out_db - d.pulse_fidelity_in_db,
}


@pytest.mark.parametrize("name", MACROS)
def test_macro_metrics_weigh_subjects_equally(unequal, name):
    unequal[4]["sdnn_pred_ms"] = None
    assert values(unequal)[name] == pytest.approx(macro(unequal, MACROS[name]))


def test_pooled_and_macro_error_differ_where_subjects_have_unequal_numbers_of_windows(unequal):
    found = values(unequal)
    assert found["hr_mae_bpm"] != pytest.approx(found["hr_mae_pooled_bpm"])


@pytest.mark.parametrize("weights", [[1, 1, 1], [2, 0, 1], [0, 2, 2], [3, 0, 0], [0, 1, 5]])
def test_the_median_subject_is_numpys_of_the_subjects_repeated(unequal, weights):
    frame = pd.DataFrame(unequal).assign(abs=lambda d: d.error_bpm.abs())
    means = frame.groupby("subject")["abs"].mean().to_numpy()
    drawn = sums(unequal).weighted(np.array([weights], dtype=np.float64))
    assert drawn.median("error")[0] == pytest.approx(np.median(np.repeat(means, weights)))


def test_medians_of_many_subjects_are_numpys_draw_by_draw(make_rows):
    random = np.random.RandomState(0)
    errors = random.exponential(3, 300)
    rows = make_rows({f"s{i:03d}": [(75, 75 + error)] for i, error in enumerate(errors)})
    counts = random.multinomial(300, np.full(300, 1 / 300), size=20)
    counts[0] = 0
    counts[0, np.argmin(errors)] = 300  # a draw whose median is far from that of all
    found = sums(rows).weighted(counts.astype(np.float64)).median("error")
    assert found == pytest.approx([np.median(np.repeat(errors, weights)) for weights in counts])


def test_skill_is_against_the_mean_rate_of_the_other_folds_subjects(make_rows):
    rows = make_rows({"a": [(60, 62.0), (64, 62.0)], "b": [(80, 83.0)], "c": [(90, 89.0)]}, folds=3)
    # a is compared with (80 + 90) / 2, b with (62 + 90) / 2, c with (62 + 80) / 2.
    constant_error = ((25 + 21) / 2 + 4 + 19) / 3
    assert values(rows)["skill"] == pytest.approx(1 - (2 + 3 + 1) / 3 / constant_error)


def test_the_constant_predictor_itself_has_no_skill(make_rows):
    truth = {"a": [60, 64], "b": [80], "c": [90, 70]}
    means = {subject: np.mean(rates) for subject, rates in truth.items()}
    rows = make_rows(
        {s: [(rate, np.mean([means[o] for o in truth if o != s])) for rate in rates] for s, rates in truth.items()},
        folds=3,
    )
    assert values(rows)["skill"] == pytest.approx(0)


def test_beats_are_counted_within_a_subject_before_subjects_are_averaged(make_rows):
    rows = make_rows({"a": [(60, 61.0), (60, 62.0)], "b": [(70, 71.0)]})
    counts = [(30, 30, 10, 30), (10, 40, 5, 5), (20, 25, 4, 10)]  # predicted, true, matched at 50 and 150 ms
    for row, (pred, true, within_50, within_150) in zip(rows, counts, strict=True):
        row |= {"beats_pred": pred, "beats_true": true, "beats_matched_50ms": within_50}
        row |= {"beats_matched_100ms": within_50, "beats_matched_150ms": within_150}
    found = values(rows)
    assert found["beat_precision_150ms"] == pytest.approx((35 / 40 + 10 / 20) / 2)
    assert found["beat_recall_150ms"] == pytest.approx((35 / 70 + 10 / 25) / 2)
    assert found["beat_f1_150ms"] == pytest.approx((2 * 35 / 110 + 2 * 10 / 45) / 2)
    assert found["beat_f1_50ms"] == found["beat_f1_100ms"] == pytest.approx((2 * 15 / 110 + 2 * 4 / 45) / 2)


def test_a_prediction_without_beats_has_recall_0_and_no_precision(make_rows):
    rows = make_rows({"a": [(60, 61.0)], "b": [(70, 71.0)]})
    for row in rows:
        row |= {"beats_pred": 0, **{f"beats_matched_{tolerance}ms": 0 for tolerance in (50, 100, 150)}}
    found = values(rows)
    assert found["beat_recall_150ms"] == found["beat_f1_150ms"] == 0
    assert np.isnan(found["beat_precision_150ms"])


def test_quality_is_that_of_the_input_of_the_method(unequal):
    behind = [{**row, "enhancer": "dncnn"} for row in unequal]
    assert values(behind)["psnr_db"] == pytest.approx(macro(unequal, lambda d: d.psnr_out_db))
    assert values(behind)["pulse_gain_db"] == -2
    # The quality before the enhancer is not that of the method's input.
    assert np.isnan(values([{**row, "ssim_out": None} for row in behind])["ssim"])


def test_windows_equal_to_the_reference_are_left_out_of_the_mean(make_rows):
    rows = make_rows({"a": [(60, 61.0), (60, 61.0)], "b": [(70, 71.0)]})
    rows[0]["psnr_in_db"] = np.inf
    assert values(rows)["psnr_db"] == (31 + 30) / 2
    same = [{**row, "psnr_in_db": np.inf} for row in rows]
    assert np.isnan(values(same)["psnr_db"])


def test_a_failed_window_is_not_within_and_has_no_error(make_rows):
    found = values(make_rows({"a": [(60, 62.0), (60, None)], "b": [(70, 75.0), (70, 75.1)]}))
    assert found["within_5_bpm"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert found["within_10_percent"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["hrv_coverage"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["hr_mae_bpm"] == pytest.approx((2 + 5.05) / 2)


def test_an_excluded_window_is_in_no_metric(make_rows):
    rows = make_rows({"a": [(60, 62.0), (60, None)], "b": [(70, 75.0)]})
    rows[1]["status"] = "excluded"
    assert values(rows)["within_5_bpm"] == 1


def test_weights_are_subjects_repeated_with_all_their_windows(unequal):
    twice = [row for row in unequal if row["subject"] == "s2"] * 2 + [row for row in unequal if row["subject"] == "s5"]
    names = [("x", "s2"), ("x", "s2"), ("y", "s2"), ("y", "s2"), *[("z", "s5")] * 5]
    named = [{**row, "subject": name} for row, (name, _) in zip(twice, names, strict=True)]
    weighted = sums(unequal, ["s1", "s2", "s5"]).weighted(np.array([[0.0, 2, 1]]))
    expected = values(named)
    for name, metric in METRICS.items():
        if name != "skill":  # its constant predictor is of all subjects, drawn or not
            assert metric.of(weighted)[0] == pytest.approx(expected[name]), name


@pytest.mark.parametrize("constant", ["pred", "true"])
def test_no_correlation_with_a_constant(make_rows, constant):
    rates = [60.1, 71.7, 93.3, 85.9]
    pairs = [(rate, 75.3) if constant == "pred" else (75.3, rate) for rate in rates]
    found = values(make_rows({"a": pairs[:2], "b": pairs[2:]}, folds=2))
    undefined = {"hr_r_within"} | ({"hr_slope", "skill"} if constant == "true" else set())
    for name, value in found.items():
        assert np.isnan(value) == (name.endswith("_r") or name in undefined), name
    assert found["hr_ccc"] == pytest.approx(0)
    if constant == "pred":
        assert found["hr_slope"] == pytest.approx(0)


def test_one_window_has_an_error_but_no_spread(make_rows):
    found = values(make_rows({"a": [(60, 63.0)]}))
    assert found["hr_mae_bpm"] == found["hr_rmse_bpm"] == found["hr_bias_bpm"] == found["hr_mae_median_bpm"] == 3
    assert np.isnan([found[name] for name in ("hr_sd_bpm", "hr_r", "hr_r_within", "hr_slope", "skill")]).all()


def test_perfect_predictions(make_rows):
    found = values(make_rows({"a": [(60, 60.0), (70, 70.0)], "b": [(80, 80.0)]}, folds=2))
    assert found["hr_mae_bpm"] == found["hr_rmse_bpm"] == found["hr_sd_bpm"] == found["hr_mape"] == 0
    ones = ("hr_r", "hr_ccc", "hr_r_within", "hr_slope", "skill", "within_5_bpm", "within_10_percent")
    assert [found[name] for name in ones] == pytest.approx([1] * len(ones))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_documented_and_its_interval_can_be_made(unequal, name):
    metric = METRICS[name]
    assert metric.meaning and metric.undefined and metric.label
    assert metric.scale in (*SCALES, SKEWED, ORDER)
    cells = (f"`{name}`", metric.unit or "–", metric.better, metric.meaning, metric.undefined, metric.scale)
    assert f"| {' | '.join(cells)} |" in DOCS.read_text()
    assert sums(unequal).n_subjects(metric.over) > 0
    known_units = {"bpm": "1/min", "brpm": "1/min", "db": "dB", "hz": "Hz", "ms": "ms"}
    if not name.startswith("within") and name.rpartition("_")[2] in known_units:
        assert metric.unit == known_units[name.rpartition("_")[2]]
