"""Cells: windows, subjects and means against values counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.cells import Cells, as_ratio, log_errors
from rppgbench.evaluation.intervals import Estimate

NAN = float("nan")


@pytest.fixture
def cells(rows_of_errors):
    rows = rows_of_errors({("b", "x"): [[1.0, -3.0], [5.0, NAN]], ("control", "x"): [[2.0, 2.0]]}, fold=0)
    return Cells(rows)


def test_cells_share_their_windows(cells):
    assert cells.windows == [("s00", "s00-rest", 0), ("s00", "s00-rest", 1), ("s01", "s01-rest", 0),
                             ("s01", "s01-rest", 1)]  # fmt: skip
    np.testing.assert_equal(cells.errors_bpm("b", "x"), [1, 3, 5, NAN])
    np.testing.assert_equal(cells.errors_bpm("control", "x"), [2, 2, NAN, NAN])
    np.testing.assert_equal(cells.errors_bpm("unknown", "x"), [NAN] * 4)


def test_subjects_means_are_over_the_windows_that_all_have(cells):
    own, control = cells.errors_bpm("b", "x"), cells.errors_bpm("control", "x")
    np.testing.assert_equal(cells.subject_means(own), [[2, 5]])
    np.testing.assert_equal(cells.subject_means(own, control), [[2, NAN], [2, NAN]])


def test_entries_conditions_and_subjects_are_those_of_the_rows(cells):
    assert (cells.entries, cells.non_controls, cells.conditions) == (["b", "control"], ["b"], ["x"])
    assert (cells.conditions_of("b"), cells.conditions_of("unknown"), cells.subjects) == (["x"], [], ["s00", "s01"])


def test_failed_windows_are_imputed_by_the_constant_predictor_and_wrong_ones_are_not():
    """Truths of 60 and 80 in two folds: the constant of each is the other's, 20 bpm off."""
    row = {"condition": "x", "window": 0, "status": "scored"}
    two = [
        {**row, "subject": s, "recording": s, "fold": fold, "hr_true_bpm": true}
        for fold, (s, true) in enumerate({"a": 60.0, "b": 80.0}.items())
    ]
    rows = [{**own, "entry": "wrong", "error_bpm": 40.0} for own in two]
    rows += [{**own, "entry": "fails", "status": "failed", "error_bpm": None} for own in two]
    cells = Cells(rows)
    np.testing.assert_equal(cells.errors_bpm("fails", "x"), [20, 20])
    np.testing.assert_equal(cells.errors_bpm("wrong", "x"), [40, 40])


def test_values_that_are_not_finite_are_nan(rows_of_errors):
    rows = rows_of_errors({("a", "x"): [[1.0, 1.0, 1.0, 1.0]]})
    for row, value in zip(rows, (None, NAN, float("inf"), 30.0), strict=True):
        row["psnr"] = value
    found = Cells(rows).values("a", "x", lambda row: row["psnr"])
    np.testing.assert_equal(found, [NAN, NAN, NAN, 30])


def test_a_data_frame_gives_the_same_cells(cells):
    same = Cells(pd.DataFrame(cells.rows))
    np.testing.assert_equal(same.errors_bpm("b", "x"), cells.errors_bpm("b", "x"))
    np.testing.assert_equal(same.values("b", "x", same.snr_db), [9, 7, 5, NAN])


def test_no_rows_give_no_cells():
    nothing = Cells([])
    assert (nothing.windows, nothing.subjects, nothing.entries) == ([], [], [])
    assert nothing.subject_means(nothing.errors_bpm("a", "x")).shape == (1, 0)
    nothing.refuse_several_digests()


def test_several_protocols_are_refused(cells):
    with pytest.raises(IncomparableResults, match="rows of 2 protocol digests: d, e"):
        Cells([*cells.rows, {**cells.rows[0], "digest": "e"}]).refuse_several_digests()


def test_logarithms_become_ratios_again():
    logs = log_errors(np.array([0.0, 2.0]), 0.5)
    assert np.diff(logs)[0] == pytest.approx(np.log(5))
    assert as_ratio(Estimate(0.0, -np.log(2), np.log(2), "why")) == Estimate(
        1.0, pytest.approx(0.5), pytest.approx(2), "why"
    )
    assert np.isnan(as_ratio(Estimate(0.0, NAN, NAN)).low)
