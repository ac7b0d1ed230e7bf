"""Families of comparisons between entries, declared in a protocol before any test is made."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rppgbench.errors import UnknownName, nearest
from rppgbench.evaluation.significance import benjamini_hochberg, holm, smallest_p

Names = Annotated[tuple[str, ...], Field(min_length=1)]


class Comparison(BaseModel):
    """Comparisons of every entry in ``of`` with every entry in ``against``.

    ``conditions`` is ``mean``, one test of the mean over all conditions that both were tested under; ``each``, a test
    under each of them; or names, one test of the mean over these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Annotated[Names, Field(description="entries, as a board names them")]
    against: Annotated[Names, Field(description="entries that they are held against")]
    conditions: Annotated[
        Literal["each", "mean"] | Names,
        Field(description="mean over all, each by itself, or the mean over those named"),
    ] = "mean"

    @model_validator(mode="before")
    @classmethod
    def _single_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        alone = {key: (value[key],) for key in ("of", "against", "conditions") if isinstance(value.get(key), str)}
        if alone.get("conditions") in (("each",), ("mean",)):
            del alone["conditions"]
        return {**value, **alone}

    @model_validator(mode="after")
    def _two_entries(self) -> Comparison:
        if not any(self.pairs):
            raise ValueError(f"{self.of[0]!r} against itself: expected two entries")
        return self

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Pairs of entry and rival, in the order given."""
        return ((one, other) for one, other in itertools.product(self.of, self.against) if one != other)

    def check(self, entries: Collection[str], conditions: Collection[str]) -> None:
        """Check that every entry and condition named is one of these.

        Raises:
            UnknownName: an entry or a condition that does not exist; the hint has the nearest name.
        """
        named = [("entry", name, entries) for name in (*self.of, *self.against)]
        if not isinstance(self.conditions, str):
            named += [("condition", name, conditions) for name in self.conditions]
        for kind, name, known in named:
            if name not in known:
                raise UnknownName(f"comparisons: no {kind} {name!r}", hint=nearest(name, known))


@dataclass(frozen=True)
class Pair:
    """One test of a family, of the mean over ``conditions``; ``reason`` says why it cannot be made, else empty."""

    entry: str
    rival: str
    conditions: tuple[str, ...]
    words: str
    reason: str = ""


@dataclass(frozen=True)
class Corrected:
    """Raw and corrected p of the tests of a family; NaN for tests that were not made.

    ``family`` is the number of tests that they are corrected for, ``n_made`` the number made. ``least_holm`` and
    ``least_bh`` are the smallest corrected p that the number of subjects can give, whatever their data.
    """

    p: list[float]
    holm: list[float]
    bh: list[float]
    least_holm: list[float]
    least_bh: list[float]
    family: int
    n_made: int

    @classmethod
    def of(cls, p: Sequence[float], n_subjects: Sequence[int], n_declared: int) -> Corrected:
        """Corrections of raw sign-flip p of ``n_subjects`` each; with none declared, the family is the tests made.

        A declared test that could not be made counts as p = 1: else a family would shrink with the entries run.
        """
        # Corrections are monotone in the raw p, so these are lower bounds.
        least = [math.nan if math.isnan(raw) else smallest_p(n) for raw, n in zip(p, n_subjects, strict=True)]
        n_made = sum(not math.isnan(raw) for raw in p)
        untested = [1.0] * (n_declared - n_made)
        return cls(
            list(p),
            holm([*p, *untested])[: len(p)],
            benjamini_hochberg([*p, *untested])[: len(p)],
            holm([*least, *untested])[: len(p)],
            benjamini_hochberg([*least, *untested])[: len(p)],
            family=max(n_declared, n_made),
            n_made=n_made,
        )


def every_pair(entries: Sequence[str]) -> tuple[Comparison, ...]:
    """The undeclared family: each entry against those before it, over the mean of the conditions."""
    return tuple(Comparison(of=(one,), against=(other,)) for other, one in itertools.combinations(entries, 2))


def expand(family: Sequence[Comparison], tested: Mapping[str, Sequence[str]]) -> list[Pair]:
    """Tests of a family, each once, on results with the conditions of each entry in ``tested``.

    A pair in reverse order under the same conditions is the same test.
    """
    found: dict[tuple[frozenset[str], frozenset[str]], Pair] = {}
    for comparison in family:
        for entry, rival in comparison.pairs:
            for pair in _expand_pair(comparison, entry, rival, tested):
                found.setdefault((frozenset((entry, rival)), frozenset(pair.conditions)), pair)
    return list(found.values())


def _expand_pair(comparison: Comparison, entry: str, rival: str, tested: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    wanted = comparison.conditions
    named: tuple[str, ...] = () if isinstance(wanted, str) else wanted
    absent = [name for name in (entry, rival) if name not in tested]
    common = [condition for condition in tested.get(entry, ()) if condition in tested.get(rival, ())]
    lacking = [condition for condition in named if condition not in common]
    if absent or lacking or not common:
        reason = "no condition in common"
        if absent or lacking:
            reason = f"not among these results: {', '.join(absent or lacking)}"
        words = _mean_of(named) if named else f"{wanted} of the conditions"
        yield Pair(entry, rival, (), words, reason)
    elif wanted == "each":
        yield from (Pair(entry, rival, (condition,), condition) for condition in common)
    else:
        meant = named or tuple(common)
        words = _mean_of(meant) if named or len(meant) == 1 else f"mean of {len(meant)} conditions"
        yield Pair(entry, rival, meant, words)


def _mean_of(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"mean of {', '.join(conditions)}"
