from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.metrics import METRICS
from rppgbench.evaluation.statistics import subject_weights, summarise


@pytest.fixture
def thirty(make_rows):
    random = np.random.RandomState(1)
    return make_rows(
        {f"s{i:02d}": [(t, t + e) for t, e in zip(random.uniform(50, 120, 2), 3 * random.randn(2), strict=True)]
         for i in range(30)}
    )  # fmt: skip


def test_interval_of_macro_mae_is_scipys_bootstrap_of_the_subjects_means(thirty):
    means = pd.DataFrame(thirty).assign(abs=lambda d: d.error_bpm.abs()).groupby("subject")["abs"].mean().to_numpy()
    peer = stats.bootstrap((means,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(0))
    found = summarise(thirty)[0].metrics["hr_mae_bpm"]
    assert found.value == pytest.approx(means.mean())
    # Two bootstraps of 10,000 draws differ by their own noise: about 3 % of the width here.
    width = peer.confidence_interval.high - peer.confidence_interval.low
    assert found.low == pytest.approx(peer.confidence_interval.low, abs=0.05 * width)
    assert found.high == pytest.approx(peer.confidence_interval.high, abs=0.05 * width)


def test_interval_of_a_pooled_metric_is_that_of_a_plain_loop_over_the_same_draws(thirty):
    subjects = sorted({row["subject"] for row in thirty})
    by_subject = {s: [row["error_bpm"] for row in thirty if row["subject"] == s] for s in subjects}
    drawn = np.random.RandomState(5).randint(0, 30, (200, 30))
    rmse = [np.sqrt(np.mean(np.square([e for s in draw for e in by_subject[subjects[s]]]))) for draw in drawn]
    found = summarise(thirty, draws=200, seed=5)[0].metrics["hr_rmse_bpm"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(rmse, [0.025, 0.975])))


def test_entries_and_conditions_share_their_draws(make_rows, thirty):
    shifted = [
        {**row, "entry": "chrom", "hr_pred_bpm": row["hr_pred_bpm"] + 1, "error_bpm": row["error_bpm"] + 1}
        for row in thirty
    ]
    pos, chrom = summarise(thirty + shifted)
    assert (pos.entry, chrom.entry) == ("pos", "chrom")
    bias, moved = pos.metrics["hr_bias_bpm"], chrom.metrics["hr_bias_bpm"]
    assert (moved.low - bias.low, moved.high - bias.high) == pytest.approx((1, 1))


def test_the_order_of_rows_and_the_run_do_not_matter(thirty):
    first, second = summarise(thirty, draws=500), summarise(thirty[::-1], draws=500)
    for name in METRICS:
        a, b = first[0].metrics[name], second[0].metrics[name]
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), rel=1e-12)
    assert summarise(thirty, draws=500) == first


def test_draws_are_numpys_frozen_stream():
    # RandomState(0).randint(0, 4, 8) is 0 3 1 0, 3 3 3 3 on every platform and since every version.
    assert subject_weights(4, draws=2, seed=0).tolist() == [[2, 1, 0, 1], [0, 0, 0, 4]]
    np.testing.assert_array_equal(subject_weights(9, draws=50, seed=3).sum(axis=1), 9)


def test_counts_add_up(make_rows):
    rows = make_rows({"a": [(60, 61.0), (60, None), (60, 62.0)], "b": [(70, 70.0)]})
    rows[2]["status"] = "excluded"
    (found,) = summarise(rows, draws=100)
    assert (found.n_subjects, found.n_windows) == (2, 4)
    assert (found.n_scored, found.n_failed, found.n_excluded) == (2, 1, 1)
    assert found.coverage == pytest.approx(2 / 3)


def test_a_data_frame_will_do(thirty):
    assert summarise(pd.DataFrame(thirty), draws=100) == summarise(thirty, draws=100)


def test_nothing_known_is_none_or_nan_alike(thirty):
    without = [{**row, "rf_pred_hz": None if row["window"] else 0.2, "psnr_in_db": None} for row in thirty]
    (found,) = summarise(pd.DataFrame(without), draws=100)
    (expected,) = summarise(without, draws=100)
    assert found.metrics["rf_rmse_hz"] == expected.metrics["rf_rmse_hz"]
    assert expected.metrics["rf_rmse_hz"].value > 0
    assert np.isnan(found.metrics["delta_psnr_db"].value)


def test_one_subject_has_no_interval(make_rows):
    (found,) = summarise(make_rows({"a": [(60, 61.0), (70, 75.0)]}), draws=100)
    estimate = found.metrics["hr_mae_bpm"]
    assert estimate.value == 3
    assert np.isnan([estimate.low, estimate.high]).all()
    assert estimate.reason == "one subject: no interval"


def test_a_constant_predictor_has_no_correlation_and_says_so(make_rows):
    (found,) = summarise(make_rows({s: [(t, 75.0)] for s, t in (("a", 60), ("b", 70), ("c", 90))}), draws=100)
    assert np.isnan(found.metrics["hr_r"].value)
    assert found.metrics["hr_r"].reason == "constant predictions or constant truth"
    assert found.metrics["hr_mae_bpm"].high > found.metrics["hr_mae_bpm"].low


def test_a_metric_that_most_draws_leave_undefined_has_no_interval(make_rows):
    # With two subjects of one window each, half of the draws hold one window only: no spread, no correlation.
    (found,) = summarise(make_rows({"a": [(60, 61.0)], "b": [(70, 69.0)]}), draws=1000)
    assert found.metrics["hr_r"].value == pytest.approx(1)
    assert found.metrics["hr_r"].reason.startswith("undefined in ")
    assert np.isnan(found.metrics["hr_r"].low)


def test_an_entry_that_scored_nothing_stands_there_all_the_same(make_rows):
    (found,) = summarise(make_rows({"a": [(60, None)], "b": [(70, None)]}), draws=100)
    assert found.coverage == 0
    assert found.metrics["hr_mae_bpm"].reason == "nothing scored"
    assert found.metrics["within_5_bpm"].value == 0


def test_rows_of_two_digests_are_refused(make_rows):
    rows = make_rows({"a": [(60, 61.0)], "b": [(70, 69.0)]})
    rows[0]["digest"] = "other"
    with pytest.raises(IncomparableResults, match="2 protocol digests: d, other"):
        summarise(rows)


def test_no_rows_no_standings():
    assert summarise([]) == []
