"""Subject-independent folds: the same seed gives the same folds on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rppgbench.errors import ProtocolError, nearest
from rppgbench.text import natural_order

if TYPE_CHECKING:
    from rppgbench.protocol.protocol_file import Folds


@dataclass(frozen=True)
class Fold:
    """Who is tested and who may be learnt from; no subject is in both."""

    index: int
    test: tuple[str, ...]
    train: tuple[str, ...]


def folds_of(declared: Folds, published: Iterable[str], here: Iterable[str]) -> tuple[Fold, ...]:
    """The declared folds of the ``published`` subjects, with those that are ``here``.

    A subject's fold does not depend on who else is here, so that two owners of parts of a dataset test alike. Folds
    with nobody here are left out; the others keep their numbers.

    Raises:
        ProtocolError: there are fewer subjects than folds, or lists and dataset do not agree.
    """
    present = set(here)
    subjects = sorted({*published, *present}, key=natural_order)
    if declared.lists is not None:
        folds = _listed(declared.lists, subjects)
    else:
        folds = subject_kfold(subjects, declared.k or len(subjects), declared.seed)
    return tuple(
        Fold(fold.index, test, tuple(s for s in fold.train if s in present))
        for fold in folds
        if (test := tuple(s for s in fold.test if s in present))
    )


def _listed(lists: Iterable[Iterable[str]], subjects: list[str]) -> tuple[Fold, ...]:
    """The lists as folds; every subject must stand in one, and nobody else."""
    named = {subject for members in lists for subject in members}
    strangers = sorted(named - set(subjects), key=natural_order)
    if strangers:
        raise ProtocolError(
            f"folds.lists names {', '.join(strangers)}, which the dataset does not have",
            hint=nearest(strangers[0], subjects),
        )
    forgotten = [subject for subject in subjects if subject not in named]
    if forgotten:
        raise ProtocolError(
            f"folds.lists leaves out {', '.join(forgotten)}", hint="every subject must be tested in one fold"
        )
    return tuple(
        Fold(index, tuple(sorted(test, key=natural_order)), tuple(s for s in subjects if s not in set(test)))
        for index, test in enumerate(tuple(members) for members in lists)
    )


def subject_kfold(subjects: Iterable[str], k: int, seed: int) -> tuple[Fold, ...]:
    """``k`` folds of the subjects, as equal in size as can be.

    Subjects are ordered by a hash of seed and name, so neither file-system order nor any random generator's version
    plays a part; they are then dealt out in turn.

    Raises:
        ProtocolError: there are fewer subjects than folds.
    """
    unique = sorted(set(subjects), key=natural_order)
    if len(unique) < k:
        raise ProtocolError(
            f"{k} folds need at least {k} subjects, the dataset has {len(unique)}",
            hint="lower folds.k, or point to the whole dataset",
        )
    shuffled = sorted(unique, key=lambda subject: hashlib.sha256(f"{seed}:{subject}".encode()).digest())
    folds = []
    for index in range(k):
        test = sorted(shuffled[index::k], key=natural_order)
        train = [subject for subject in unique if subject not in set(test)]
        folds.append(Fold(index, tuple(test), tuple(train)))
    return tuple(folds)
