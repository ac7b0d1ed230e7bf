"""Marks behind an entry's primary metric: no better than chance, unresolved from the best; and seeds."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from rppgbench.results.board import Board
from rppgbench.results.board_notes import notes
from rppgbench.results.publish import publish

FAILED = {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "snr_db": None, "reason": "no face"}
REFERENCE = "reference"


def board_of(results, change, primary: str = "hr_mae_bpm") -> Board:
    """A board ranked by ``primary``, of rows that are changed by what a function of each says."""
    evaluation = {**results.about["resolved"]["evaluation"], "primary": primary}
    about = {**results.about, "resolved": {**results.about["resolved"], "evaluation": evaluation}}
    return Board.of(replace(results, about=about, rows=[{**row, **change(row)} for row in results.rows]))


def failing(row):
    """Of "good", what is left in one subject is better than any control."""
    return FAILED if row["entry"] == "good" and row["subject"] != "s0" else {}


def test_failed_windows_are_held_against_the_controls_with_the_error_of_a_constant(results):
    """True rates of 50, 150, 250 and 350, so that a constant is far off: the first and third subjects are one fold.

    Their constant is 250, that of the others 150: with 1 bpm in the first, who is scored, errors are 1, 0, 0 and 200,
    and their mean is above the 8 bpm of the control.
    """

    def change(row):
        true_bpm = 50 + 100.0 * int(row["subject"][1:])
        return {"hr_true_bpm": true_bpm, "hr_pred_bpm": true_bpm + row["error_bpm"], **failing(row)}

    board = board_of(results, change)
    assert board.estimate(REFERENCE, "good", "hr_mae_bpm").value == pytest.approx(1.0)
    assert board._imputed_value(REFERENCE, "good") == pytest.approx((1 + 0 + 0 + 200) / 4)
    assert board.marks(REFERENCE, "good") == "*"
    assert "failed windows counted with the error of a constant" in "\n".join(notes(board))


def test_whoever_fails_where_a_constant_is_nearly_right_still_beats_a_control(results):
    """Constants are 1 bpm off in the made-up run, and 3 once: less than the control's 8 bpm."""
    board = board_of(results, failing)
    assert board.marks(REFERENCE, "good") == ""
    assert "error of a constant" not in "\n".join(notes(Board.of(results)))


def test_by_other_metrics_what_is_left_is_held_against_the_controls(results):
    board = board_of(results, failing, primary="hr_rmse_bpm")
    assert not board.no_better_than_chance(REFERENCE, "good")
    assert "error of a constant" not in "\n".join(notes(board))


@pytest.mark.parametrize(("sign", "mark"), [(-1, "*"), (1, "")])
def test_a_correlation_must_be_above_0_where_the_control_has_none(results, sign, mark):
    def change(row):
        if row["entry"] == "good":
            return {"hr_pred_bpm": 80.0 + sign * row["hr_true_bpm"]}
        return {"hr_pred_bpm": 70.0} if row["control"] else {}

    board = board_of(results, change, primary="hr_r")
    assert board.estimate(REFERENCE, "mean", "hr_r") is None
    assert board.marks(REFERENCE, "good") == mark
    assert "no better than the best of the controls, or not above 0" in "\n".join(notes(board))


def floored(difference_bpm: float, change=lambda row: {}):
    """The contact sensor's two rates are that far apart in the first subject, and three times that in the others."""

    def of(row):
        far = difference_bpm * (1 if row["subject"] == "s0" else 3)
        rates = {
            "hr_true_spectrum_bpm": row["hr_true_bpm"],
            "hr_true_beats_bpm": row["hr_true_bpm"] + far,
            "intervals_true": 30,
        }
        return {**rates, **change(row)}

    return of


def test_whoever_is_behind_by_less_than_the_floor_is_marked(results):
    assert board_of(results, floored(4.0)).marks(REFERENCE, "bad") == "*~"  # 8 bpm behind, floor 10
    assert board_of(results, floored(3.0)).marks(REFERENCE, "bad") == "*"  # floor 7.5
    assert board_of(results, floored(4.0)).marks(REFERENCE, "good") == ""
    assert board_of(results, floored(4.0)).marks(REFERENCE, "mean") == ""


def test_the_floor_is_of_the_same_metric(results):
    board = board_of(results, floored(3.0), primary="hr_rmse_bpm")
    differences_bpm = 3.0 * np.array([1, 3, 3, 3])
    assert board.floor_of("hr_mae_bpm") == pytest.approx(differences_bpm.mean()) == board.floor.mae.value
    assert board.floor_of("hr_mae_pooled_bpm") == pytest.approx(differences_bpm.mean())
    assert board.floor_of("hr_mae_median_bpm") == pytest.approx(9.0)
    assert board.floor_of("hr_rmse_bpm") == pytest.approx(np.sqrt((differences_bpm**2).mean()))
    # It is 8 bpm behind by the RMSE: by more than the floor of 7.94, and by less than one of 8.2.
    assert not board.unresolved(REFERENCE, "bad")
    assert board_of(results, floored(3.1), primary="hr_rmse_bpm").unresolved(REFERENCE, "bad")
    assert "less than the floor of HR RMSE (bpm), 7.94." in "\n".join(notes(board))


def test_other_metrics_have_no_floor_whatever_their_unit(results):
    board = board_of(results, floored(3.0), primary="snr_db")
    assert [board.floor_of(m) for m in ("respiration_mae_brpm", "hr_bias_bpm", "hr_sd_bpm", "snr_db")] == [None] * 4
    assert not board.unresolved(REFERENCE, "bad")
    assert "~" not in "\n".join(notes(board))
    assert Board.of(results).floor_of("hr_mae_bpm") is None


def test_an_entry_with_failed_windows_is_not_the_best_nor_held_against_it(results):
    """Left with one subject, "good" is ahead; "bad" is the best of those that were asked everything."""
    board = board_of(results, floored(4.0, failing))
    assert board.estimate(REFERENCE, "good", "hr_mae_bpm").value < board.estimate(REFERENCE, "bad", "hr_mae_bpm").value
    assert not board.unresolved(REFERENCE, "bad")
    behind = board_of(results, floored(4.0, lambda row: FAILED if row["entry"] == "bad" and row["fold"] else {}))
    assert not behind.unresolved(REFERENCE, "bad")


def test_the_spread_over_seeds_stands_in_the_table_and_below_the_board(results, tmp_path):
    """Two seeds 2 bpm apart under one condition and 4 under the other: SDs of 2 / sqrt 2 and 4 / sqrt 2."""

    def seeded(row, seed):
        more = seed * (2.0 if row["condition"] == REFERENCE else 4.0)
        return {**row, "seed": seed, "error_bpm": row["error_bpm"] + more}

    rows = [row for row in results.rows if row["entry"] != "good"]
    rows += [seeded(row, seed) for row in results.rows if row["entry"] == "good" for seed in (0, 1)]
    board = Board.of(replace(results, rows=rows))
    with (publish(board, tmp_path) / "board.csv").open(newline="") as file:
        table = {(row["condition"], row["entry"]): row for row in csv.DictReader(file)}
    good, bad = table[REFERENCE, "good"], table[REFERENCE, "bad"]
    assert (good["n_seeds"], bad["n_seeds"]) == ("2", "0")
    assert float(good["hr_mae_bpm_seed_sd"]) == pytest.approx(np.sqrt(2), abs=1e-4)
    assert bad["hr_mae_bpm_seed_sd"] == ""
    assert bad["hr_mae_bpm_high_over_seeds"] == ""
    assert float(good["hr_mae_bpm_high_over_seeds"]) > float(good["hr_mae_bpm_high"]) + 10  # two seeds know little
    assert float(good["hr_mae_bpm_low_over_seeds"]) == 0
    (text,) = [note for note in notes(board) if note.startswith("SD over seeds")]
    assert "of HR MAE (bpm), by condition: good 1.41 to 2.83 (2 seeds). Intervals here are over other subjects" in text


def test_without_several_seeds_nothing_is_said_of_them(results, tmp_path):
    rows = [{**row, "seed": 0} for row in results.rows]
    board = Board.of(replace(results, rows=rows))
    assert "seed" not in (publish(board, tmp_path) / "board.csv").read_text()
    assert "over seeds" not in "\n".join(notes(board))
