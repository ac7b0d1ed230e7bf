"""Boards: order, marks, tables, files, and refusal of what cannot be compared."""

from __future__ import annotations

import copy
import csv
import json
from dataclasses import replace

import pytest
from rich.console import Console

from rppgbench.errors import IncomparableResults, RppgbenchError
from rppgbench.evaluation.metrics import METRICS
from rppgbench.results.achieved_bitrates import achieved
from rppgbench.results.board import Board, as_loss, cell
from rppgbench.results.board_table import print_board
from rppgbench.results.publish import publish
from rppgbench.results.results import Results, merge


def test_entries_are_ranked_by_their_primary_metric_with_controls_below(results):
    board = Board.of(results)
    assert board.entries == ["good", "bad", "mean"]
    assert board.metrics == ["hr_mae_bpm", "snr_db", "hr_r"]


def test_an_entry_no_better_than_a_control_is_marked(results):
    board = Board.of(results)
    marked = {(c, e) for c in results.conditions for e in results.entries if board.no_better_than_chance(c, e)}
    assert marked == {("reference", "bad")}


def test_an_estimate_shows_its_interval(results):
    board = Board.of(results)
    assert cell(board.estimate("reference", "good", "hr_mae_bpm"), "hr_mae_bpm") == "1.00 [1.00, 1.00]"
    assert cell(board.estimate("reference", "good", "hr_mae_bpm"), "hr_mae_bpm", interval=False) == "1.00"
    assert cell(None, "hr_mae_bpm") == "-"


def test_rates_more_than_five_percent_off_are_counted(results):
    rates = achieved(results.encodings)["x264-100k"]
    assert (rates.n, rates.n_missed, rates.median_bps) == (2, 1, 110_500)


def test_the_terminal_shows_it_all(results, capsys):
    print_board(Console(width=120), Board.of(results))
    text = capsys.readouterr().out
    for expected in ("Made up", "9.00*", "good", "mean", "(control)", "n = 4 subjects", "24 windows scored", "110!"):
        assert expected in text
    assert "x264-100k 110 kb/s (1 of 2)" in text


def test_a_published_board_is_the_same_in_every_form(results, tmp_path):
    folder = publish(Board.of(results), tmp_path)
    assert folder == tmp_path / "tiny" / "v1"
    names = {path.name for path in folder.iterdir()}
    assert names >= {"board.md", "board.csv", "board.json", "rows.parquet", "encodings.csv", "results.json"}
    assert names >= {"error_by_bitrate.png", "error_by_bitrate.svg"}
    with (folder / "board.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    board = json.loads((folder / "board.json").read_text())["board"]
    assert [float(row["hr_mae_bpm"]) for row in table] == [row["hr_mae_bpm"] for row in board]
    good = next(row for row in board if (row["condition"], row["entry"]) == ("x264-100k", "good"))
    assert (good["hr_mae_bpm"], good["n_scored"], good["achieved_kbps"]) == (2.0, 4, 110.5)
    assert "| good " in (folder / "board.md").read_text()


def test_publishing_again_changes_no_byte(results, tmp_path):
    folder = publish(Board.of(results), tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "board.json").unlink()
    publish(Board.of(results), tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_results_survive_the_way_to_disk_and_back(results, tmp_path):
    results.save(tmp_path)
    loaded = Results.load(tmp_path)
    assert loaded.about == results.about
    assert sorted(loaded.rows, key=str) == sorted(results.rows, key=str)
    assert list(loaded.encodings) == list(results.encodings)


def test_results_of_different_digests_are_refused_with_the_lines_where_they_differ(results):
    other = copy.deepcopy(results)
    other.about["resolved"]["clips"]["length_s"] = 20.0
    other.about["resolved"]["conditions"][1]["params"]["bitrate_kbps"] = 120
    with pytest.raises(IncomparableResults) as caught:
        merge([results, other], ["one", "two"])
    assert "clips.length_s: 30.0 | 20.0" in caught.value.message
    assert "conditions[x264-100k].params.bitrate_kbps: 100 | 120" in caught.value.message


def test_entries_of_one_digest_are_ranked_together(results):
    halves = []
    for names in (["good", "mean"], ["bad", "mean"]):
        rows = [row for row in results.rows if row["entry"] in names]
        halves.append(Results({**results.about, "entries": names}, rows, results.encodings))
    merged = Board.of(merge(halves, ["one", "two"]))
    assert merged.entries == Board.of(results).entries
    assert merged.summaries.keys() == Board.of(results).summaries.keys()


def test_the_same_entry_with_other_scores_is_refused(results):
    other = Results(results.about, [{**row, "error_bpm": 5.0} for row in results.rows], results.encodings)
    with pytest.raises(IncomparableResults, match="entry 'bad' has other scores"):
        merge([results, other], ["one", "two"])


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(RppgbenchError, match="no readable results there"):
        Results.load(tmp_path)


def test_an_incomplete_entry_stands_below_the_complete_ones(results):
    rows = [
        {**row, "status": "failed", "error_bpm": None, "hr_pred_bpm": None, "reason": "crashed"}
        if row["entry"] == "good" and row["subject"] != "s0"
        else row
        for row in results.rows
    ]
    board = Board.of(Results(results.about, rows, results.encodings))
    assert board.entries == ["bad", "good", "mean"]
    assert board.coverage("reference", "good") == "1/4"
    assert board.coverage("reference", "bad") == ""


def test_a_metric_that_is_best_near_0_ranks_by_its_size():
    metric = METRICS["hr_bias_bpm"]
    assert as_loss(metric, -20.0) > as_loss(metric, 0.1)


def test_a_board_of_another_question_is_not_overwritten(results, tmp_path):
    folder = publish(Board.of(results), tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    other = copy.deepcopy(results)
    other.about["resolved"]["clips"]["length_s"] = 20.0
    with pytest.raises(IncomparableResults, match="holds the board of another question"):
        publish(Board.of(other), tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda r: r.about.update(rppgbench="9.9"), "rppgbench: 0 | 9.9"),
        (lambda r: r.rows.pop(), "windows: "),
        (
            lambda r: [row.update(hr_true_bpm=9.0) for row in r.rows if row["subject"] == "s0"],
            "true heart rate of s0-rest, window 0: ",
        ),
        (lambda r: r.encodings[0].update(sha256="1"), "bitstream of s0-rest, x264-100k: 0 | 1"),
    ],
)
def test_results_from_other_inputs_are_refused(results, change, line):
    other = copy.deepcopy(results)
    other.rows[:] = [row for row in other.rows if row["subject"] == "s0"] if "windows" in line else other.rows
    change(other)
    with pytest.raises(IncomparableResults) as caught:
        merge([results, other], ["one", "two"])
    assert line in caught.value.message


def test_results_that_say_too_little_are_named(results, tmp_path):
    results.save(tmp_path)
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(RppgbenchError, match="no value for protocol, version"):
        Results.load(tmp_path)


def test_failed_windows_are_noted_with_their_reason_and_an_entry_without_any_score_is_marked(results, capsys):
    failed = {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "snr_db": None, "reason": "not finite"}
    rows = [{**row, **failed} if row["entry"] == "bad" else row for row in results.rows]
    board = Board.of(Results(results.about, rows, results.encodings))
    print_board(Console(width=200), board)
    text = capsys.readouterr().out
    assert "failed: bad 8 of 8 windows: not finite" in text
    assert "-* 0/4" in text


def test_a_board_without_bitrates_shows_no_figure_that_is_not_there(results, tmp_path):
    rows = [row for row in results.rows if row["condition"] == "reference"]
    folder = publish(Board.of(replace(results, rows=rows, encodings=[])), tmp_path)
    assert not (folder / "error_by_bitrate.png").exists()
    assert "error_by_bitrate" not in (folder / "board.md").read_text()
    with_rates = publish(Board.of(results), tmp_path / "other")
    assert (with_rates / "error_by_bitrate.png").exists()
    assert "error_by_bitrate.png" in (with_rates / "board.md").read_text()


def test_results_are_never_read_half_written(results, tmp_path, monkeypatch):
    """A second run on the same folder reads while the first writes: it finds a whole file, or none."""
    from rppgbench.results import results as module

    results.save(tmp_path)
    before = module.Results.load(tmp_path)

    def cut_off(rows, path):
        path.write_bytes(b"PAR1")
        assert module.Results.load(tmp_path) == before
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "write_rows", cut_off)
    with pytest.raises(OSError, match="the disk is full"):
        results.save(tmp_path)
    assert module.Results.load(tmp_path) == before
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_of_an_older_schema_is_refused_by_its_question_alone(results, tmp_path):
    """Rows that cannot be read any more must not keep the board from being written anew."""
    publish(Board.of(results), tmp_path)
    (rows,) = tmp_path.rglob("rows.parquet")
    rows.write_bytes(b"of another version")
    (rows.parent / "board.md").unlink()
    folder = publish(Board.of(results), tmp_path)
    assert Results.load(folder).rows
