"""Loss curves: means over shares of the steps, a panel a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rppgbench.figures.loss_curves import POINTS, draw_losses
from rppgbench.figures.style import NothingToDraw
from rppgbench.pipeline.example_window import LossCurve

pytestmark = pytest.mark.usefixtures("unprinted")


def drawn(results, curves, tmp_path):
    return pd.read_csv(draw_losses(results, curves, tmp_path / "losses")[2])


def test_points_are_means_of_the_steps_behind_them(results, tmp_path):
    n = 10 * POINTS
    values = np.random.RandomState(0).standard_normal(n)  # below 0 too: the scale is linear
    steps = np.arange(1, n + 1)
    curve = LossCurve(entry="net", fit="net", part="method", fold=0, seed=0, steps=steps, losses={"total": values})
    found = drawn(results, [curve], tmp_path)
    assert found.total.to_numpy() == pytest.approx(values.reshape(POINTS, 10).mean(axis=1), rel=1e-4, abs=1e-6)
    assert found.step.to_numpy() == pytest.approx(5.5 + 10 * np.arange(POINTS))


def test_every_fit_and_loss_is_there(results, curves, tmp_path):
    found = drawn(results, curves, tmp_path)
    fits = found.groupby(["entry", "part"])
    assert len(fits) == 5 and (fits.fold.nunique() == 3).all()
    assert list(found)[5:7] == ["step", "total"]
    network = found[found.part == "method"]
    assert network["wave"].notna().all() and network["reconstruction"].isna().all()


def test_fits_of_one_name_have_panels_of_their_own(results, curves, tmp_path):
    first, second, third, *_ = curves
    found = drawn(results, [first, second, replace(third, fit="from other weights")], tmp_path)
    assert found.groupby("panel").fold.unique().map(list).to_dict() == {1: [0, 1], 2: [2]}
    assert found.entry.nunique() == 1


def test_a_fit_of_few_steps_is_drawn_step_by_step(results, curves, tmp_path):
    short = [replace(c, steps=c.steps[:3], losses={k: v[:3] for k, v in c.losses.items()}) for c in curves]
    assert set(drawn(results, short, tmp_path).step) == {1.0, 2.0, 3.0}


def test_folds_of_different_lengths_are_drawn_without_a_mean(results, curves, tmp_path):
    first, second, *_ = curves
    stopped = replace(second, steps=second.steps[:9], losses={k: v[:9] for k, v in second.losses.items()})
    assert len(drawn(results, [first, stopped], tmp_path)) == POINTS + 9


def test_nothing_trained_is_nothing_to_draw(results, tmp_path):
    with pytest.raises(NothingToDraw, match="no entry was trained"):
        draw_losses(results, [], tmp_path / "losses")
