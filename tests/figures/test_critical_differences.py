"""Critical differences: ranks and bars of made-up entries whose order is known."""

from __future__ import annotations

import pandas as pd
import pytest
import scipy.stats

from rppgbench.figures.critical_differences import draw_critical_differences
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board
from rppgbench.results.results import Results


def test_ranks_are_scipys_for_the_reference_and_for_all_that_is_compressed(results, unprinted, tmp_path):
    _, _, table = draw_critical_differences(Board.of(results), tmp_path / "ranks")
    found = pd.read_csv(table).set_index(["conditions", "entry"])
    rows = pd.DataFrame([row for row in results.rows if not row["control"]])
    errors = rows.assign(error=rows.error_bpm.abs()).pivot_table("error", ["condition", "subject"], "entry")
    compressed = errors.drop("reference", level="condition").groupby("subject").mean()
    expected = {"reference": errors.loc["reference"], "mean of 9 compressed conditions": compressed}
    assert list(dict.fromkeys(found.index.get_level_values(0))) == list(expected)
    for group, values in expected.items():
        ranks = pd.Series(scipy.stats.rankdata(values, axis=1).mean(axis=0), values.columns)
        assert found.loc[group].mean_rank.sort_index().to_numpy() == pytest.approx(
            ranks.sort_index().to_numpy(), rel=1e-5
        )
        friedman = scipy.stats.friedmanchisquare(*values.to_numpy().T)
        assert found.loc[group].p_friedman.iloc[0] == pytest.approx(friedman.pvalue, rel=1e-4)


def test_entries_without_a_common_bar_differ_by_more_than_the_critical_difference(results, unprinted, tmp_path):
    even = {"pos": 1.0, "green": 1.1, "rppgnet(size=small)": 30.0}
    odd = even | {"pos": 1.3}
    rows = [
        {**row, "error_bpm": (odd if int(row["subject"][1:]) % 2 else even)[row["entry"]]}
        for row in results.rows
        if row["entry"] in even
    ]
    _, _, table = draw_critical_differences(Board.of(Results(results.about, rows, [])), tmp_path / "ranks")
    found = pd.read_csv(table).set_index(["conditions", "entry"]).loc["reference"]
    # pos errs by 1.0 or 1.3 and green by 1.1: their ranks change places.
    assert found.mean_rank.to_dict() == {"pos": 1.5, "green": 1.5, "rppgnet(size=small)": 3.0}
    assert found.bars["pos"] == found.bars["green"]
    distance = found.mean_rank["rppgnet(size=small)"] - found.mean_rank["pos"]
    assert (found.bars["rppgnet(size=small)"] == found.bars["pos"]) == (distance < found.critical_difference.iloc[0])


def test_too_few_to_rank_is_a_reason(results, tmp_path):
    for keep, reason in (
        (lambda row: row["entry"] in ("pos", "green"), "2 entries: too few for ranks"),
        (lambda row: row["subject"] == "s00", "1 subjects: too few for ranks"),
    ):
        rows = [row for row in results.rows if keep(row)]
        with pytest.raises(NothingToDraw, match=reason):
            draw_critical_differences(Board.of(Results(results.about, rows, [])), tmp_path / "ranks")
