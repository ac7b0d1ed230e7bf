from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.entry_summary import summarise
from rppgbench.evaluation.metrics import METRICS


@pytest.fixture
def thirty(make_rows):
    random = np.random.RandomState(1)
    return make_rows(
        {f"s{i:02d}": [(t, t + e) for t, e in zip(random.uniform(50, 120, 2), 3 * random.randn(2), strict=True)]
         for i in range(30)}
    )  # fmt: skip


def expanded(level, n):
    """Normal quantile of an expanded interval, and its level."""
    z = stats.t.ppf(0.5 + level / 2, n - 1) * np.sqrt(n / (n - 1))
    return z, 2 * stats.norm.cdf(z) - 1


def test_interval_of_macro_mae_is_scipys_bca_at_the_expanded_level(thirty):
    means = pd.DataFrame(thirty).assign(abs=lambda d: d.error_bpm.abs()).groupby("subject")["abs"].mean().to_numpy()
    peer = stats.bootstrap(
        (means,), np.mean, confidence_level=expanded(0.95, 30)[1], n_resamples=30_000, method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = summarise(thirty, draws=30_000)[0].metrics["hr_mae_bpm"]
    assert found.value == pytest.approx(means.mean())
    # Two bootstraps of 30,000 draws differ by the noise of their tails: 3 % of the width.
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=0.03 * (peer.high - peer.low))


def test_interval_of_a_pooled_metric_is_that_of_a_plain_loop_over_the_same_draws(thirty):
    subjects = sorted({row["subject"] for row in thirty})
    errors = [[row["error_bpm"] for row in thirty if row["subject"] == s] for s in subjects]

    def rmse(of):
        return np.sqrt(np.mean(np.square([e for s in of for e in errors[s]])))

    drawn = np.array([rmse(draw) for draw in np.random.RandomState(5).randint(0, 30, (200, 30))])
    left_out = np.array([rmse([s for s in range(30) if s != without]) for without in range(30)])
    # Efron 1987: the bias from the draws below the estimate, the acceleration from the jackknife's skewness.
    z0 = stats.norm.ppf(np.mean(drawn < rmse(range(30))))
    a = -stats.skew(left_out) / (6 * np.sqrt(30))
    z, _ = expanded(0.95, 30)
    tails = [stats.norm.cdf(z0 + (z0 + side) / (1 - a * (z0 + side))) for side in (-z, z)]
    found = summarise(thirty, draws=200, seed=5)[0].metrics["hr_rmse_bpm"]
    assert found.value == pytest.approx(rmse(range(30)))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, tails)))


def test_an_interval_is_within_the_errors_of_subjects_that_lost_the_pulse(make_rows):
    """The example of docs/statistics.md, where Student's t about the logarithm went from 0.2 to 49 bpm."""
    random = np.random.RandomState(0)
    off_bpm = {f"s{i:02d}": 0.1 for i in range(18)} | {"s18": 25.0, "s19": 36.0}
    rows = make_rows({s: [(t, t + off) for t in random.uniform(50, 120, 3)] for s, off in off_bpm.items()})
    found = summarise(rows)[0].metrics
    rounding = 1e-9
    for name in ("hr_mae_bpm", "hr_mae_pooled_bpm", "hr_rmse_bpm", "hr_mae_median_bpm"):
        assert 0.1 - rounding <= found[name].low <= found[name].value <= found[name].high <= 36 + rounding
    # To be above 12, a third of twenty would have to be as far off as the worst.
    assert found["hr_mae_bpm"].value < found["hr_mae_bpm"].high < 36 / 3
    assert found["hr_mae_median_bpm"].high == pytest.approx(0.1)


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
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), rel=1e-12, nan_ok=True)
    assert summarise(thirty, draws=500) == first


def test_counts_add_up(make_rows):
    rows = make_rows({"a": [(60, 61.0), (60, None), (60, 62.0)], "b": [(70, 70.0)]})
    rows[2]["status"] = "excluded"
    (found,) = summarise(rows, draws=100)
    assert (found.n_subjects, found.n_windows) == (2, 4)
    assert (found.n_scored, found.n_failed, found.n_excluded) == (2, 1, 1)
    assert found.coverage == pytest.approx(2 / 3)


def test_a_data_frame_gives_the_same_summaries(thirty):
    assert summarise(pd.DataFrame(thirty), draws=100) == summarise(thirty, draws=100)


def test_none_and_nan_are_both_unknown(thirty):
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


def test_a_constant_predictor_has_no_correlation_with_a_reason(make_rows):
    (found,) = summarise(make_rows({s: [(t, 75.0)] for s, t in (("a", 60), ("b", 70), ("c", 90))}), draws=100)
    assert np.isnan(found.metrics["hr_r"].value)
    assert "constant predictions" in found.metrics["hr_r"].reason
    assert found.metrics["hr_mae_bpm"].high > found.metrics["hr_mae_bpm"].low


def test_a_metric_that_most_draws_leave_undefined_has_no_interval(make_rows):
    # With two subjects of one window each, half of the draws hold one window only: no spread, no correlation.
    (found,) = summarise(make_rows({"a": [(60, 61.0)], "b": [(70, 69.0)]}), draws=1000)
    assert found.metrics["hr_r"].value == pytest.approx(1)
    assert found.metrics["hr_r"].reason.startswith("undefined in ")
    assert np.isnan(found.metrics["hr_r"].low)


def test_an_entry_without_scored_windows_has_a_summary(make_rows):
    (found,) = summarise(make_rows({"a": [(60, None)], "b": [(70, None)]}), draws=100)
    assert found.coverage == 0
    assert found.metrics["hr_mae_bpm"].reason == "nothing scored"
    assert found.metrics["within_5_bpm"].value == 0


def test_an_interval_is_of_the_subjects_that_the_metric_depends_on(thirty):
    """Variability of 8 subjects of 30 is an interval of 8, whichever others are drawn."""
    some = [{**row, "ibi_mae_ms": 10 + row["error_bpm"] if row["subject"] < "s08" else None} for row in thirty]
    found = summarise(some)[0].metrics["ibi_mae_ms"]
    alone = summarise([row for row in some if row["subject"] < "s08"])[0].metrics["ibi_mae_ms"]
    assert found.value == alone.value
    # Eight are drawn now more, now less often: a little more spread, and the same quantile of Student's t.
    width, expected = found.high - found.low, alone.high - alone.low
    assert expected * 0.95 < width < expected * 1.25


def test_seeds_are_drawn_with_their_subject_and_have_a_standard_deviation(thirty):
    """Three equal seeds give the interval of one; of different seeds, ``seed_sd`` is numpy's SD of their values."""
    same = [{**row, "seed": seed} for seed in range(3) for row in thirty]
    (once,), (found,) = summarise(thirty, draws=500), summarise(same, draws=500)
    for name in ("hr_mae_bpm", "hr_rmse_bpm", "hr_r"):
        a, b = once.metrics[name], found.metrics[name]
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))
    assert (once.n_seeds, once.seed_sd) == (0, {})
    assert found.n_seeds == 3
    assert found.seed_sd["hr_mae_bpm"] == pytest.approx(0)
    differing = [{**row, "error_bpm": row["error_bpm"] * (1 + row["seed"])} for row in same]
    (found,) = summarise(differing, draws=500)
    mae = once.metrics["hr_mae_bpm"].value
    assert found.seed_sd["hr_mae_bpm"] == pytest.approx(np.std([mae, 2 * mae, 3 * mae], ddof=1))
    assert found.metrics["hr_mae_bpm"].value == pytest.approx(2 * mae)


def test_an_interval_over_seeds_is_wider_by_what_they_differ(thirty):
    rows = [{**row, "seed": seed, "error_bpm": row["error_bpm"] * (1 + seed)} for seed in range(3) for row in thirty]
    (found,) = summarise(rows, draws=500)
    own, both = found.metrics["hr_mae_bpm"], found.over_seeds["hr_mae_bpm"]
    half = stats.t.ppf(0.975, 2) * found.seed_sd["hr_mae_bpm"] / np.sqrt(3)
    assert both.value == own.value
    assert both.high == pytest.approx(own.value + np.hypot(own.high - own.value, half))
    assert both.low == 0  # errors have no bound below it, whatever the seeds
    assert found.over_seeds.keys() == found.metrics.keys()
    (once,) = summarise([row for row in rows if row["seed"] == 0], draws=500)
    assert (once.n_seeds, once.over_seeds) == (1, {})


def test_rows_of_two_digests_are_refused(make_rows):
    rows = make_rows({"a": [(60, 61.0)], "b": [(70, 69.0)]})
    rows[0]["digest"] = "other"
    with pytest.raises(IncomparableResults, match="2 protocol digests: d, other"):
        summarise(rows)


def test_no_rows_give_no_summaries():
    assert summarise([]) == []
