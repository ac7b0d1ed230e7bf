"""The built-in claims in worlds where the paper is right, and where all is the other way round."""

from __future__ import annotations

import json

import pytest

from rppgbench.claims.claims_library import find_claims, load_claims
from rppgbench.claims.judge import judge_claims

FULL = {"ablation": "full", "attention": "spatial", "loss": "pearson"}
# Hand-made methods and variants of rPPGNet: error on the best video in bpm, and what a halving multiplies it by.
METHODS = {"green": (3.0, 2.0), "chrom": (2.8, 2.0), "pos": (2.6, 2.0)}
VARIANTS = {
    "rppgnet": (1.0, 1.4, {}),
    "rppgnet base": (2.4, 1.4, {"ablation": "base"}),
    "rppgnet skin": (1.8, 1.4, {"ablation": "base+skin"}),
    "rppgnet parts": (1.3, 1.4, {"ablation": "base+skin+parts"}),
    "rppgnet atten": (1.3, 1.4, {"ablation": "base+skin+atten"}),
    "rppgnet st": (1.4, 1.4, {"attention": "spatiotemporal"}),
    "rppgnet mse": (2.0, 1.4, {"loss": "mse"}),
}
# Enhancers before rPPGNet: what they multiply its error by, how they were trained, and their gain of PSNR in dB.
ENHANCERS = {
    "stven": (0.75, "separate", 1.5), "stven joint": (0.55, "joint", 1.0), "stven elsewhere": (0.8, None, 0.5),
    "dncnn": (1.4, "separate", 0.6), "dncnn joint": (1.3, "joint", 0.3), "arcnn": (1.1, "separate", 0.4),
}  # fmt: skip
LEARNT = "x264-400k,x264-200k,x264-100k"


@pytest.fixture
def world(row, simulated, observed):
    """All the entries that the paper is about; ``turn`` -1 turns every ratio and every difference round."""

    def of(turn: int):
        levels, facts = {}, {}
        conditions = ["reference", *(f"{codec}-{r}k" for codec in ("mpeg4", "x264", "x265") for r in (400, 200, 100))]
        halvings = {"reference": -1, "400k": 0, "200k": 1, "100k": 2}

        def add(name, level, growth, **columns):
            facts[name] = {"entry": name, "method": name.split()[0], **columns}
            for condition in conditions:
                levels[name, condition] = (level * growth ** halvings[condition.rpartition("-")[2]]) ** turn

        for name, (level, growth) in METHODS.items():
            add(name, level, growth)
        learnt = {"methods_learn_from": "reference"}
        for name, (level, growth, changes) in VARIANTS.items():
            add(name, level, growth, params=json.dumps({"method": FULL | changes}), **learnt)
        for name, (factor, train, gain) in ENHANCERS.items():
            psnr = {"psnr_in_db": 30.0, "psnr_out_db": 30.0 + turn * gain}
            flicker = {"psnr_sd_in_db": 1.0, "psnr_sd_out_db": 1.0 - turn * 0.3}
            training = {"enhancers_learn_from": LEARNT if train else None, "train": train, **psnr, **flicker}
            params = json.dumps({"method": FULL, "enhancer": {}})
            add(name, factor, 1.4, enhancer=name.split()[0], params=params, **learnt, **training)
            facts[name]["method"] = "rppgnet"
        return observed([{**one, **facts[one["entry"]]} for one in simulated(levels, subjects=20, noise=0.15)])

    return of


@pytest.mark.parametrize(("turn", "outcome"), [(1, "supported"), (-1, "not supported")])
def test_where_the_paper_is_right_it_is_supported_and_where_it_is_wrong_it_is_not(world, turn, outcome):
    judgement = judge_claims(load_claims(find_claims("yu2019")), world(turn))
    found = {verdict.claim.id: verdict.outcome for verdict in judgement.verdicts}
    assert found == {f"C{i}": outcome for i in range(1, 13)} | {"C11": "undecided"}
    assert judgement.family == 11
    assert not judgement.absent_entries
