"""Comparisons of entries: differences, and those below the label floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppgbench.errors import UnknownName
from rppgbench.report.contrasts import Contrasts
from rppgbench.results.board import Board


def declared(board, *family):
    board.results.about["comparisons"] = list(family)
    return board


def found(contrasts, entry, rival):
    (one,) = [p for p in contrasts.made if {p.entry, p.rival} == {entry, rival}]
    return one


def test_a_difference_below_the_floor_is_unresolvable_however_small_its_p(make_board):
    family = {"of": ["good"], "against": ["like_good", "bad"], "conditions": "mean"}
    contrasts = Contrasts.of(declared(make_board(), family))
    close, far = found(contrasts, "good", "like_good"), found(contrasts, "good", "bad")
    # 0.05 bpm at the first subject, and every subject the same way: 2^-7 both, before correction.
    assert close.p_sign_flip == far.p_sign_flip == pytest.approx(2**-7)
    assert abs(close.difference_bpm.value) < 0.1 < 0.4
    text = contrasts.section().sentences
    (own,) = [sentence for sentence in text if sentence.startswith("good against like_good")]
    assert own.endswith("unresolvable (label floor 0.40 bpm).")
    (below,) = [sentence for sentence in text if "below the label floor of 0.40 bpm" in sentence]
    assert below.startswith("1 of 2 differences") and "good against like_good" in below
    assert "may be real between these entries, and says nothing about the error against the heart" in below
    (clear,) = [sentence for sentence in text if sentence.startswith("good against bad")]
    assert clear.endswith("n = 8: better.")
    assert contrasts.section().summary == [
        "1 of 2 declared comparisons told entries apart after correction; 1 difference is below the label floor and "
        "unresolvable."
    ]


def test_a_declared_family_is_confirmatory_and_one_that_is_not_explores(make_board):
    family = {"of": ["good"], "against": ["bad"], "conditions": "each"}
    confirmed = Contrasts.of(declared(make_board(), family))
    assert [p.conditions for p in confirmed.made] == [(c,) for c in ("reference", "x264-250k", "x264-125k", "x264-60k")]
    assert confirmed.section().sentences[0].startswith("Confirmatory: the protocol declares 4 comparisons")
    explored = Contrasts.of(make_board())
    assert explored.section().sentences[0].startswith("Exploratory: the protocol declares no comparisons")
    assert len(explored.made) == 3, "all pairs of contestants, no control"
    assert "no result yet" in explored.section().sentences[0]


def test_the_detectable_ratio_is_given_with_the_number_of_subjects(make_board):
    contrasts = Contrasts.of(make_board())
    (text,) = [sentence for sentence in contrasts.section().sentences if "80 % chance" in sentence]
    assert text.startswith("With 8 subjects")
    median = np.median([p.detectable_ratio for p in contrasts.made])
    assert f"a ratio of errors of {median:.2f} or less" in text
    corrected = np.median([p.detectable_corrected for p in contrasts.made])
    assert f"after correction for the family of 3, where it is severest, one of {corrected:.2f} or less" in text


def test_a_family_too_large_for_so_few_subjects_is_said_to_be_one(make_board):
    # 2^-5 at best, times four.
    family = {"of": ["good"], "against": ["bad"], "conditions": "each"}
    contrasts = Contrasts.of(declared(make_board(n_subjects=6), family))
    text = contrasts.section().sentences
    assert any(
        "after correction for the family of 4 nothing can be told apart, whatever the data" in one for one in text
    )
    (table,) = contrasts.tables()
    assert all("too few subjects for a family of 4: 6 give no corrected p below 0.12" in row[-1] for row in table.cells)
    assert not any(
        "whatever the data" in one for one in Contrasts.of(declared(make_board(), family)).section().sentences
    )


def test_a_declared_family_counts_what_was_not_run(make_board):
    board = make_board()
    absent = [f"absent{i}" for i in range(9)]
    board.results.about["entries"] = [*board.results.about["entries"], *absent]
    first = Contrasts.of(declared(board, {"of": ["good"], "against": ["bad", *absent]})).section().sentences[0]
    assert first.startswith("Confirmatory: the protocol declares 10 comparisons, 1 could be tested;")
    more = {"of": ["good"], "against": ["bad", "like_good", *absent]}
    first = Contrasts.of(declared(board, more)).section().sentences[0]
    assert first.startswith("Exploratory: the protocol declares 11 comparisons, 2 could be tested.")


def test_with_one_fold_failed_windows_are_said_to_be_free(make_board):
    (several,), (one,) = (
        Contrasts.of(make_board(changes=changes)).tables() for changes in (None, lambda row: {"fold": 0})
    )
    assert "Failed windows err as the constant predictor would." in several.notes[0]
    assert "There is one fold" in one.notes[0] and "failed windows cannot be charged" in one.notes[0]


def test_few_subjects_find_nothing_and_that_is_said(make_board):
    contrasts = Contrasts.of(make_board(n_subjects=3))
    text = " ".join(contrasts.section().sentences)
    assert "nothing can be told apart here" in text
    assert "3 give no p below 0.25" in text


def test_one_entry_has_no_comparison(make_board):
    contrasts = Contrasts.of(make_board(errors={"good": (1, 2, 3, 4), "mean_hr": (9, 9, 9, 9)}))
    assert contrasts.reason == "fewer than two entries that are no controls"
    assert contrasts.tables() == []
    assert "No two entries were compared" in contrasts.section().sentences[0]


def test_entries_that_are_not_here_are_named_and_others_refused(make_board):
    board = make_board()
    board.results.about["entries"] = [*board.results.about["entries"], "absent"]
    contrasts = Contrasts.of(declared(board, {"of": ["good"], "against": ["absent", "bad"]}))
    assert any("not among these results: absent" in sentence for sentence in contrasts.section().sentences)
    (table,) = contrasts.tables()
    assert table.cells[0][-1] == "not compared: not among these results: absent"
    with pytest.raises(UnknownName):
        Contrasts.of(declared(make_board(), {"of": ["good"], "against": ["bda"]}))


def test_the_table_holds_every_number(make_board, tmp_path):
    import pandas as pd

    (table,) = Contrasts.of(make_board()).tables()
    _, data = table.save(tmp_path)
    frame = pd.read_csv(data).set_index(["entry", "against"])
    assert len(frame) == 3
    own = frame.loc[("like_good", "good")]
    assert (own.resolvable, own.confirmatory, own.family) == ("no", "no", 3)
    assert own.ratio_low < own.ratio < own.ratio_high
    assert list(table.cells[0][:2]) != ["good", "like_good"], "sorted by p where none is declared"


@pytest.mark.parametrize(("factors", "lucky"), [((0.99, 1.0, 1.01), False), ((0.3, 1.0, 2.6), True)])
def test_what_other_training_runs_may_turn_round_is_no_difference(make_board, factors, lucky):
    """The entry good was trained from three seeds, whose errors are those times a factor."""
    board = make_board()
    rows = [
        {**one, "seed": seed, "error_bpm": factor * one["error_bpm"]}
        for one in board.results.rows
        for seed, factor in (enumerate(factors) if one["entry"] == "good" else [(None, 1.0)])
    ]
    board = declared(Board.of(replace(board.results, rows=rows)), {"of": ["good"], "against": ["bad"]})
    contrasts = Contrasts.of(board)
    (own,) = [s for s in contrasts.section().sentences if s.startswith("good against bad")]
    assert "over other training runs too, 3 seeds)" in own
    assert own.endswith(" within the luck of training." if lucky else " better.")
    assert any("nothing is said of these ways of training" in s for s in contrasts.section().sentences) == lucky
    assert contrasts.section().summary[0].startswith(f"{0 if lucky else 1} of 1 declared comparison")
    (record,) = contrasts.tables()[0].records
    assert (record["n_seeds"], record["ratio_high_over_seeds"] > 1) == (3, lucky)


def test_one_subject_has_no_interval_over_seeds_and_no_nan_is_written(make_board):
    board = make_board(n_subjects=1)
    rows = [{**one, "seed": seed} for one in board.results.rows for seed in (0, 1)]
    board = declared(Board.of(replace(board.results, rows=rows)), {"of": ["good"], "against": ["bad"]})
    assert "nan" not in " ".join(Contrasts.of(board).section().sentences)
