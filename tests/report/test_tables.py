"""Tables in the shape of a paper: their columns, and numbers that closed forms and NumPy give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rppgbench.report.tables import further_tables, paper_tables
from rppgbench.results.board import Board

N_PUBLISHED = {"obf": 8, "mahnob_hci": 9}


def lines(table):
    """Cells of the Markdown by the name of the row."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.markdown().splitlines()
            if line.startswith("|")]  # fmt: skip
    return {row[0]: row[1:] for row in rows}


def test_the_papers_shape(board, paper):
    table2, table3 = paper_tables(board, paper)
    assert table2.headers == [
        "entry", "windows", "HRV",
        "HR SD (bpm)", "HR RMSE (bpm)", "HR R", "RF SD (Hz)", "RF RMSE (Hz)", "RF R",
        "LF (n.u.) SD", "LF (n.u.) RMSE", "LF (n.u.) R", "HF (n.u.) SD", "HF (n.u.) RMSE", "HF (n.u.) R",
        "LF/HF SD", "LF/HF RMSE", "LF/HF R",
    ]  # fmt: skip
    assert table3.headers == ["entry", "windows", "HR SD (bpm)", "HR MAE (bpm)", "HR RMSE (bpm)", "HR R"]
    for table in (table2, table3):
        assert [row[0] for row in table.cells] == ["good", "like_good", "bad", "mean_hr (control)", "*label floor*"]
        assert table.title.endswith(", reference")


def test_numbers_are_those_of_the_rows(board, paper):
    table2, table3 = paper_tables(board, paper)
    rows = [row for row in board.results.rows if (row["condition"], row["entry"]) == ("reference", "bad")]
    error = np.array([row["error_bpm"] for row in rows])
    rates = np.array([(row["hr_pred_bpm"], row["hr_true_bpm"]) for row in rows])
    lf = np.array([row["lf_nu_pred"] - row["lf_nu_true"] for row in rows])
    sd, rmse, r = error.std(ddof=1), np.sqrt(np.mean(error**2)), np.corrcoef(rates.T)[0, 1]
    shown2, shown3 = lines(table2)["bad"], lines(table3)["bad"]
    assert shown2[:5] == ["16/16", "16/16", f"{sd:.3f}", f"{rmse:.3f}", f"{r:.3f}"]
    assert shown3 == ["16/16", f"{sd:.2f}", f"{np.mean(np.abs(error)):.2f}", f"{rmse:.2f}", f"{r:.2f}"]
    # The respiration is 0.05 Hz too high everywhere: no spread, an RMSE of that, a perfect correlation.
    assert shown2[5:8] == ["0.000", "0.050", "1.000"]
    assert shown2[8:10] == [f"{lf.std(ddof=1):.3f}", "0.100"]
    assert shown2[11:14] == shown2[8:11], "HF repeats LF"


def test_data_hold_every_condition_with_intervals(board, tmp_path, paper):
    table2, _ = paper_tables(board, paper)
    text, data = table2.save(tmp_path / "tables")
    assert text.read_text().startswith("# Heart rate and its variability, reference\n")
    found = pd.read_csv(data).set_index(["condition", "entry"])
    assert len(found) == 4 * 4 + 1
    assert set(found.source) == {"run", "label floor"}
    own = found.loc[("x264-60k", "bad")]
    assert own.hr_rmse_bpm_low < own.hr_rmse_bpm < own.hr_rmse_bpm_high
    assert (own.n_windows, own.n_scored, own.n_hrv) == (16, 16, 16)


@pytest.mark.parametrize(("dataset", "number", "name"), [("obf", 0, "ROI green"), ("mahnob_hci", 1, "SAMC")])
def test_published_rows_are_marked_and_stand_beside_their_own_dataset_alone(make_board, dataset, number, name, paper):
    tables = paper_tables(make_board(dataset=dataset), paper)
    own, other = tables[number], tables[1 - number]
    published = [row for row in own.cells if "(reported)" in row[0]]
    assert len(published) == N_PUBLISHED[dataset]
    assert own.cells[-len(published) :] == published
    assert not any("(reported)" in row[0] for row in other.cells)
    assert "not to be ranked with what was" in own.markdown()
    assert lines(own)[f"*{name}* (reported)"][0] == "-"
    assert {record["source"] for record in own.records} == {"run", "label floor", "reported, 10.1109/ICCV.2019.00024"}


def test_other_datasets_show_nothing_published(board, paper):
    assert not any("reported" in table.markdown() for table in paper_tables(board, paper))


def test_published_numbers_are_consistent(paper):
    """An RMSE is at least the SD (here rounded to the last digit); HF is LF; R is at most 1."""
    for dataset, table in zip(N_PUBLISHED, paper.tables, strict=True):
        published, metrics = table.published_for(dataset), table.metrics
        assert published is not None
        for values in published.rows.values():
            by_name = dict(zip(metrics, values, strict=True))
            sds = [name for name in metrics if "_sd" in name]
            pairs = [(by_name[name], by_name[name.replace("_sd", "_rmse")]) for name in sds]
            assert all(sd is None or rmse is None or sd <= rmse for sd, rmse in pairs)
            assert all(by_name[name] is None or by_name[name] <= 1 for name in metrics if name.endswith("_r"))
            if dataset == "obf":
                assert [by_name[f"lf_nu_{x}"] for x in ("sd", "rmse", "r")] == [
                    by_name[f"hf_nu_{x}"] for x in ("sd", "rmse", "r")
                ]


def test_the_label_floor_is_a_line_of_each_table(board, paper):
    table2, table3 = paper_tables(board, paper)
    truth = {(row["recording"], row["window"]): row for row in board.results.rows}.values()
    differences_bpm = np.array([row["hr_true_beats_bpm"] - row["hr_true_spectrum_bpm"] for row in truth])
    shown = lines(table3)["*label floor*"]
    assert shown[0] == f"{len(differences_bpm)}/{len(differences_bpm)}"
    assert shown[2] == f"{board.floor.mae.value:.2f}"
    assert shown[3] == f"{np.sqrt(np.mean(differences_bpm**2)):.2f}"
    assert lines(table2)["*label floor*"][5:] == ["-"] * 12, "variability has one estimator"
    assert any("unresolvable: they may be real between these entries" in note for note in table3.notes)


def test_undefined_cells_are_dashes_with_a_reason(make_board, paper):
    def without(row):
        return {"lf_nu_pred": None, "lf_hf_pred": None, "rf_pred_hz": None} if row["entry"] == "bad" else {}

    table2, _ = paper_tables(make_board(changes=without), paper)
    assert lines(table2)["bad"][1] == "0/16"
    assert lines(table2)["bad"][5:] == ["-"] * 12
    assert any(note.startswith("-: ") and "enough beats" in note and "bad (RF SD (Hz))" in note
               for note in table2.notes)  # fmt: skip


def test_a_further_condition_has_its_own_tables_and_nothing_published(make_board, paper):
    obf: Board = make_board(dataset="obf")
    table2, table3 = further_tables(obf, paper, "x264-60k")
    assert (table2.name, table3.name) == ("table2_variability_x264-60k", "table3_heart_rate_x264-60k")
    assert {record["condition"] for record in table2.records if record["source"] == "run"} == {"x264-60k"}
    assert not any("reported" in row[0] for row in table2.cells)


def test_without_the_reference_nothing_published_stands_beside_compressed_videos(make_board, paper):
    results = make_board(dataset="obf").results
    rows = [row for row in results.rows if row["condition"] != "reference"]
    tables = paper_tables(Board.of(type(results)(results.about, rows, results.encodings)), paper)
    assert [table.title for table in tables] == [
        "Heart rate and its variability, x264-250k", "Heart rate, x264-250k"]  # fmt: skip
    assert not any("reported" in table.markdown() for table in tables)


def test_longer_windows_have_a_table_of_their_own(make_board, paper):
    board = make_board()
    joined = [{**row, "end_s": row["start_s"] + 60.0} for row in board.results.rows if row["window"] == 0]
    longer = Board.of(type(board.results)(board.results.about, board.results.rows, board.results.encodings, joined))
    names = [table.name for table in paper_tables(longer, paper)]
    assert names == ["table2_variability", "table3_heart_rate", "table2_variability_60s"]
    assert lines(paper_tables(longer, paper)[2])["bad"][0] == "8/8"
