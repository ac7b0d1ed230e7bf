"""Paired comparisons against closed forms, scipy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rppgbench.errors import IncomparableResults, UnknownName
from rppgbench.evaluation.comparison import compare_entries
from rppgbench.evaluation.family import Comparison
from rppgbench.evaluation.intervals import mean_estimate, subject_weights
from rppgbench.evaluation.power import detectable_ratio
from rppgbench.evaluation.significance import sign_flip_p

NAN = float("nan")
A_AND_B = Comparison(of=("a",), against=("b",))


def noisy(level, *, subjects=12, windows=3, seed=0):
    """``(S, W)`` errors of either sign, log-normal about a level that subjects share between entries."""
    own = np.exp(np.random.RandomState(7).normal(0, 0.8, (subjects, 1)))
    random = np.random.RandomState(seed)
    size = (subjects, windows)
    return random.choice([-1, 1], size) * level * own * np.exp(random.normal(0, 0.35, size))


@pytest.fixture
def two(rows_of_errors):
    levels = {("a", "reference"): 2.0, ("b", "reference"): 3.0, ("a", "low"): 4.0, ("b", "low"): 5.0}
    return rows_of_errors({cell: noisy(level, seed=i) for i, (cell, level) in enumerate(levels.items())})


def test_numbers_are_those_of_a_plain_calculation(two):
    table = pd.DataFrame(two).assign(mae=lambda d: d.error_bpm.abs())
    mae = table.groupby(["entry", "condition", "subject"]).mae.mean().unstack("subject")
    logs = (np.log(mae.loc["a"] + 0.5) - np.log(mae.loc["b"] + 0.5)).mean().to_numpy()
    (found,) = compare_entries(two, [A_AND_B], draws=2000)
    assert found.ratio.value == pytest.approx(math.exp(logs.mean()))
    assert found.difference_bpm.value == pytest.approx((mae.loc["a"] - mae.loc["b"]).mean().mean())
    assert found.p_sign_flip == pytest.approx(sign_flip_p(logs))
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(logs).pvalue)
    assert found.detectable_ratio == pytest.approx(detectable_ratio(logs.std(ddof=1), 12))
    draws = mean_estimate(logs, subject_weights(12, draws=2000, seed=0), level=0.95)
    assert (found.ratio.low, found.ratio.high) == pytest.approx((math.exp(draws.low), math.exp(draws.high)))
    assert (found.n, found.n_dropped, found.family) == (12, 0, 1)
    assert found.label == "a against b, mean of 2 conditions"


def test_the_other_way_round_is_the_inverse(two):
    (one,), (other,) = compare_entries(two, [A_AND_B]), compare_entries(two, [Comparison(of="b", against="a")])
    assert other.ratio.value == pytest.approx(1 / one.ratio.value)
    assert other.difference_bpm.value == pytest.approx(-one.difference_bpm.value)
    assert (other.p_sign_flip, other.p_wilcoxon) == pytest.approx((one.p_sign_flip, one.p_wilcoxon))


def test_conditions_may_be_averaged_separate_or_named(two):
    each = compare_entries(two, [Comparison(of="a", against="b", conditions="each")])
    assert [one.conditions for one in each] == [("reference",), ("low",)]
    (named,) = compare_entries(two, [Comparison(of="a", against="b", conditions=("low", "reference"))])
    assert math.log(named.ratio.value) == pytest.approx(np.mean([math.log(one.ratio.value) for one in each]))
    assert named.label == "a against b, mean of low, reference"
    (low,) = compare_entries(two, [Comparison(of="a", against="b", conditions="low")])
    assert (low.ratio, low.label) == (each[1].ratio, "a against b, low")


def test_the_order_of_rows_and_a_data_frame_change_nothing(two):
    (one,), (other,), (of_pandas,) = (compare_entries(rows, [A_AND_B]) for rows in (two, two[::-1], pd.DataFrame(two)))
    assert of_pandas == one
    assert other.ratio.value == pytest.approx(one.ratio.value, rel=1e-12)
    assert other.p_sign_flip == one.p_sign_flip


def test_only_windows_that_both_have_count(rows_of_errors):
    rows = rows_of_errors({("a", "c"): np.full((6, 1), 2.0), ("b", "c"): np.full((6, 1), 4.0)})
    wild = rows_of_errors({("b", "c"): np.full((6, 2), 99.0)})
    (found,) = compare_entries(rows + [row for row in wild if row["window"] == 1], [A_AND_B])
    assert found.difference_bpm.value == pytest.approx(-2)


def test_a_failed_window_is_imputed_by_the_constant_predictor(rows_of_errors):
    # Truths are 60 to 65 bpm in folds 0, 1, 2, 0, 1, 2: of subject 0 the others' mean is 63, off by 3.
    errors = np.full((6, 1), 2.0)
    errors[0] = NAN
    rows = rows_of_errors({("a", "c"): errors, ("b", "c"): np.full((6, 1), 2.0)})
    (found,) = compare_entries(rows, [A_AND_B])
    assert found.n == 6
    assert found.difference_bpm.value == pytest.approx((3 - 2) / 6)


def test_without_another_fold_a_failed_window_is_left_out(rows_of_errors):
    errors = np.full((6, 1), 2.0)
    errors[0] = NAN
    rows = rows_of_errors({("a", "c"): errors, ("b", "c"): np.full((6, 1), 2.0)}, fold=0)
    (found,) = compare_entries(rows, [A_AND_B])
    assert (found.n, found.n_dropped) == (5, 1)
    assert "too few subjects: 5 give no p below 0.062" in found.reason


def test_seeds_are_averaged_within_windows(rows_of_errors):
    rows = rows_of_errors({("a", "c"): np.full((6, 1), 1.0)}, seed=0)
    rows += rows_of_errors({("a", "c"): np.full((6, 1), -3.0)}, seed=1)
    rows += rows_of_errors({("b", "c"): np.full((6, 1), 4.0)})
    (found,) = compare_entries(rows, [A_AND_B])
    assert found.ratio.value == pytest.approx(2.5 / 4.5)


def test_an_undeclared_family_is_all_pairs_without_controls_and_exploratory(rows_of_errors):
    rows = rows_of_errors({(e, "c"): noisy(2.0, seed=i) for i, e in enumerate(("a", "b", "c", "control"))})
    found = compare_entries(rows)
    assert [(one.entry, one.rival) for one in found] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert not any(one.confirmatory for one in found)
    assert [one.p_corrected for one in found] == [one.q_bh for one in found]


def test_a_declared_family_of_ten_is_confirmatory_and_a_larger_one_exploratory(rows_of_errors):
    names = [f"e{i:02d}" for i in range(12)]
    rows = rows_of_errors({(e, "c"): noisy(2.0 + i, seed=i) for i, e in enumerate(names)})
    ten = compare_entries(rows, [Comparison(of=tuple(names[1:11]), against=names[0])], draws=200)
    eleven = compare_entries(rows, [Comparison(of=tuple(names[1:]), against=names[0])], draws=200)
    assert {(one.family, one.confirmatory) for one in ten} == {(10, True)}
    assert {(one.family, one.confirmatory) for one in eleven} == {(11, False)}
    p = [one.p_sign_flip for one in eleven]
    assert [one.q_bh for one in eleven] == pytest.approx(stats.false_discovery_control(p).tolist())
    assert all(raw <= one.q_bh <= one.p_holm for raw, one in zip(p, eleven, strict=True))


def test_a_declared_family_does_not_shrink_with_what_was_run(rows_of_errors):
    names = [f"e{i:02d}" for i in range(11)]
    rows = rows_of_errors({(e, "c"): noisy(2.0 + i, seed=i) for i, e in enumerate(names[:4])})
    family = [Comparison(of=tuple(names[1:]), against=names[0])]
    found = compare_entries(rows, family, entries=names, draws=200)[:3]
    p = sorted(one.p_sign_flip for one in found)
    stepped = np.maximum.accumulate([10 * p[0], 9 * p[1], 8 * p[2]]).clip(max=1)
    assert {(one.family, one.n_made, one.confirmatory) for one in found} == {(10, 3, True)}
    assert sorted(one.p_holm for one in found) == pytest.approx(stepped)
    padded = [*(one.p_sign_flip for one in found), *[1.0] * 7]
    assert [one.q_bh for one in found] == pytest.approx(stats.false_discovery_control(padded)[:3])
    # Eleven conditions are declared: more than are confirmed, though one of them was run.
    each, under = Comparison(of="e01", against="e00", conditions="each"), [f"c{i}" for i in range(10)]
    (one,) = compare_entries(rows, [each], conditions=under, draws=200)
    assert (one.family, one.n_made, one.confirmatory) == (11, 1, False)


@pytest.mark.parametrize(("n", "reason"), [(8, "too few subjects for a family of 10: 8 give no corrected p"), (9, "")])
def test_a_family_may_be_too_large_for_any_data_of_so_few_subjects(rows_of_errors, n, reason):
    # All subjects err less with each entry than with the rival, as clearly as can be: p 2^-7 and 2^-8, times ten.
    names = [f"e{i:02d}" for i in range(11)]
    errors = {(e, "c"): noisy(2.0, subjects=n) * (9 if e == names[0] else 1) for e in names}
    found = compare_entries(rows_of_errors(errors), [Comparison(of=tuple(names[1:]), against=names[0])], draws=200)
    assert {one.least_corrected for one in found} == {one.p_holm for one in found} == {10 * 2.0 ** (1 - n)}
    assert {one.verdict for one in found} == {"not told apart" if reason else "better"}
    assert all(one.reason.startswith(reason) and bool(one.reason) == bool(reason) for one in found)
    assert all(math.isnan(one.detectable_corrected) == bool(reason) for one in found)


def test_the_ratio_detectable_after_correction_is_further_from_1(rows_of_errors):
    rows = rows_of_errors({(e, "c"): noisy(2.0 + i, seed=i, subjects=20) for i, e in enumerate("abcd")})
    for one in compare_entries(rows, [Comparison(of=("b", "c", "d"), against="a")], draws=200):
        sd = -math.log(one.detectable_ratio) / -math.log(detectable_ratio(1.0, 20))
        assert one.detectable_corrected == pytest.approx(detectable_ratio(sd, 20, alpha=0.05 / 3))
        assert one.detectable_corrected < one.detectable_ratio


def test_no_data_give_less_than_the_least_corrected_p(rows_of_errors):
    # Pairs of different subjects: the least is of the family, not of the pair alone.
    for seed in range(20):
        rows = rows_of_errors({(e, "c"): noisy(2.0, seed=10 * seed + i, subjects=7) for i, e in enumerate("abcd")})
        rows = [row for row in rows if (row["entry"], row["subject"]) != ("d", "s06")]
        for family in ((), [Comparison(of=("b", "c", "d"), against="a")]):
            assert all(one.p_corrected >= one.least_corrected > 0 for one in compare_entries(rows, family, draws=100))


def test_verdicts(rows_of_errors):
    low, same, high = noisy(1.0, seed=1), noisy(4.0, seed=2), noisy(4.0, seed=3)
    rows = rows_of_errors({("low", "c"): low, ("same", "c"): same, ("high", "c"): high})

    def verdict(of, against, floor_bpm=None):
        return compare_entries(rows, [Comparison(of=of, against=against)], label_floor_bpm=floor_bpm, draws=200)[
            0
        ].verdict

    assert verdict("low", "high") == "better"
    assert verdict("high", "low") == "worse"
    assert verdict("same", "high") == "not told apart"
    assert verdict("low", "high", floor_bpm=0.5) == "better"
    assert verdict("low", "high", floor_bpm=50.0) == "below the label floor"


def test_better_for_nearly_all_and_worse_on_average_is_no_verdict(rows_of_errors):
    own, rival = np.full((20, 1), 2.0), np.full((20, 1), 4.0)
    own[0] = 90.0
    (found,) = compare_entries(rows_of_errors({("a", "c"): own, ("b", "c"): rival}), [A_AND_B])
    assert found.ratio.value < 1 < found.difference_bpm.value
    assert (found.p_sign_flip <= 0.05, found.verdict) == (True, "ratio and difference disagree")


def test_unknown_names_are_refused_and_absent_ones_are_listed(two):
    typo = [Comparison(of=("a", "chrom"), against="b")]
    with pytest.raises(UnknownName, match="comparisons: no entry 'chrom'") as caught:
        compare_entries(two, typo, entries=["a", "b", "chrom2"])
    assert "did you mean 'chrom2'?" in caught.value.hint
    with pytest.raises(UnknownName, match="no condition 'lo'"):
        compare_entries(two, [Comparison(of="a", against="b", conditions="lo")])
    here, absent = compare_entries(two, typo, entries=["chrom"])
    assert (here.family, here.n_made) == (absent.family, absent.n_made) == (2, 1)
    assert here.p_holm == here.q_bh == 2 * here.p_sign_flip, "what was declared and not run is corrected for"
    assert (absent.n, absent.verdict, absent.reason) == (0, "not compared", "not among these results: chrom")
    assert math.isnan(absent.ratio.value)
    assert math.isnan(absent.p_holm)
    (unseen,) = compare_entries(two, [Comparison(of="a", against="b", conditions="mid")], conditions=["mid"])
    assert (unseen.reason, unseen.label) == ("not among these results: mid", "a against b, mid")


def test_a_mean_is_over_the_conditions_that_both_were_tested_under(two):
    rows = [row for row in two if (row["entry"], row["condition"]) != ("b", "low")]
    (found,) = compare_entries(rows, [A_AND_B])
    assert (found.conditions, found.label) == (("reference",), "a against b, reference")
    (none,) = compare_entries([row for row in rows if row["entry"] == "b" or row["condition"] == "low"], [A_AND_B])
    assert (none.verdict, none.reason) == ("not compared", "no condition in common")


def test_subjects_that_lack_a_condition_are_left_out_and_counted(two):
    rows = [row for row in two if (row["subject"], row["condition"]) != ("s03", "low")]
    (found,) = compare_entries(rows, [A_AND_B])
    assert (found.n, found.n_dropped) == (11, 1)


def test_one_subject_and_none(rows_of_errors):
    (one,) = compare_entries(rows_of_errors({("a", "c"): [[1.0]], ("b", "c"): [[2.0]]}), [A_AND_B])
    assert one.ratio.value == pytest.approx(1.5 / 2.5)
    assert math.isnan(one.ratio.low)
    assert (one.p_sign_flip, one.p_wilcoxon, one.verdict) == (1.0, 1.0, "not told apart")
    assert math.isnan(one.detectable_ratio)
    excluded = rows_of_errors({("a", "c"): [[1.0]], ("b", "c"): [[2.0]]}, status="excluded", error_bpm=None)
    (nothing,) = compare_entries(excluded, [A_AND_B])
    assert (nothing.n, nothing.verdict) == (0, "not compared")
    assert nothing.reason == "no window that both have a number for"
    assert compare_entries([]) == []


def test_entries_with_equal_errors_are_not_distinguished(rows_of_errors):
    errors = noisy(2.0)
    (found,) = compare_entries(rows_of_errors({("a", "c"): errors, ("b", "c"): errors}), [A_AND_B])
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == (1.0, 1.0, 1.0)
    assert (found.p_sign_flip, found.p_wilcoxon, found.verdict) == (1.0, 1.0, "not told apart")
    assert found.detectable_ratio == 1.0


def test_rows_of_two_protocols_are_refused(two):
    with pytest.raises(IncomparableResults, match="rows of 2 protocol digests"):
        compare_entries([*two, {**two[0], "digest": "other"}], [A_AND_B])


def test_an_interval_holds_the_truth_as_often_as_it_says(rows_of_errors):
    # Errors of one window a subject, log-normal about a true ratio of 0.8, far above the 0.5 bpm that is added.
    random, errors = np.random.RandomState(0), {}
    for run in range(500):
        own = 1000 * np.exp(random.normal(0, 0.9, (10, 1)))
        for entry, level in (("a", 0.8), ("b", 1.0)):
            errors[entry, f"run {run}"] = level * own * np.exp(random.normal(0, 0.35, (10, 1)))
    found = compare_entries(rows_of_errors(errors), [Comparison(of="a", against="b", conditions="each")], draws=500)
    held = sum(one.ratio.low <= 0.8 <= one.ratio.high for one in found)
    assert len(found) == 500
    assert stats.binomtest(held, 500, 0.95).pvalue > 1e-3, f"{held} of 500"


def trained(rows_of_errors, factors):
    """``a``, three quarters of ``b``'s errors times a factor a seed; ``b`` takes no seed."""
    rows = rows_of_errors({("b", "c"): noisy(4.0, seed=1)})
    for seed, factor in enumerate(factors):
        rows += [
            {**row, "seed": seed, "entry": "a", "error_bpm": 0.75 * factor * row["error_bpm"]}
            for row in rows
            if row["entry"] == "b"
        ]
    return rows


def test_a_difference_within_the_interval_over_seeds_is_no_verdict(rows_of_errors):
    several = (0.99, 1.0, 1.01), (0.6, 1.0, 1.4)
    steady, fickle = (compare_entries(trained(rows_of_errors, factors), [A_AND_B])[0] for factors in several)
    assert (steady.verdict, steady.n_seeds) == ("better", 3)
    assert steady.ratio.high < steady.ratio_over_seeds.high < 1
    # Subjects agree as well as before: it is the seeds that do not.
    assert (fickle.verdict, fickle.reason) == ("within the luck of training", "")
    assert fickle.p_sign_flip == steady.p_sign_flip == 2**-11
    assert fickle.ratio.high < 1 < fickle.ratio_over_seeds.high


def test_an_interval_over_seeds_is_of_the_ratios_seed_by_seed(rows_of_errors):
    rows = trained(rows_of_errors, (0.9, 1.0, 1.1))
    (found,) = compare_entries(rows, [A_AND_B])
    of_seeds = [
        math.log(compare_entries([row for row in rows if row["seed"] in (None, seed)], [A_AND_B])[0].ratio.value)
        for seed in range(3)
    ]
    half = stats.t.ppf(0.975, 2) * np.std(of_seeds, ddof=1) / np.sqrt(3)
    above = math.hypot(math.log(found.ratio.high / found.ratio.value), half)
    assert math.log(found.ratio_over_seeds.high / found.ratio.value) == pytest.approx(above)
    # The other way round it is the same, inverted; and a table of pandas, whose None are NaN, changes nothing.
    (other,) = compare_entries(rows, [Comparison(of="b", against="a")])
    assert other.ratio_over_seeds.low == pytest.approx(1 / found.ratio_over_seeds.high)
    assert compare_entries(pd.DataFrame(rows), [A_AND_B])[0].ratio_over_seeds == found.ratio_over_seeds


def test_one_seed_has_no_spread_and_leaves_the_verdict_to_the_subjects(rows_of_errors):
    (found,) = compare_entries(trained(rows_of_errors, (1.0,)), [A_AND_B])
    assert (found.n_seeds, found.verdict) == (1, "better")
    assert math.isnan(found.ratio_over_seeds.low)
    assert found.ratio_over_seeds.reason == "fewer than two seeds: no interval over seeds"
    # Of two that were trained, the one from fewer seeds decides whether there is a spread.
    rows = trained(rows_of_errors, (0.9, 1.0, 1.1))
    rows = [{**row, "seed": 0} if row["entry"] == "b" else row for row in rows]
    assert compare_entries(rows, [A_AND_B])[0].n_seeds == 1
