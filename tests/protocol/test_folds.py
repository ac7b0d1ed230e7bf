"""Folds by subject: disjoint, complete, equal in size, and the same everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rppgbench.errors import ProtocolError
from rppgbench.protocol.folds import folds_of, subject_kfold
from rppgbench.protocol.protocol_file import Folds
from rppgbench.text import natural_order

SUBJECTS = st.sets(st.text("abc019", min_size=1, max_size=5), min_size=4, max_size=40)


@given(SUBJECTS, st.integers(2, 4), st.integers(0, 99))
def test_every_subject_is_tested_once_and_never_a_training_subject_of_that_fold(subjects, k, seed):
    folds = subject_kfold(subjects, k, seed)
    tested = [subject for fold in folds for subject in fold.test]
    assert sorted(tested) == sorted(subjects)
    for fold in folds:
        assert not set(fold.test) & set(fold.train)
        assert set(fold.test) | set(fold.train) == subjects
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 1


@given(SUBJECTS, st.integers(0, 99), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_the_subjects_matters(subjects, seed, random):
    shuffled = [*subjects, *subjects]
    random.shuffle(shuffled)
    assert subject_kfold(shuffled, 3, seed) == subject_kfold(sorted(subjects), 3, seed)


def test_the_folds_of_a_seed_are_these():
    # Fixed for good: another machine, Python or library must deal the same hands.
    folds = subject_kfold([f"s{n}" for n in range(1, 11)], 5, 0)
    assert [fold.test for fold in folds] == [
        ("s3", "s8"), ("s5", "s7"), ("s6", "s10"), ("s4", "s9"), ("s1", "s2"),
    ]  # fmt: skip
    assert folds[4].train == ("s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10")


def test_another_seed_deals_other_folds():
    subjects = [f"s{n}" for n in range(20)]
    assert subject_kfold(subjects, 5, 0) != subject_kfold(subjects, 5, 1)


def test_too_few_subjects_is_an_error():
    with pytest.raises(ProtocolError, match="10 folds need at least 10 subjects, the dataset has 2"):
        subject_kfold(["a", "b"], 10, 0)


def test_natural_order():
    assert sorted(["s10", "s2", "s1b", "s1"], key=natural_order) == ["s1", "s1b", "s2", "s10"]


def declared(**keys) -> Folds:
    return Folds(**keys)


@given(SUBJECTS, st.integers(0, 99), st.data())
def test_missing_subjects_change_no_fold(subjects, seed, data):
    here = data.draw(st.lists(st.sampled_from(sorted(subjects)), min_size=1, unique=True))
    whole = {s: fold.index for fold in subject_kfold(subjects, 3, seed) for s in fold.test}
    folds = folds_of(declared(k=3, seed=seed), subjects, here)
    assert {s: fold.index for fold in folds for s in fold.test} == {s: whole[s] for s in here}
    for fold in folds:
        assert fold.test
        assert set(fold.test).isdisjoint(fold.train)
        assert set(fold.test) | set(fold.train) == set(here)


def test_one_subject_a_fold_and_lists():
    folds = folds_of(declared(scheme="leave_one_subject_out"), ["a", "b", "c"], ["a", "c"])
    assert sorted(fold.test for fold in folds) == [("a",), ("c",)]
    lists = declared(scheme="subject_lists", lists=[["b"], ["a", "c"]])
    assert [(fold.test, fold.train) for fold in folds_of(lists, ["a", "b", "c"], ["a", "b", "c"])] == [
        (("b",), ("a", "c")), (("a", "c"), ("b",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([["a"], ["b"]], "leaves out c"),
        ([["a"], ["b", "c", "d"]], "names d, which the dataset does not have"),
    ],
)
def test_lists_and_dataset_must_agree(lists, message):
    with pytest.raises(ProtocolError, match=message):
        folds_of(declared(scheme="subject_lists", lists=lists), ["a", "b", "c"], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "scheme 'subject_kfold' needs 'k'"),
        ({"k": 2, "lists": [["a"], ["b"]]}, "scheme 'subject_kfold' takes no 'lists'"),
        ({"scheme": "subject_lists", "lists": [["a"], ["b", "a"]]}, "stand in the lists twice: a"),
        ({"scheme": "leave_one_subject_out", "k": 3}, "takes no 'k'"),
    ],
)
def test_a_scheme_takes_its_own_keys_alone(keys, message):
    with pytest.raises(ValidationError, match=message):
        declared(**keys)
