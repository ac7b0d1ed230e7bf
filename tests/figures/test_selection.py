"""The selected window: as named, or neither the best nor the worst of the best entry's."""

from __future__ import annotations

import pytest

from rppgbench.errors import UnknownName
from rppgbench.figures.enhancer_pairs import components, find_enhancer_pairs, styles
from rppgbench.figures.selection import select_window
from rppgbench.figures.style import GREY, NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.results import Results


def selected(board, **names):
    return select_window(board, **{"entry": None, "condition": None, "recording": None, **names})


def test_by_default_the_best_enhanced_entry_at_the_lowest_rate_it_learnt_from(results):
    board = Board.of(results)
    found = selected(board)
    best = next(entry for entry in board.entries if " + rppgnet" in entry)
    assert (found.entry, found.condition) == (best, "x264-60k")
    rows = [r for r in results.rows if (r["entry"], r["condition"]) == (best, "x264-60k")]
    errors = {row["recording"]: abs(row["error_bpm"]) for row in rows}
    n_better = sum(error < errors[found.recording] for error in errors.values())
    assert n_better == (len(errors) - 1) // 2
    assert "median error" in found.why


def test_where_no_method_was_trained_the_best_enhanced_entry_is_shown(results):
    rows = [row for row in results.rows if row["method"] == "pos"]
    board = Board.of(Results(results.about, rows, results.encodings))
    assert selected(board).entry == next(entry for entry in board.entries if " + " in entry)


IDENTITY = "identity + rppgnet(size=small)"


def test_an_enhancer_that_is_a_control_is_shown_only_when_there_is_no_other(results):
    perfect = [{**row, "error_bpm": 0.0} if row["entry"] == IDENTITY else row for row in results.rows]
    board = Board.of(Results(results.about, perfect, results.encodings))
    assert board.entries[0] == IDENTITY
    assert selected(board).entry == next(entry for entry in board.entries[1:] if " + rppgnet" in entry)
    untrained = [row for row in perfect if row["entry"] in (IDENTITY, "dncnn + pos")]
    assert selected(Board.of(Results(results.about, untrained, results.encodings))).entry == "dncnn + pos"
    alone = [row for row in perfect if row["entry"] == IDENTITY]
    assert selected(Board.of(Results(results.about, alone, results.encodings))).entry == IDENTITY


def test_enhancers_that_are_controls_are_grey_and_dotted(results):
    pairs = find_enhancer_pairs(results)
    assert [pair.entry for pair in pairs if pair.control] == [IDENTITY]
    style_of = styles(pairs)
    assert (style_of[IDENTITY]["color"], style_of[IDENTITY]["linestyle"]) == (GREY, ":")
    assert not any(style_of[pair.entry]["linestyle"] == ":" for pair in pairs if not pair.control)


def test_what_is_asked_for_is_shown(results):
    found = selected(Board.of(results), entry="pos", condition="mpeg4-125k", recording="s03-rest")
    assert (found.entry, found.condition, found.recording, found.why) == ("pos", "mpeg4-125k", "s03-rest", "")


def test_an_entry_that_learns_nothing_is_shown_under_the_first_codec(results):
    assert selected(Board.of(results), entry="green").condition == "mpeg4-60k"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"entry": "stven(size=small) + rppgnet(size=small) [jiont]"}, "[joint]'?"),
        ({"condition": "x264-6k"}, "did you mean 'x264-60k'?"),
        ({"recording": "s3-rest"}, "did you mean 's"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(results, wrong, hint):
    with pytest.raises(UnknownName) as caught:
        selected(Board.of(results), **wrong)
    assert hint in (caught.value.hint or "")


def test_failed_recordings_are_shown_only_when_all_failed(results):
    def failing(names):
        gone = {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "snr_db": None, "reason": "not finite"}
        rows = [{**row, **gone} if row["recording"] in names else row for row in results.rows]
        return Board.of(Results(results.about, rows, results.encodings))

    recordings = sorted({row["recording"] for row in results.rows})
    assert selected(failing(recordings[:5]), entry="pos").recording == recordings[5]
    assert selected(failing(recordings), entry="pos").recording == recordings[0]


def test_without_an_enhancer_the_entry_must_be_given(results):
    rows = [row for row in results.rows if row["enhancer"] is None]
    board = Board.of(Results(results.about, rows, results.encodings))
    with pytest.raises(NothingToDraw, match="no entry has an enhancer"):
        selected(board)
    assert selected(board, entry="pos").entry == "pos"


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        ("pos", ("", "pos")),
        ("rppgnet(frames=[64, 32]) [method from all]", ("", "rppgnet(frames=[64, 32])")),
        ("stven(size=small) + rppgnet(size=small) [joint]", ("stven(size=small)", "rppgnet(size=small)")),
    ],
)
def test_names_of_entries_are_split(entry, parts):
    assert components(entry) == parts


def test_enhancer_pairs_have_the_method_alone_and_the_conditions_learnt_from(results):
    pairs = {pair.entry: pair for pair in find_enhancer_pairs(results)}
    joint = pairs["stven(size=small) + rppgnet(size=small) [joint]"]
    assert (joint.alone, joint.label, joint.train) == ("rppgnet(size=small)", "stven(size=small) [joint]", "joint")
    assert joint.transfers(["mpeg4-60k"]) and not joint.transfers(["x264-60k", "mpeg4-60k"])
    assert not pairs["identity + rppgnet(size=small)"].transfers(["mpeg4-60k"])


def test_methods_that_learnt_otherwise_are_not_the_same_method(results):
    rows = [
        {**row, "methods_learn_from": "mpeg4-60k"} if row["entry"].startswith("arcnn") else row for row in results.rows
    ]
    pairs = {pair.entry: pair for pair in find_enhancer_pairs(Results(results.about, rows, results.encodings))}
    assert pairs["arcnn + rppgnet(size=small)"].alone is None
    assert pairs["dncnn + rppgnet(size=small)"].alone == "rppgnet(size=small)"
