"""Subject-independent folds: the same seed gives the same folds on every machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rppgbench.errors import ProtocolError


@dataclass(frozen=True)
class Fold:
    """Who is tested and who may be learnt from; no subject is in both."""

    index: int
    test: tuple[str, ...]
    train: tuple[str, ...]


def natural_order(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Sort key by which ``s2`` comes before ``s10``; ``s1`` and ``s01`` are told apart by their spelling."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part), name


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
