"""Families of comparisons: their tests and corrections."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rppgbench.errors import UnknownName
from rppgbench.evaluation.family import Comparison, Corrected, every_pair, expand

TESTED = {"a": ["x", "y"], "b": ["y", "x"], "c": ["x"]}


def test_a_name_alone_is_a_list_of_one():
    assert Comparison(of="a", against="b", conditions="x") == Comparison(of=("a",), against=("b",), conditions=("x",))
    assert Comparison(of="a", against="b", conditions="each").conditions == "each"
    assert Comparison(of="mean", against="each").of == ("mean",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"of": "a"},
        {"of": "a", "against": "b", "metric": "mae"},
        {"of": [], "against": "b"},
        {"of": "a", "against": "b", "conditions": []},
        {"of": "a", "against": "a"},
        "a",
    ],
)
def test_invalid_comparisons_are_refused(wrong):
    with pytest.raises(ValidationError):
        Comparison.model_validate(wrong)


def test_a_family_survives_a_round_trip_through_json():
    family = Comparison(of=("a", "b"), against="c", conditions="each")
    assert Comparison.model_validate(family.model_dump(mode="json")) == family


def test_every_pair_of_entries_is_compared_once():
    family = [Comparison(of=("a", "b"), against=("a", "b")), Comparison(of="b", against="a", conditions="mean")]
    assert [(pair.entry, pair.rival) for pair in expand(family, TESTED)] == [("a", "b")]
    assert [(pair.entry, pair.rival) for pair in expand(every_pair(["a", "b", "c"]), TESTED)] == [
        ("b", "a"), ("c", "a"), ("c", "b")]  # fmt: skip
    assert every_pair(["a"]) == every_pair([]) == ()


def test_equal_tests_under_different_names_are_one():
    # c was tested under x alone: the mean over all that both were is that under x.
    family = [Comparison(of="a", against="c", conditions=how) for how in ("mean", "each", "x")]
    (pair,) = expand(family, TESTED)
    assert (pair.conditions, pair.words) == (("x",), "x")


def test_a_comparison_is_checked_against_what_a_protocol_has():
    comparison = Comparison(of="pos", against="chrom", conditions="x264-250k")
    comparison.check(["pos", "chrom"], ["x264-250k"])
    with pytest.raises(UnknownName, match="no entry 'pos'"):
        comparison.check(["poss", "chrom"], ["x264-250k"])
    with pytest.raises(UnknownName, match="no condition 'x264-250k'"):
        comparison.check(["pos", "chrom"], ["x264-125k"])


def test_a_declared_test_that_was_not_made_counts_as_p_of_1():
    nan = float("nan")
    found = Corrected.of([0.01, nan, 0.002], [8, 0, 6], 4)
    assert (found.family, found.n_made) == (4, 2)
    assert found.holm == pytest.approx([0.03, nan, 0.008], nan_ok=True)
    assert found.bh == pytest.approx([0.02, nan, 0.008], nan_ok=True)
    # 2^-7 and 2^-5: the first times four, the second times three.
    assert found.least_holm == pytest.approx([4 / 128, nan, 3 / 32], nan_ok=True)
    assert found.least_bh == pytest.approx([4 / 128, nan, 2 / 32], nan_ok=True)
    undeclared = Corrected.of([0.01, nan, 0.002], [8, 0, 6], 0)
    assert (undeclared.family, undeclared.n_made) == (2, 2)
    assert undeclared.holm == pytest.approx([0.01, nan, 0.004], nan_ok=True)
    assert Corrected.of([], [], 0).family == 0
