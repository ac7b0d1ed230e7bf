"""Bland-Altman: limits that a closed form gives, and a slope that was put in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rppgbench.figures.bland_altman import draw_bland_altman
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.results import Results


@pytest.fixture
def drawn(unprinted, monkeypatch) -> list[Figure]:
    """Figures that were to be printed."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    return figures


def title_of(figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_points_bias_and_limits(results, unprinted, tmp_path):
    _, _, table = draw_bland_altman(Board.of(results), None, tmp_path / "agreement")
    found = pd.read_csv(table)
    assert found.entry.nunique() == 8, "the best that there is room for"
    assert set(found.condition) == {"reference"}
    rows = pd.DataFrame(results.rows).set_index(["condition", "entry"])
    for entry, own in found.groupby("entry"):
        cell = rows.loc[("reference", entry)].sort_values("subject")
        assert own.mean_bpm.to_numpy() == pytest.approx(((cell.hr_true_bpm + cell.hr_pred_bpm) / 2).to_numpy())
        # One window a subject: the plain limits.
        bias, sd = cell.error_bpm.mean(), cell.error_bpm.std(ddof=1)
        expected = [bias, bias - 1.96 * sd, bias + 1.96 * sd]
        assert own[["bias_bpm", "low_bpm", "high_bpm"]].iloc[0].to_numpy() == pytest.approx(expected, rel=1e-4)


def test_rates_drawn_towards_their_mean_have_a_falling_error(results, unprinted, tmp_path):
    def shrunk(row):
        pred = 65 + 0.5 * (row["hr_true_bpm"] - 65)
        return {**row, "hr_pred_bpm": pred, "error_bpm": pred - row["hr_true_bpm"]}

    rows = [shrunk(row) for row in results.rows if row["entry"] == "pos"]
    board = Board.of(Results(results.about, rows, results.encodings))
    _, _, table = draw_bland_altman(board, "x264-60k", tmp_path / "agreement")
    found = pd.read_csv(table)
    assert set(found.condition) == {"x264-60k"}
    # pred = c + t / 2: the error is c - t / 2 and the mean c / 2 + 3 t / 4, so the slope is -2 / 3.
    assert found.slope_on_mean.to_numpy() == pytest.approx(-2 / 3, rel=1e-4)
    assert found.slope_on_truth.to_numpy() == pytest.approx(-0.5, rel=1e-4)


def test_failed_windows_are_no_points_and_none_at_all_is_a_reason(results, unprinted, tmp_path):
    failed = {"status": "failed", "error_bpm": None, "hr_pred_bpm": None}
    rows = [
        {**row, **failed} if row["entry"] != "pos" or row["subject"] == "s00" else row
        for row in results.rows
        if row["condition"] == "reference"
    ]
    board = Board.of(Results(results.about, rows, results.encodings))
    _, _, table = draw_bland_altman(board, None, tmp_path / "agreement")
    assert set(pd.read_csv(table).subject) == {f"s{n:02}" for n in range(1, 6)}
    nothing = [{**row, **failed} for row in rows]
    with pytest.raises(NothingToDraw, match="nothing was scored under reference"):
        draw_bland_altman(Board.of(Results(results.about, nothing, [])), None, tmp_path / "agreement")


def test_one_subject_has_no_limits_and_no_warning(results, tmp_path):
    rows = [row for row in results.rows if row["subject"] == "s01" and row["entry"] == "pos"]
    board = Board.of(Results(results.about, rows, results.encodings))
    _, _, table = draw_bland_altman(board, None, tmp_path / "agreement")
    found = pd.read_csv(table)
    assert len(found) == 1
    assert np.isnan(found.low_bpm[0]) and np.isfinite(found.bias_bpm[0])


@pytest.mark.parametrize(("outlier_bpm", "shared"), [(None, True), (60.0, False)])
def test_one_outlier_does_not_flatten_the_other_panels(results, drawn, tmp_path, outlier_bpm, shared):
    errors_bpm = {"pos": np.linspace(-1, 1, 6), "green": np.linspace(-2, 2, 6)}
    if outlier_bpm:
        errors_bpm["green"][0] = outlier_bpm
    rows = [
        {**row, "error_bpm": errors_bpm[row["entry"]][int(row["subject"][1:])]}
        for row in results.rows
        if row["entry"] in errors_bpm and row["condition"] == "reference"
    ]
    draw_bland_altman(Board.of(Results(results.about, rows, [])), None, tmp_path / "agreement")
    pos, green = sorted(drawn[0].axes, key=lambda panel: panel.get_title().startswith("green"))
    assert (pos.get_ylim() == green.get_ylim()) == shared
    assert ("its own vertical scale" in title_of(drawn[0])) == (not shared)


@pytest.mark.parametrize(("twice", "said"), [(False, "one window a subject"), (True, "repeated measures")])
def test_repeated_measures_are_named_only_where_there_are_some(results, drawn, tmp_path, twice, said):
    rows = [row for row in results.rows if row["entry"] == "pos" and row["condition"] == "reference"]
    again = [{**row, "window": 1, "start_s": 30.0, "end_s": 60.0} for row in rows[:1] if twice]
    draw_bland_altman(Board.of(Results(results.about, [*rows, *again], [])), None, tmp_path / "agreement")
    assert f"Agreement under reference, {said}" in title_of(drawn[0])
