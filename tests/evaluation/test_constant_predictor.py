from __future__ import annotations

import numpy as np
import pytest

from rppgbench.evaluation.constant_predictor import constant_errors_bpm


def test_the_constant_is_the_mean_of_the_other_folds_subjects_means(make_rows):
    rows = make_rows({"a": [(60, 61.0), (70, None)], "b": [(90, 91.0)], "c": [(100, None)]}, folds=2)
    # Folds are 0, 1, 0: a and c are held against b, b against the mean of a's mean and c.
    assert constant_errors_bpm(rows) == {
        ("a-rest", 0): 30, ("a-rest", 1): 20, ("b-rest", 0): pytest.approx(90 - 82.5) , ("c-rest", 0): 10,
    }  # fmt: skip


def test_rows_of_the_same_window_count_once_and_those_without_truth_not_at_all(make_rows):
    rows = make_rows({"a": [(60, 61.0), (70, 70.0)], "b": [(90, 91.0)]}, folds=2)
    more = [{**rows[0], "entry": "other"}, {**rows[1], "entry": "other", "hr_true_bpm": None}]
    assert constant_errors_bpm(rows + more) == constant_errors_bpm(rows)
    assert ("a-rest", 1) not in constant_errors_bpm([{**row, "hr_true_bpm": np.nan} for row in rows])


def test_one_fold_has_no_constant_predictor(make_rows):
    assert constant_errors_bpm(make_rows({"a": [(60, 61.0)], "b": [(90, 91.0)]})) == {}
