"""Verdicts on simulated results whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.claims.claims_file import Claim, Part
from rppgbench.claims.contrast import Contrast
from rppgbench.claims.contrast_estimate import ContrastEstimate
from rppgbench.claims.judge import Evidence, decide_verdict, judge_claims
from rppgbench.evaluation.significance import sign_flip_p

RATED = ("x264-400k", "x264-200k", "x264-100k")
GROWS = {"measure": "error", "of": ["a"], "over": "halving", "each": {"codec": ["x264"]}, "claimed": "higher"}


@pytest.fixture
def verdict(asked, observed):
    def of(rows, *parts, **more):
        (only,) = judge_claims(asked(*parts, **more), observed(rows)).verdicts
        return only

    return of


def levels(**of_entries):
    return {(entry, condition): level for entry, level in of_entries.items() for condition in RATED}


def test_a_true_claim_is_supported(simulated, verdict, better):
    found = verdict(simulated(levels(a=2.0, b=4.0), subjects=15), better)
    assert found.outcome == "supported"
    assert found.key_estimate.effect == pytest.approx(0.5, rel=0.1), "2 bpm against 4"
    assert found.key_estimate.low < found.key_estimate.effect < found.key_estimate.high < 1


def test_the_opposite_is_not_supported(simulated, verdict, better):
    found = verdict(simulated(levels(a=4.0, b=2.0), subjects=15), better)
    assert found.outcome == "not supported"
    assert found.key_estimate.effect == pytest.approx(2.0, rel=0.1)
    assert "the opposite" in found.reason


def test_equal_entries_leave_it_undecided(simulated, verdict, better):
    found = verdict(simulated(levels(a=3.0, b=3.0), subjects=15), better)
    assert found.outcome == "undecided"
    assert found.key_estimate.low < 1 < found.key_estimate.high
    assert found.reason == "0 of 1 contrasts hold (p ≤ 0.05, not corrected)"


def test_a_claim_needs_all_its_parts(simulated, verdict, better):
    rows = simulated(levels(a=2.0, b=4.0, c=2.0), subjects=15)
    found = verdict(rows, better, {**better, "against": "c"})
    assert found.outcome == "undecided"
    assert "over c" in found.key_estimate.contrast.label, "the weakest is shown"
    assert found.reason == "1 of 2 contrasts hold (p ≤ 0.05, not corrected)"


def test_one_part_that_is_the_opposite_is_enough_against_a_claim(simulated, verdict, better):
    rows = simulated(levels(a=2.0, b=4.0, c=1.0), subjects=15)
    assert verdict(rows, better, {**better, "against": "c"}).outcome == "not supported"


def test_a_guard_contradicts_what_the_trend_alone_would_support(simulated, verdict):
    valley = {("a", "x264-400k"): 2.0, ("a", "x264-200k"): 0.5, ("a", "x264-100k"): 8.0}
    rows = simulated(valley, subjects=15)
    assert verdict(rows, GROWS).outcome == "supported"
    guarded = verdict(rows, GROWS, {**GROWS, "over": "steps", "role": "guards"})
    assert guarded.outcome == "not supported"
    assert guarded.key_estimate.contrast.label == "HR error of a, x264, from 400 to 200 kb/s"


def test_a_contrast_that_is_shown_neither_decides_nor_is_corrected_for(simulated, verdict, better):
    rows = simulated(levels(a=2.0, b=4.0, c=1.0), subjects=15)
    found = verdict(rows, better, {**better, "against": "c", "role": "shows"})
    assert found.outcome == "supported"
    assert found.p_corrected == found.key_estimate.p, "a family of one"


def test_too_few_subjects_are_reported_with_their_smallest_p(simulated, verdict, better):
    found = verdict(simulated(levels(a=1.0, b=90.0), subjects=5), better)
    assert found.outcome == "undecided"
    assert found.reason.startswith("too few subjects: 5 give no p below 0.062")


@pytest.mark.parametrize("subjects", [0, 1])
def test_no_subjects_and_one_subject_decide_nothing(simulated, verdict, better, subjects):
    found = verdict(simulated(levels(a=1.0, b=90.0), subjects=subjects), better)
    assert found.outcome == "undecided"
    assert found.reason.startswith("too few subjects: 1 gives" if subjects else "nothing to judge: needs entries a, b")


def test_missing_entries_are_named_and_the_rest_cannot_support_the_claim(simulated, verdict, better):
    rows = simulated(levels(a=2.0, b=4.0), subjects=15)
    found = verdict(rows, better, {**better, "against": "c"})
    assert (found.outcome, found.reason) == (
        "undecided",
        "1 of 1 contrasts hold (p ≤ 0.05, not corrected); needs entry c",
    )
    assert verdict(simulated(levels(a=4.0, b=2.0), subjects=15), better, {**better, "against": "c"}).outcome == (
        "not supported"
    )


def test_missing_conditions_are_named(simulated, verdict, better):
    rows = simulated(levels(a=2.0, b=4.0), subjects=15)
    found = verdict(rows, {**better, "each": {"codec": ["x264", "mpeg4"]}})
    assert (found.outcome, found.reason.partition("; ")[2]) == (
        "undecided",
        "needs conditions: codec mpeg4 that are compressed",
    )
    found = verdict(simulated({("a", "x264-100k"): 1.0}, subjects=15), GROWS)
    assert found.reason == "nothing to judge: needs two bitrates of one codec: codec x264"


def test_a_name_that_means_several_entries_is_not_guessed(simulated, row, verdict, better):
    rows = simulated(levels(a=2.0, b=4.0), subjects=15)
    twins = [row("a", RATED[0], s, 1.0, entry="a(width=2)") for s in range(15)]
    found = verdict([*rows, *twins], better)
    assert found.reason == "nothing to judge: needs one entry where the definition means several: a (a, a(width=2))"


@pytest.mark.parametrize(
    ("seeds", "scope"),
    [
        ({"a": 1, "b": 5}, "about these trained networks, 1 seed"),
        ({"a": 2}, "about these trained networks, 2 seeds"),
        ({"a": 3, "b": 5}, ""),
        ({}, ""),
        ({"c": 1}, ""),  # not in the contrast
    ],
)
def test_a_verdict_from_few_training_runs_is_about_these_networks_and_stands(simulated, verdict, better, seeds, scope):
    rows = [
        {**row, "seed": seed}
        for row in simulated(levels(a=2.0, b=4.0, c=1.0), subjects=15)
        for seed in (range(seeds[row["entry"]]) if row["entry"] in seeds else [None])
    ]
    found = verdict(rows, better)
    assert (found.outcome, found.scope, found.reason) == ("supported", scope, "")


@pytest.mark.parametrize(
    ("factors", "scope"),
    [
        ((0.98, 1.0, 1.02), ""),
        ((0.2, 1.0, 2.4), "about these trained networks: within the luck of training, 3 seeds"),
    ],
)
def test_a_verdict_within_the_interval_over_seeds_has_a_scope(simulated, verdict, better, factors, scope):
    """All subjects support the claim with these seeds, whose variance is small or large."""
    rows = [
        {**row, "seed": seed, "error_bpm": factor * row["error_bpm"]}
        for row in simulated(levels(a=2.0, b=4.0), subjects=15)
        for seed, factor in (enumerate(factors) if row["entry"] == "a" else [(None, 1.0)])
    ]
    found = verdict(rows, better)
    assert (found.outcome, found.scope) == ("supported", scope)
    (estimate,) = found.evidence.deciding
    assert estimate.low_over_seeds < estimate.low < estimate.high < estimate.high_over_seeds
    assert estimate.null_within_seeds == bool(scope)
    opposite = verdict(rows, {**better, "claimed": "higher"})
    assert (opposite.outcome, opposite.scope) == ("not supported", scope)


def test_undecided_claims_have_a_scope_too(simulated, verdict, better):
    rows = [{**row, "seed": 0} for row in simulated(levels(a=3.0, b=3.0), subjects=15)]
    found = verdict(rows, better)
    assert (found.outcome, found.scope) == ("undecided", "about these trained networks, 1 seed")


def test_an_unjudged_claim_has_its_reason(asked, observed, better):
    claims = asked(better)
    open_claim = Claim(id="K2", text="It is faster.", unjudged="no times are kept")
    claims = claims.model_copy(update={"claims": (open_claim,)})
    (found,) = judge_claims(claims, observed([])).verdicts
    assert found.reason == "nothing to judge: no times are kept"


def evidence(claim: Claim, values: np.ndarray) -> Evidence:
    """Evidence of one contrast for each row of ``values`` ``(contrasts, subjects)``, claimed to be below 0."""
    part = Part(measure="snr", of=("a",), over="halving", claimed="lower")
    estimates = []
    for number, of_subjects in enumerate(values):
        contrast = Contrast(label=str(number), part=part, entry="a", rival=None, conditions=(), weights=())
        mean = float(of_subjects.mean())
        estimates.append(
            ContrastEstimate(
                contrast=contrast, effect=mean, low=mean, high=mean, p=sign_flip_p(of_subjects), p_wilcoxon=1.0,
                n=len(of_subjects), n_dropped=0, n_failed=0, as_claimed=mean < 0, seed_effects={},
            )
        )  # fmt: skip
    return Evidence(claim, estimates, [], 0.05)


@pytest.mark.parametrize(
    ("true_effects", "floor"),
    [
        ([0.0], 0.02),  # one contrast a claim: verdicts out of chance are about as often as allowed
        ([0.0, 0.0, 0.0], 0.0),  # three that are all nothing
        ([0.0, -9.0, -9.0], 0.005),  # two that are clear: the third alone decides, one of its sides half as often
    ],
)
def test_verdicts_out_of_chance_are_no_more_often_than_alpha(true_effects, floor):
    # 400 studies of 5 claims on 10 subjects; a subject's random effect is shared by all claims, which correlates them.
    random = np.random.RandomState(0)
    part = {"measure": "snr", "of": "a", "over": "halving", "claimed": "lower"}
    claims = [Claim(id=f"K{i}", text="Nothing is so.", parts=(Part.model_validate(part),)) for i in range(5)]
    studies, wrong = 400, 0
    for _ in range(studies):
        shared = random.normal(0, 0.7, 10)
        effects = np.array(true_effects)[:, None]
        verdicts = decide_verdict(
            [evidence(claim, effects + shared + random.normal(0, 1, (len(effects), 10))) for claim in claims]
        )
        wrong += any(verdict.outcome != "undecided" for verdict in verdicts)
    chance = 2.33 * (0.05 * 0.95 / studies) ** 0.5  # of the simulation itself, one-sided 1 %
    assert floor <= wrong / studies <= 0.05 + chance
