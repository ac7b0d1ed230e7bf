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
    """Test and training subjects of one fold; the two are disjoint."""

    index: int
    test: tuple[str, ...]
    train: tuple[str, ...]


def folds_of(declared: Folds, published: Iterable[str], here: Iterable[str]) -> tuple[Fold, ...]:
    """The declared folds of the ``published`` subjects, restricted to the subjects that are ``here``.

    A subject's fold does not depend on which other subjects are here, so that owners of different parts of a dataset
    use the same folds. Folds without a test subject here are left out; the others keep their indices.

    Raises:
        ProtocolError: there are fewer subjects than folds, or the lists do not name exactly the dataset's subjects.
    """
    present = set(here)
    subjects = sorted({*published, *present}, key=natural_order)
    if declared.lists is not None:
        folds = _folds_from_lists(declared.lists, subjects)
    else:
        folds = subject_kfold(subjects, declared.k or len(subjects), declared.seed)
    return tuple(
        Fold(fold.index, test, tuple(s for s in fold.train if s in present))
        for fold in folds
        if (test := tuple(s for s in fold.test if s in present))
    )


def _folds_from_lists(lists: Iterable[Iterable[str]], subjects: list[str]) -> tuple[Fold, ...]:
    """One fold per list; together the lists must name exactly ``subjects``."""
    named = {subject for members in lists for subject in members}
    unknown = sorted(named - set(subjects), key=natural_order)
    if unknown:
        raise ProtocolError(
            f"folds.lists names {', '.join(unknown)}, which the dataset does not have",
            hint=nearest(unknown[0], subjects),
        )
    missing = [subject for subject in subjects if subject not in named]
    if missing:
        raise ProtocolError(
            f"folds.lists leaves out {', '.join(missing)}", hint="every subject must be tested in one fold"
        )
    return tuple(
        Fold(index, tuple(sorted(test, key=natural_order)), tuple(s for s in subjects if s not in set(test)))
        for index, test in enumerate(tuple(members) for members in lists)
    )


def subject_kfold(subjects: Iterable[str], k: int, seed: int) -> tuple[Fold, ...]:
    """``k`` folds of the subjects whose sizes differ by at most one.

    Subjects are ordered by SHA-256 of seed and name and dealt out in turn, so the folds depend on neither file-system
    order nor a random generator's version.

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
