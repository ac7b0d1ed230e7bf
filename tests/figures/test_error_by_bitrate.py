"""Fig. 5: the board's figure with its numbers, and the label floor in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rppgbench.figures.bitrate_axis import offset
from rppgbench.figures.error_by_bitrate import draw_error_by_bitrate
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.board_figure import draw_floor, error_by_bitrate
from rppgbench.results.results import Results


def test_numbers_are_subject_means_and_the_floor_is_the_sensors_own(results, unprinted, tmp_path):
    _, _, table = draw_error_by_bitrate(Board.of(results), tmp_path / "fig5")
    found = pd.read_csv(table).set_index(["condition", "entry"])
    rows = pd.DataFrame(results.rows)
    expected = rows.assign(mae=rows.error_bpm.abs()).groupby(["condition", "entry", "subject"]).mae.mean()
    expected = expected.groupby(["condition", "entry"]).mean()
    assert len(found) == len(expected)
    assert found.hr_mae_bpm.to_numpy() == pytest.approx(expected.loc[found.index].to_numpy(), rel=1e-5)
    assert found.label_floor_bpm.to_numpy() == pytest.approx(0.25)
    assert (found.hr_mae_bpm_low <= found.hr_mae_bpm).all()
    assert found.achieved_kbps["x264-60k"].iloc[0] == pytest.approx(60.6)


def test_the_floor_is_a_line_named_with_its_height_and_only_among_errors_of_rates(results):
    board, panel = Board.of(results), Figure().subplots()
    assert draw_floor(panel, board, "hr_mae_bpm")
    (line,) = panel.get_lines()
    assert np.asarray(line.get_ydata()) == pytest.approx([0.25, 0.25])
    assert line.get_label() == "label floor 0.25 bpm"
    assert not draw_floor(panel, board, "snr_db")
    assert not draw_floor(panel, board, "hr_bias_bpm")


def test_without_a_second_estimator_there_is_no_floor(results, unprinted, tmp_path):
    rows = [{**row, "hr_true_beats_bpm": None} for row in results.rows]
    board = Board.of(Results(results.about, rows, results.encodings))
    assert not draw_floor(Figure().subplots(), board, "hr_mae_bpm")
    _, _, table = draw_error_by_bitrate(board, tmp_path / "fig5")
    assert pd.read_csv(table).label_floor_bpm.isna().all()


def test_without_rates_there_is_nothing_to_draw(results, tmp_path):
    rows = [row for row in results.rows if row["condition"] == "reference"]
    with pytest.raises(NothingToDraw, match="has a bitrate"):
        draw_error_by_bitrate(Board.of(Results(results.about, rows, [])), tmp_path / "fig5")


def test_each_error_of_rates_has_its_own_floor(results):
    """Windows of half of the subjects disagree four times as far: the RMSE's floor is above the MAE's."""
    rows = [
        {**row, "hr_true_beats_bpm": row["hr_true_bpm"] + (1.0 if int(row["subject"][1:]) % 2 else 0.25)}
        for row in results.rows
    ]
    board = Board.of(Results(results.about, rows, results.encodings))
    share = np.mean([int(subject[1:]) % 2 for subject in {row["subject"] for row in rows}])
    panel = Figure().subplots()
    assert draw_floor(panel, board, "hr_rmse_bpm")
    assert np.asarray(panel.get_lines()[0].get_ydata())[0] == pytest.approx(np.sqrt(share + (1 - share) / 16))
    assert not draw_floor(panel, board, "respiration_mae_brpm")


def test_however_many_entries_a_point_stands_by_its_own_rate(results):
    panel = error_by_bitrate(Board.of(results)).axes[0]
    x = np.array([container.lines[0].get_xdata() for container in panel.containers])
    assert len(x) == 15
    shifts = x - np.arange(x.shape[1])
    assert np.abs(shifts).max() == pytest.approx(0.15)
    assert (np.diff(shifts[:, 0]) > 0).all()


@pytest.mark.parametrize(("n", "furthest"), [(1, 0.0), (2, 0.045), (6, 0.2), (40, 0.2)])
def test_entries_beside_a_tick_stay_by_it(n, furthest):
    assert [offset(0, n), offset(n - 1, n)] == pytest.approx([-furthest, furthest])
