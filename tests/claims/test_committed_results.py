"""The built-in claims on the main job's committed results."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rppgbench.claims.claims_library import find_claims, load_claims
from rppgbench.claims.judge import judge_claims
from rppgbench.claims.observations import Observations

COMMITTED = Path(__file__).parents[2] / "leaderboards" / "synthetic_compressed" / "v2"


@pytest.fixture(scope="module")
def rows():
    return pq.read_table(COMMITTED / "rows.parquet").to_pylist()


@pytest.fixture(scope="module")
def judgement(rows):
    conditions = json.loads((COMMITTED / "results.json").read_text())["resolved"]["conditions"]
    return judge_claims(load_claims(find_claims("yu2019")), Observations(rows, conditions))


@pytest.fixture(scope="module")
def trends(judgement):
    """Estimates of claim C1 per halving of the bitrate, by label."""
    estimates = judgement.verdicts[0].evidence.estimates
    return {one.contrast.label: one for one in estimates if one.contrast.part.over == "halving"}


def test_hand_made_methods_are_judged_under_each_codec(rows, trends):
    subjects = {row["subject"] for row in rows}
    for method in ("green", "chrom", "pos"):
        for codec in ("mpeg4", "x264", "x265"):
            found = trends[f"HR error of {method}, {codec}, per halving of the bitrate"]
            assert found.n == len(subjects)
            assert found.low < found.effect < found.high


def test_every_claim_gets_a_verdict_or_a_reason(judgement):
    assert len(judgement.verdicts) == 12
    for verdict in judgement.verdicts:
        assert verdict.outcome != "undecided" or verdict.reason
        assert verdict.key_estimate is not None or verdict.reason.startswith("nothing to judge: ")


@pytest.mark.parametrize(("method", "codec"), [("pos", "mpeg4"), ("chrom", "x265")])
def test_a_trend_and_its_p_are_those_of_an_independent_calculation(rows, trends, method, codec):
    errors = defaultdict(list)
    for row in rows:
        if row["entry"] == method and row["codec"] == codec:
            errors[row["subject"], row["nominal_bitrate_bps"]].append(abs(row["error_bpm"]))
    rates = sorted({rate for _, rate in errors})
    subjects = sorted({subject for subject, _ in errors})
    logs = np.array([[np.log(np.mean(errors[s, rate]) + 0.5) for rate in rates] for s in subjects])
    slopes = -np.polyfit(np.log2(rates), logs.T, 1)[0]
    found = trends[f"HR error of {method}, {codec}, per halving of the bitrate"]
    assert found.effect == pytest.approx(np.exp(slopes.mean()))
    signs = np.random.RandomState(0).choice([-1.0, 1.0], (20_000, len(subjects)))
    drawn = np.mean(np.abs(signs @ slopes) >= abs(slopes.sum()))
    assert found.p == pytest.approx(drawn, abs=4 * np.sqrt(drawn / 20_000) + 2e-4)
