from __future__ import annotations

import numpy as np
import pytest

from rppgbench.evaluation.entry_summary import summarise
from rppgbench.evaluation.label_floor import floor_rows, label_floor


@pytest.fixture
def disagreeing(make_rows):
    """Differences of 2 and 4 bpm of one subject, 6 of another; a third has one of the two rates alone."""
    rows = make_rows({"a": [(60, 61.0), (70, None)], "b": [(90, 91.0)], "c": [(80, 80.0)]})
    for row, spectrum_bpm in zip(rows, (62.0, 66.0, 96.0, None), strict=True):
        row["hr_true_spectrum_bpm"] = spectrum_bpm
    return rows


def test_the_floor_is_the_mean_over_subjects_of_their_mean_difference(disagreeing):
    found = label_floor(disagreeing, draws=500)
    assert found.mae.value == pytest.approx((3 + 6) / 2)
    assert (found.n_subjects, found.n_windows) == (2, 3)
    assert found.share_different == pytest.approx(1 / 3)


def test_a_window_counts_once_over_all_entries_and_conditions(disagreeing):
    again = [{**row, "entry": "chrom", "condition": "x264", "seed": 1} for row in disagreeing[1:2] * 5]
    assert label_floor(disagreeing + again, draws=500) == label_floor(disagreeing, draws=500)


def test_its_interval_is_that_of_an_entry_that_predicts_the_other_rate(make_rows):
    """Predicting the spectrum's rate, of a truth by beats, is wrong by just what the floor counts."""
    random = np.random.RandomState(0)
    rows = make_rows({f"s{i}": [(75, 75 + e) for e in 3 * random.randn(3)] for i in range(12)})
    rows = [{**row, "hr_true_spectrum_bpm": row["hr_pred_bpm"]} for row in rows]
    found, mae = label_floor(rows, draws=1000).mae, summarise(rows, draws=1000)[0].metrics["hr_mae_bpm"]
    assert (found.value, found.low, found.high) == pytest.approx((mae.value, mae.low, mae.high))


def test_labels_of_one_estimator_have_no_floor(make_rows):
    rows = make_rows({"a": [(60, 61.0)], "b": [(70, 71.0)]})
    assert label_floor([{**row, "hr_true_beats_bpm": None} for row in rows]) is None
    assert label_floor([{**row, "hr_true_spectrum_bpm": np.nan} for row in rows]) is None
    assert label_floor([]) is None


def test_one_subject_has_a_floor_without_an_interval(make_rows):
    found = label_floor(make_rows({"a": [(60, 61.0)]}), draws=100)
    assert found.mae.value == 0
    assert np.isnan(found.mae.low)


def test_rows_of_the_floor_have_the_floor_as_their_error(disagreeing):
    rows = floor_rows(disagreeing * 2)
    assert [(row["subject"], row["error_bpm"]) for row in rows] == [("a", -2.0), ("a", 4.0), ("b", -6.0)]
    assert summarise(rows, draws=500)[0].metrics["hr_mae_bpm"].value == label_floor(disagreeing, draws=500).mae.value
    assert floor_rows([]) == []


def test_a_sensor_of_rates_alone_has_no_floor(make_rows):
    rows = [{**row, "intervals_true": None} for row in make_rows({"a": [(60, 61.0)], "b": [(70, 71.0)]})]
    assert label_floor(rows, draws=100) is None
    assert floor_rows(rows) == []
