"""Fig. 7: errors as numpy finds them in the rows, the method alone beside its enhancers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rppgbench.figures.error_by_enhancer import draw_error_by_enhancer
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.results import Results


@pytest.fixture(scope="module")
def drawn(results, printless, tmp_path_factory):
    """The table beside the figure."""
    with printless():
        files = draw_error_by_enhancer(Board.of(results), tmp_path_factory.mktemp("drawn") / "fig7")
    return pd.read_csv(files[2], keep_default_na=False)


def test_errors_are_those_of_the_rows(results, drawn):
    errors = pd.DataFrame(results.rows).groupby(["condition", "entry"]).error_bpm
    rmse, mae = errors.agg(lambda e: np.sqrt(np.mean(e**2))), errors.agg(lambda e: np.mean(np.abs(e)))
    index = list(zip(drawn.condition, drawn.entry, strict=True))
    assert drawn.hr_rmse_bpm.to_numpy() == pytest.approx(rmse[index].to_numpy(), rel=1e-5)
    assert drawn.hr_mae_bpm.to_numpy() == pytest.approx(mae[index].to_numpy(), rel=1e-5)


def test_every_method_behind_an_enhancer_stands_beside_itself_alone(drawn):
    entries = {method: set(group.entry) for method, group in drawn.groupby("method")}
    assert entries["pos"] == {"pos", "stven(size=small) + pos", "dncnn + pos"}
    assert "rppgnet(size=small)" in entries["rppgnet(size=small)"]
    assert len(entries["rppgnet(size=small)"]) == 1 + 6
    assert set(drawn.train) == {"", "separate", "joint"}


def test_transfer_is_distinguished_from_learnt_codecs(drawn):
    learners = drawn[(drawn.train != "") & (drawn.codec != "reference")]
    assert {codec: set(group.learnt_from_codec) for codec, group in learners.groupby("codec")} == {
        "x264": {"yes"}, "mpeg4": {"no"}, "x265": {"no"},
    }  # fmt: skip
    assert set(drawn[drawn.train == ""].learnt_from_codec) == {""}


def test_failed_windows_leave_gaps(results, tmp_path):
    failed = {"status": "failed", "error_bpm": None, "hr_pred_bpm": None, "snr_db": None, "reason": "not finite"}
    shown = [row for row in results.rows if row["method"] == "pos" and row["condition"] in ("reference", "x265-60k")]
    rows = [{**row, **failed} if row["entry"] == "dncnn + pos" else row for row in shown]
    board = Board.of(Results(results.about, rows, results.encodings))
    table = pd.read_csv(draw_error_by_enhancer(board, tmp_path / "fig7")[2]).set_index("entry")
    assert table.loc["dncnn + pos", "hr_mae_bpm"].isna().all()
    assert table.loc["pos", "hr_mae_bpm"].notna().all()


def test_results_of_the_reference_alone_are_not_enough(results, tmp_path):
    rows = [row for row in results.rows if row["condition"] == "reference"]
    with pytest.raises(NothingToDraw, match="no compressed condition"):
        draw_error_by_enhancer(Board.of(Results(results.about, rows, results.encodings)), tmp_path / "fig7")
