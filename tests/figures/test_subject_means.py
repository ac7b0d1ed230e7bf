"""Figures of subjects: degradation, quality against error, variability."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from rppgbench.figures.degradation import ERROR, SNR, draw_degradation
from rppgbench.figures.hrv_scatter import draw_hrv_scatter
from rppgbench.figures.quality_error import draw_error_by_quality, spearman, within_subjects
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.results import Results


@pytest.fixture(scope="module")
def board(results) -> Board:
    return Board.of(results)


def only(results, where, encodings=None) -> Board:
    rows = [row for row in results.rows if where(row)]
    return Board.of(Results(results.about, rows, results.encodings if encodings is None else encodings))


@pytest.mark.parametrize(("quantity", "column"), [(ERROR, "error_bpm"), (SNR, "snr_db")])
def test_every_subject_has_a_line_and_all_of_them_a_mean(results, board, unprinted, tmp_path, quantity, column):
    _, _, table = draw_degradation(board, quantity, tmp_path / "curves")
    found = pd.read_csv(table)
    assert list(dict.fromkeys(found.entry)) == list(board.entries[:4])
    rows = pd.DataFrame(results.rows)
    value = rows[column].abs() if quantity is ERROR else rows[column]
    expected = value.groupby([rows.condition, rows.entry, rows.subject]).mean()
    lines = found[found.subject.notna()].set_index(["condition", "entry", "subject"])[quantity.metric]
    assert len(lines) == 10 * 4 * 6
    assert lines.to_numpy() == pytest.approx(expected.loc[lines.index].to_numpy(), rel=1e-5)
    means = found[found.subject.isna()].set_index(["condition", "entry"])
    averaged = lines.groupby(["condition", "entry"]).mean().loc[means.index]
    assert means[quantity.metric].to_numpy() == pytest.approx(averaged.to_numpy(), rel=1e-4)
    assert (means[f"{quantity.metric}_low"] < means[f"{quantity.metric}_high"]).all()


def test_nothing_compressed_has_no_curves(results, tmp_path):
    with pytest.raises(NothingToDraw, match="no compressed condition"):
        draw_degradation(only(results, lambda row: row["condition"] == "reference", []), ERROR, tmp_path / "curves")


def test_one_subject_has_curves_without_intervals_and_no_warning(results, tmp_path):
    one = only(results, lambda row: row["subject"] == "s02" and row["entry"] == "pos")
    _, _, table = draw_degradation(one, ERROR, tmp_path / "curves")
    means = pd.read_csv(table)
    assert means.hr_mae_bpm_low.isna().all()


def test_points_are_the_clips_that_methods_saw(results, board, unprinted, tmp_path):
    _, _, table = draw_error_by_quality(board, tmp_path / "quality")
    found = pd.read_csv(table)
    rows = pd.DataFrame(results.rows).set_index(["entry", "condition", "subject"])
    own = found.set_index(["entry", "condition", "subject"])
    enhanced = rows.enhancer.notna().loc[own.index]
    measured = rows.psnr_out_db.where(rows.enhancer.notna(), rows.psnr_in_db).loc[own.index].astype(float)
    assert enhanced.any() and not enhanced.all()
    assert own.psnr_db.to_numpy() == pytest.approx(measured.to_numpy(), rel=1e-5, nan_ok=True)
    # The made-up fidelity is 9 dB less the error: a perfect foreteller.
    compressed = found[found.pulse_fidelity_db.notna()]
    assert (compressed.pulse_fidelity_db + compressed.error_bpm).to_numpy() == pytest.approx(9, rel=1e-4)
    assert "ssim" in found and found.ssim.isna().all()


def test_a_perfect_foreteller_has_the_highest_correlation_with_minus_the_error(board, unprinted, monkeypatch, tmp_path):
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    draw_error_by_quality(board, tmp_path / "quality")
    labels = [text.get_text() for text in figures[0].axes[0].texts if isinstance(text, Annotation)]
    assert labels == ["+1.00 (+1.00)"] * 3
    assert "rho with minus the error" in " ".join(figures[0].get_suptitle().split())


def test_rank_correlations_are_scipys():
    rng = np.random.RandomState(0)
    x = rng.randint(0, 6, 40).astype(np.float64)
    y = x + rng.normal(0, 2, 40).round()
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert np.isnan(spearman(x[:2], y[:2])) and np.isnan(spearman(np.ones(9), y[:9]))


def test_within_subjects_who_is_easy_does_not_count():
    """The second subject is better in all; within each the measure foretells nothing but the opposite."""
    x = np.array([1.0, 2, 3, 11, 12, 13])
    y = np.array([3.0, 2, 1, 13, 12, 11])
    assert spearman(x, y) > 0.5
    assert within_subjects(x, y, ["a"] * 3 + ["b"] * 3) == pytest.approx(-1)
    assert np.isnan(within_subjects(x, y, list("abcdef")))


def test_without_quality_there_is_nothing_to_draw(results, tmp_path):
    with pytest.raises(NothingToDraw, match="no quality"):
        draw_error_by_quality(only(results, lambda row: row["condition"] == "reference"), tmp_path / "quality")


def test_variability_is_that_of_the_reference(results, board, unprinted, tmp_path):
    _, _, table = draw_hrv_scatter(board, tmp_path / "hrv")
    found = pd.read_csv(table)
    assert set(found.condition) == {"reference"}
    lf = found[(found.feature == "lf_nu") & found.entry.str.endswith("pos")]
    assert (lf.pred - lf.true).to_numpy() == pytest.approx(0.05)
    assert found[(found.feature == "rf")].pred.notna().all()


def test_without_variability_there_is_nothing_to_draw(results, tmp_path):
    blank = dict.fromkeys(("rf_pred_hz", "lf_nu_pred"))
    board = Board.of(Results(results.about, [{**row, **blank} for row in results.rows], results.encodings))
    with pytest.raises(NothingToDraw, match="enough beats"):
        draw_hrv_scatter(board, tmp_path / "hrv")
