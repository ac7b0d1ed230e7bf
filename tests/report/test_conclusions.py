"""Sentences from made-up results whose truth is known: each holds its number, and none claims more."""

from __future__ import annotations

import pytest

from rppgbench.report.agreement_tables import agreement_tables, variability_tables
from rppgbench.report.conclusions import conclude
from rppgbench.report.contrasts import Contrasts
from rppgbench.report.control_comparisons import against_controls
from rppgbench.report.evaluated_data import evaluated_data, limits
from rppgbench.report.trends import Trends


def one(sentences, start):
    (found,) = [sentence for sentence in sentences if sentence.startswith(start)]
    return found


def test_the_controls_are_named_and_who_does_not_beat_them_is(board):
    section = against_controls(board)
    assert section.sentences[0].startswith("The controls see no pulse: mean_hr.")
    assert one(section.sentences, "good: ") == "good: better than the best control under 4 of 4 conditions."
    # The control errs by 12 bpm, and by 2 % more each of 8 subjects: 12.84; bad by 14.98 and 32.1.
    assert one(section.sentences, "bad: ") == (
        "bad: better than the best control under 2 of 4 conditions; not under x264-125k (14.98 against 12.84), "
        "x264-60k (32.10 against 12.84)."
    )
    assert section.summary[0] == (
        "Entries have a better HR MAE (bpm) than the best control in 10 of 12 cells of entry and condition; the "
        "interval of their skill over a constant is above 0 in 6 of 12."
    )
    assert section.summary[1] == "Best on average over 4 conditions: good, HR MAE (bpm) 2.01."


def test_without_controls_nothing_is_better_than_chance(make_board):
    text = against_controls(make_board(errors={"good": (1, 1, 1, 1), "bad": (5, 5, 5, 5)})).sentences
    assert text == ["No control was run: nothing here tells a small error from one that guessing would give."]


def test_conditions_under_which_no_entry_beats_the_controls_are_named(make_board):
    section = against_controls(make_board(errors={"bad": (1, 2, 3, 30), "mean_hr": (9, 9, 9, 9)}))
    assert "(in none under x264-60k)" in section.summary[0]


def test_skill_counts_only_where_its_interval_leaves_out_none(board):
    text = one(against_controls(board).sentences, "Skill")
    sure = [
        key for key, summary in board.summaries.items()
        if key[1] != "mean_hr" and summary.metrics["skill"].low > 0
    ]  # fmt: skip
    assert 0 < len(sure) < 12
    assert f"above 0 in {len(sure)} of 12 cells" in text
    assert "bad under x264-60k" in text


def test_error_that_rises_at_every_step_is_a_trend_and_a_constant_one_is_not(make_board):
    errors = {"good": (0.5, 1, 2, 4), "steady": (3, 3, 3, 3)}
    trends = Trends.of(make_board(errors=errors))
    text = one(trends.section().sentences, "x264: error rises")
    assert "for 1 of 2 entries" in text
    assert "not shown for steady (p 1.00)" in text
    # 1 to 2 to 4 bpm and 2 % more each: errors plus half a bpm grow by about 1.7 with each halving.
    (own,) = [t for t in trends.found if t.entry == "good" and t.measure == "error"]
    assert f"a halving costs good most: x {own.per_halving.value:.2f}" in text
    assert own.per_halving.value == pytest.approx(1.75, abs=0.1)
    assert trends.section().summary[0].startswith("Error rises down the bitrates, the reference first, in 1 of 2")


def test_a_halving_that_costs_nothing_is_no_cost(make_board):
    # Without the reference, errors fall: SNR is 8 dB less the error, and rises.
    gains, steady = (1, 4, 2, 1), (3, 3, 3, 3)
    text = Trends.of(make_board(errors={"gains": gains, "steady": steady})).section().sentences
    assert "halving costs" not in " ".join(text)
    of_errors, of_snr = one(text, "x264: error rises"), one(text, "x264: pulse SNR falls")
    assert "; a halving changes errors by x 1.00 [1.00, 1.00] (steady), x 0.5" in of_errors
    assert "; a halving changes pulse SNR by 0.00 [0.00, 0.00] dB (steady), 1.45 [1.45, 1.45] dB (gains)." in of_snr
    mixed = one(Trends.of(make_board(errors={"gains": gains, "bad": (1, 2, 4, 8)})).section().sentences, "x264: error")
    assert "a halving costs bad most: x 1." in mixed and "a halving changes errors by x 0.5" in mixed


def test_a_trend_over_fewer_subjects_says_so(make_board):
    def failed(row):
        lost = row["entry"] == "bad" and row["subject"] == "s1" and row["condition"] == "x264-60k"
        return {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "snr_db": None} if lost else {}

    text = Trends.of(make_board(changes=failed)).section().sentences
    assert "(failed ones have no SNR): bad (7 of 8)" in one(text, "x264: pulse SNR falls")
    assert "fewer subjects" not in one(text, "x264: error rises"), "charged with the constant predictor's error"
    alone = Trends.of(make_board(changes=lambda row: {"fold": 0, **failed(row)})).section().sentences
    assert "where there is one fold): bad (7 of 8)" in one(alone, "x264: error rises")


def test_nothing_is_said_of_intervals_that_are_not_there(make_board):
    board = make_board(n_subjects=1)
    text = [
        *agreement_tables(board).sentences,
        *against_controls(board).sentences,
        *Trends.of(board).section().sentences,
    ]
    assert not any(f"0 of {n} " in sentence for sentence in text for n in (0, 12))
    assert not any("interval" in sentence for sentence in text)


def test_without_bitrates_there_is_no_trend(make_board):
    trends = Trends.of(make_board(rates={"reference": None}))
    assert trends.tables() == []
    assert "no codec with two rates" in trends.section().sentences[0]


def test_rates_that_follow_too_weakly_are_named_with_their_slope(make_board):
    def shrunk(row):
        if row["entry"] != "good" or row["condition"] != "x264-60k":
            return {}
        # Near a slope of 0.4, with something left to scatter.
        pred = 70 + 0.4 * (row["hr_true_bpm"] - 70) + 0.3 * (row["window"] - 0.5)
        return {"hr_pred_bpm": pred, "error_bpm": pred - row["hr_true_bpm"]}

    board = make_board(changes=shrunk)
    text = one(agreement_tables(board).sentences, "Predicted rates follow true ones too weakly")
    slope = board.summaries["x264-60k", "good"].metrics["hr_slope"]
    assert slope.value == pytest.approx(0.4, abs=0.05)
    assert f"good under x264-60k ({slope.value:.2f} [" in text


def test_half_a_minute_tells_of_fidelity_and_not_of_physiology(board, make_board):
    text = variability_tables(board).sentences
    assert one(text, "Windows last 30 s").endswith("not what anybody's autonomic nervous system does.")
    assert one(text, "good: variability known of 100% of windows under reference; 100% under 3 other conditions;")
    joined = make_board()
    longer = [{**row, "end_s": row["start_s"] + 300.0} for row in joined.results.rows]
    object.__setattr__(joined.results, "joined", longer)
    assert not any(sentence.startswith("Windows last") for sentence in variability_tables(joined).sentences)


def test_the_floor_and_what_was_tested_stand_first(board):
    section = evaluated_data(board)
    assert section.summary[0] == "8 subjects, 16 windows, 4 conditions, 4 entries; 256 of 256 scores are there."
    assert section.summary[1].startswith("Label floor 0.40")
    assert any(sentence.startswith("n = 8 subjects") for sentence in section.sentences)


def test_failures_exclusions_and_doubtful_labels_are_counted(make_board):
    def changes(row):
        if row["entry"] == "bad" and row["subject"] == "s1":
            return {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "reason": "flat"}
        return {"label_flags": "sensor noisy"} if row["subject"] == "s2" else {}

    section = evaluated_data(make_board(changes=changes))
    assert "248 of 256 scores are there" in section.summary[0]
    text = " ".join(section.sentences)
    assert "failed: bad 8 of 64 windows: flat" in text
    assert "labels: 2 of 16 windows are doubtful: sensor noisy" in text


def test_what_is_not_in_the_results_is_said(board, make_board):
    text = " ".join(limits(board).sentences)
    for missing in (
        "One dataset, mini",
        "8 of 8 recordings are rendered",
        "No learned method or enhancer",
        "8 subjects",
    ):
        assert missing in text
    assert "compressed when they were recorded" not in text
    learnt = make_board(changes=lambda row: {"methods_learn_from": "reference", "seed": 0, "source": "lossy"})
    text = " ".join(limits(learnt).sentences)
    assert "3 learned entries were trained from 1 seed, fewer than 3: what is said is about these networks" in text
    assert "so no interval and no p here holds it" in text
    twice = make_board(changes=lambda row: {"methods_learn_from": "reference", "seed": row["window"]}, n_windows=2)
    assert "so no p, and no interval but one over training runs, here holds it" in " ".join(limits(twice).sentences)
    assert "8 of 8 recordings were compressed when they were recorded: the reference is no original" in text
    assert "No enhancer is among the entries" in text
    assert "from other subjects of the same dataset: its worth on another is open" in text
    seeds = make_board(changes=lambda row: {"methods_learn_from": "reference", "seed": row["window"]}, n_windows=3)
    assert "seed" not in " ".join(limits(seeds).sentences)
    plain = make_board(rates={"reference": None})
    assert any(sentence.startswith("Nothing was compressed here") for sentence in limits(plain).sentences)


def test_one_subject_gets_sentences_too(make_board):
    board = make_board(n_subjects=1)
    sections = conclude(board, Contrasts.of(board), Trends.of(board))
    text = " ".join(sentence for section in sections for sentence in section.sentences)
    assert "One subject: there is no interval and no test" in text
    assert "nothing can be told apart here" in text
    assert "nan" not in text


def test_no_sentence_holds_an_undefined_number(board):
    sections = conclude(board, Contrasts.of(board), Trends.of(board))
    assert [section.title for section in sections] == [
        "What was tested", "Against the controls", "Entries against each other", "Along the bitrates",
        "Agreement with the contact sensor", "Heart-rate variability", "What these results cannot tell",
    ]  # fmt: skip
    for section in sections:
        for sentence in section.sentences:
            assert "nan" not in sentence
            assert sentence.endswith(".")
