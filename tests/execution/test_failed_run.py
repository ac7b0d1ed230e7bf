"""A run from Python in which a method fails: the results say so, and the rest of them is there."""

from __future__ import annotations

import pytest

import rppgbench
from rppgbench.errors import TasksFailed


def test_failures_are_in_the_results(misbehaving, tmp_path):
    protocol = misbehaving("{method: raise}", "{method: pos}")
    results = rppgbench.run(protocol, store=tmp_path / "store", out=tmp_path / "out", workers=0, progress=False)
    assert {failure.stage for failure in results.failures} == {"predict"}
    assert results.run.n_blocked == len(results.failures) == 2
    for failure in results.failures:
        assert "divided" in failure.message and failure.report.is_file()
    assert results.rows.groupby("entry")["status"].unique().map(list).to_dict() == {
        "pos": ["scored"],
        "raise": ["failed"],
    }
    with pytest.raises(TasksFailed, match="2 tasks failed and blocked 2 others"):
        results.raise_for_failures()
    assert results.folder == tmp_path / "out" / "misbehaviour" / "v1"
