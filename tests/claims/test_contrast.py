"""Numbers of subjects against closed forms, and which windows and seeds they come from."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.claims.claims_file import Part
from rppgbench.claims.contrast import contrasts
from rppgbench.claims.contrast_estimate import estimate_contrast
from rppgbench.evaluation.comparison import compare_entries
from rppgbench.evaluation.family import Comparison

X264 = ("x264-400k", "x264-200k", "x264-100k")


@pytest.fixture
def made(asked, observed):
    """Estimates of the contrasts of one part on rows."""

    def of(rows, part, **entries):
        claims, results = asked(part, **entries), observed(rows)
        weights = np.ones((10, len(results.subjects)))
        (parsed,) = claims.claims[0].parts
        found = contrasts(parsed, claims.entries, results)
        return [estimate_contrast(one, results, claims.rules, weights) for one in found]

    return of


def test_a_trend_is_the_factor_that_each_halving_multiplies_the_error_by(row, made):
    # error = own x 1.7^halvings, exactly.
    rows = [row("a", c, s, (1 + s) * 1.7**i) for i, c in enumerate(X264) for s in range(4)]
    (found,) = made(rows, {"measure": "error", "of": "a", "over": "halving", "claimed": "higher"})
    assert found.effect == pytest.approx(1.7)
    assert found.as_claimed


def test_codecs_of_different_difficulty_share_a_slope_but_no_level(row, made):
    # mpeg4 has one rate only, and so no slope, whatever its level.
    rows = [row("a", c, s, 1.7**i) for i, c in enumerate(X264) for s in range(4)]
    rows += [row("a", "mpeg4-200k", s, 50.0) for s in range(4)]
    (found,) = made(rows, {"measure": "error", "of": "a", "over": "halving", "claimed": "higher"})
    assert found.effect == pytest.approx(1.7)
    assert [condition.codec for condition in found.contrast.conditions] == ["x264"] * 3


def test_a_gap_that_grows_is_the_ratio_of_the_two_trends(row, made):
    rows = [row(e, c, s, (1 + s) * base**i) for e, base in (("a", 1.2), ("b", 3.0)) for i, c in enumerate(X264)
            for s in range(4)]  # fmt: skip
    (found,) = made(rows, {"measure": "error", "of": "a", "against": "b", "over": "halving", "claimed": "lower"})
    assert found.effect == pytest.approx(1.2 / 3.0)


def test_steps_lead_from_each_rate_to_the_next_lower(row, made):
    rows = [row("a", c, s, error) for c, error in zip(X264, (2.0, 1.0, 8.0), strict=True) for s in range(4)]
    found = made(rows, {"measure": "error", "of": "a", "over": "steps", "claimed": "higher"})
    assert [(one.effect, one.as_claimed) for one in found] == [(pytest.approx(0.5), False), (pytest.approx(8.0), True)]


def test_means_are_of_logarithms_after_subjects_are_averaged(row, made):
    # Two windows of 1 and 3 bpm: a mean of 2, against 4 and, under the other condition, 2 against 1.
    rows = [row("a", X264[0], 0, error, window=w) for w, error in enumerate((1.0, -3.0))]
    rows += [row("b", X264[0], 0, 4.0, window=w) for w in range(2)]
    rows += [row("a", X264[1], 0, 2.0), row("b", X264[1], 0, 1.0)]
    (found,) = made(rows, {"measure": "error", "of": "a", "against": "b", "claimed": "lower"})
    assert found.effect == pytest.approx(np.sqrt((2 / 4) * (2 / 1)))


def test_a_contrast_over_a_mean_is_the_comparison_that_a_board_makes(simulated, made):
    levels = {(e, c): level for e, level in (("a", 2.0), ("b", 3.0)) for c in X264}
    rows = simulated(levels, subjects=8)
    (found,) = made(rows, {"measure": "error", "of": "a", "against": "b", "claimed": "lower"})
    (paired,) = compare_entries(rows, [Comparison(of="a", against="b")], floor_bpm=1e-9)
    assert found.effect == pytest.approx(paired.ratio.value, rel=1e-12)
    assert (found.p, found.p_wilcoxon, found.n) == (paired.p_sign_flip, paired.p_wilcoxon, paired.n)


def test_groups_are_contrasted_separately(row, made):
    rows = [row(e, c, s, level) for e, c, level in (
        ("a", "x264-200k", 2.0), ("a", "mpeg4-200k", 1.0), ("a", "x264-100k", 3.0),
        ("b", "x264-200k", 4.0), ("b", "mpeg4-200k", 4.0), ("b", "x264-100k", 3.0)) for s in range(3)]  # fmt: skip
    part = {"measure": "error", "of": "a", "against": "b", "each": {"bitrate_kbps": "any"}, "claimed": "lower"}
    found = {one.contrast.label: one.effect for one in made(rows, part)}
    assert found == {
        "HR error of a over b, 200 kb/s": pytest.approx(np.sqrt((2 / 4) * (1 / 4))),
        "HR error of a over b, 100 kb/s": pytest.approx(1.0),
    }


def test_windows_without_truth_are_left_out_on_both_sides(row, made):
    excluded = {"status": "excluded", "error_bpm": None, "hr_true_bpm": None}
    rows = [row("a", X264[0], s, 2.0) for s in range(3)] + [row("b", X264[0], s, 4.0) for s in range(3)]
    rows += [row(e, X264[0], s, 0.0, window=1, **excluded) for e in ("a", "b") for s in range(3)]
    # Were only a's row without truth, b's wild error there would still not count.
    rows += [row("a", X264[0], 0, 0.0, window=2, **excluded), row("b", X264[0], 0, 99.0, window=2)]
    (found,) = made(rows, {"measure": "error", "of": "a", "against": "b", "claimed": "lower"})
    assert found.effect == pytest.approx(0.5)


def test_a_failed_window_is_imputed_by_the_mean_of_the_other_folds(row, made):
    # Truth is 60, 61 and 62 in three folds: for subject 0 the others' mean is 61.5, off by 1.5.
    failed = {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "hr_true_bpm": None}
    rows = [row("b", X264[0], s, 3.0) for s in range(3)]
    rows += [row("a", X264[0], 0, 0.0, **failed), *(row("a", X264[0], s, 1.5) for s in (1, 2))]
    (found,) = made(rows, {"measure": "error", "of": "a", "against": "b", "claimed": "lower"})
    assert found.n == 3
    assert found.n_failed == 1
    assert found.effect == pytest.approx(0.5)


def test_subjects_that_lack_a_condition_are_left_out_and_counted(row, made):
    rows = [row("a", c, s, 1.7**i) for i, c in enumerate(X264) for s in range(4) if (s, i) != (3, 1)]
    (found,) = made(rows, {"measure": "error", "of": "a", "over": "halving", "claimed": "higher"})
    assert (found.n, found.n_dropped) == (3, 1)
    assert found.effect == pytest.approx(1.7)


def test_seeds_are_averaged_within_subjects_and_reported_by_seed(row, made):
    rows = [row("a", X264[0], s, error, seed=seed) for seed, error in ((0, 1.0), (1, 3.0)) for s in range(3)]
    rows += [row("b", X264[0], s, 4.0) for s in range(3)]
    (found,) = made(rows, {"measure": "error", "of": "a", "against": "b", "claimed": "lower"})
    assert found.effect == pytest.approx(2 / 4)
    assert found.seed_effects == {0: pytest.approx(1 / 4), 1: pytest.approx(3 / 4)}


def test_decibels_are_differences(row, made):
    levels = {"psnr_in_db": 30.0, "psnr_out_db": 31.5, "psnr_sd_in_db": 0.8, "psnr_sd_out_db": 0.5}
    rows = [row("e+a", X264[0], s, 1.0, **levels) for s in range(3)]
    enhanced = {"method": "a", "enhancer": "e"}
    (gain,) = made(rows, {"measure": "psnr_gain", "of": "e", "claimed": "higher"}, e=enhanced)
    (flicker,) = made(rows, {"measure": "psnr_flicker", "of": "e", "claimed": "lower"}, e=enhanced)
    assert (gain.effect, flicker.effect) == (pytest.approx(1.5), pytest.approx(-0.3))
    assert gain.effect_text == "+1.50 dB [+1.50, +1.50]"


def test_rows_without_the_column_are_missing_not_zero(row, made):
    enhanced = {"method": "a", "enhancer": "e"}
    part = {"measure": "psnr_gain", "of": "e", "claimed": "higher"}
    (found,) = made([row("e+a", X264[0], 0, 1.0)], part, e=enhanced)
    assert found.needs == "rows with a PSNR gain, of the same windows on both sides"


def test_the_mean_error_of_one_entry_is_refused():
    with pytest.raises(ValueError, match="say against what"):
        Part(measure="error", of=("a",), claimed="lower")
