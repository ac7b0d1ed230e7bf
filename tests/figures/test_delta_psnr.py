"""Fig. 6: the numbers drawn are those that pandas finds in the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rppgbench.figures.delta_psnr import draw_delta_psnr
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.results import Results


@pytest.fixture(scope="module")
def drawn(results, printless, tmp_path_factory):
    """The table beside the figure."""
    with printless():
        files = draw_delta_psnr(Board.of(results), tmp_path_factory.mktemp("drawn") / "figures" / "fig6")
    assert [path.name for path in files] == ["fig6.png", "fig6.svg", "fig6.csv"]
    return pd.read_csv(files[2]).set_index(["condition", "entry"])


def test_the_numbers_are_means_of_subjects(results, drawn):
    rows = pd.DataFrame(results.rows)
    rows["delta_psnr_db"] = rows.psnr_out_db - rows.psnr_in_db
    rows["psnr_sd_change_db"] = rows.psnr_sd_out_db - rows.psnr_sd_in_db
    expected = rows.groupby(["condition", "entry", "subject"])[["delta_psnr_db", "psnr_sd_change_db"]].mean()
    expected = expected.groupby(["condition", "entry"]).mean()
    assert len(drawn) == 9 * 8
    for quantity in expected:
        assert drawn[quantity].to_numpy() == pytest.approx(expected.loc[drawn.index, quantity].to_numpy(), rel=1e-5)


def test_the_pulse_is_compared_with_the_same_method_in_the_same_window(results, drawn):
    rows = pd.DataFrame(results.rows).set_index(["condition", "entry", "subject"]).snr_db.sort_index()
    for (condition, entry), row in drawn.iterrows():
        alone = "pos" if entry.endswith("+ pos") else "rppgnet(size=small)"
        assert row.method_alone == alone
        change = (rows[condition, entry] - rows[condition, alone]).mean()
        assert row.snr_change_db == pytest.approx(change, rel=1e-5)


def test_intervals_hold_their_estimates_and_say_which_codecs_were_learnt_from(drawn):
    for quantity in ("delta_psnr_db", "snr_change_db", "psnr_sd_change_db"):
        assert (drawn[f"{quantity}_low"] < drawn[quantity]).all()
        assert (drawn[quantity] < drawn[f"{quantity}_high"]).all()
    learnt = drawn.reset_index().groupby("codec", sort=False).learnt_from_codec.agg(lambda x: set(x.dropna()))
    assert dict(learnt) == {"x264": {"yes"}, "mpeg4": {"no"}, "x265": {"no"}}
    assert next(iter(learnt.index)) == "x264"


def test_without_psnr_or_without_enhancers_there_is_nothing_to_draw(results, tmp_path):
    blind = [{**row, "psnr_in_db": None, "psnr_out_db": None} for row in results.rows]
    with pytest.raises(NothingToDraw, match="no PSNR"):
        draw_delta_psnr(Board.of(Results(results.about, blind, results.encodings)), tmp_path / "fig6")
    alone = [row for row in results.rows if row["enhancer"] is None]
    with pytest.raises(NothingToDraw, match="no entry has an enhancer"):
        draw_delta_psnr(Board.of(Results(results.about, alone, results.encodings)), tmp_path / "fig6")
    assert not list(tmp_path.iterdir())


def test_one_subject_and_a_method_that_is_missing_leave_gaps_and_no_warning(results, tmp_path):
    shown = ("reference", "x264-60k")
    rows = [
        row for row in results.rows if row["subject"] == "s00" and row["entry"] != "pos" and row["condition"] in shown
    ]
    _, _, table = draw_delta_psnr(Board.of(Results(results.about, rows, results.encodings)), tmp_path / "fig6")
    found = pd.read_csv(table).set_index("entry")
    assert found.delta_psnr_db_low.isna().all()
    assert np.isnan(found.snr_change_db["dncnn + pos"])
    assert np.isfinite(found.snr_change_db["arcnn + rppgnet(size=small)"])
