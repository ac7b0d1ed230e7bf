"""Entries and conditions that selectors match."""

from __future__ import annotations

import json

import pytest

from rppgbench.claims.claims_file import ConditionSelector, EntrySelector


def enhanced(row, condition, **changes):
    training = {"train": "joint", "methods_learn_from": "reference", "enhancers_learn_from": "x264-400k,x264-200k"}
    return row("e+a", condition, 0, 1.0, **training, **changes)


@pytest.fixture
def results(row, observed):
    params = [json.dumps({"method": {"width": width, "loss": "mse"}}) for width in (1, 2)]
    rows = [enhanced(row, condition) for condition in ("reference", "x264-400k", "x264-100k", "mpeg4-200k")]
    rows += [row("a", "x264-400k", 0, 1.0, methods_learn_from="reference", params=params[0])]
    rows += [row("a", "x264-400k", 0, 1.0, entry="a(width=2)", methods_learn_from="reference", params=params[1])]
    # Learns from the condition it is tested under, which once is the reference.
    rows += [row("a", c, 0, 1.0, entry="a [each]", methods_learn_from=c) for c in ("reference", "x264-400k")]
    return observed(rows)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"enhancer": "e"}, ["e+a"]),
        ({"enhancer": None, "methods_learn_from": "reference"}, ["a", "a(width=2)"]),
        ({"method": "a", "params": {"method": {"width": 2}}}, ["a(width=2)"]),
        ({"params": {"method": {"loss": "mse"}}}, ["a", "a(width=2)"]),
        ({"params": {"enhancer": {"loss": "mse"}}}, []),
        ({"learnt_codecs": "x264", "train": ["joint", "separate"]}, ["e+a"]),
        ({"learnt_codecs": "mpeg4,x264"}, []),
        ({"train": None}, ["a", "a [each]", "a(width=2)"]),
        ({"method": "b"}, []),
    ],
)
def test_an_entry_matches_all_keys_of_a_selector(results, selector, expected):
    assert results.find_entries(EntrySelector.model_validate(selector)) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, {"reference", "x264-400k", "x264-100k", "mpeg4-200k"}),
        ({"reference": True}, {"reference"}),
        ({"condition_learnt": True}, {"x264-400k"}),
        ({"condition_learnt": False, "codec": "x264"}, {"x264-100k"}),
        ({"codec_learnt": True}, {"x264-400k", "x264-100k"}),
        ({"codec_learnt": False, "reference": False}, {"mpeg4-200k"}),
        ({"codec": ["mpeg4", "original"]}, {"mpeg4-200k", "reference"}),
    ],
)
def test_a_condition_matches_all_keys_of_a_selector(results, selector, expected):
    found = results.find_conditions("e+a", ConditionSelector.model_validate(selector))
    assert {condition.id for condition in found} == expected


def test_selectors_are_formatted_as_on_a_board():
    selector = EntrySelector(method="a", enhancer="e", train="joint", params={"method": {"width": 2}})
    assert str(selector) == "e + a(width=2) [train joint]"
    assert str(EntrySelector(method="a", enhancer=None)) == "a"
    assert str(ConditionSelector(codec_learnt=False, reference=False)) == "compressed, codecs not learnt from"
