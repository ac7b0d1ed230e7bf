"""The matrix of what was learnt from and what was tested under."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rppgbench.figures.style import NothingToDraw
from rppgbench.figures.train_rate import draw_train_rate_by_test_rate
from rppgbench.results.board import Board
from rppgbench.results.results import Results

pytestmark = pytest.mark.usefixtures("unprinted")


def test_rows_are_entries_and_numbers_are_theirs(results, tmp_path):
    found = pd.read_csv(draw_train_rate_by_test_rate(Board.of(results), tmp_path / "matrix")[2])
    rows = pd.DataFrame(results.rows)
    mae = rows.assign(abs=rows.error_bpm.abs()).groupby(["condition", "entry"])["abs"].mean()
    index = list(zip(found.tested_under, found.entry, strict=True))
    assert found.hr_mae_bpm.to_numpy() == pytest.approx(mae[index].to_numpy(), rel=1e-5)
    conditions = [c["id"] for c in results.about["resolved"]["conditions"]]
    assert list(dict.fromkeys(found.learnt_from)) == ["reference", "x264-60k", ",".join(conditions), "condition"]
    assert set(found.method) == {"rppgnet(size=small)"}


def test_loss_by_training_elsewhere_is_relative_to_the_matched_entry(results, tmp_path):
    found = pd.read_csv(draw_train_rate_by_test_rate(Board.of(results), tmp_path / "matrix")[2])
    grid = found.pivot(index="learnt_from", columns="tested_under", values="hr_mae_bpm")
    cost = found.pivot(index="learnt_from", columns="tested_under", values="worse_than_matched")
    assert cost.loc["reference", "x264-60k"] == pytest.approx(
        grid.loc["reference", "x264-60k"] - grid.loc["x264-60k", "x264-60k"], abs=1e-5
    )
    assert cost.loc["reference", "x265-60k"] == pytest.approx(
        grid.loc["reference", "x265-60k"] - grid.loc["condition", "x265-60k"], abs=1e-5
    )
    assert cost.loc["x264-60k", "x264-60k"] == 0
    assert np.isfinite(cost.to_numpy()).all()


@pytest.mark.parametrize("kept", [("pos", "green"), ("rppgnet(size=small)",)])
def test_one_training_condition_makes_no_matrix(results, kept, tmp_path):
    rows = [row for row in results.rows if row["entry"] in kept]
    with pytest.raises(NothingToDraw, match="learnt from single conditions"):
        draw_train_rate_by_test_rate(Board.of(Results(results.about, rows, results.encodings)), tmp_path / "matrix")
