"""Entries with an enhancer beside the same method without one, and how each of them looks in a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rppgbench.figures.style import GREY, NothingToDraw
from rppgbench.results.board_figure import COLOURS
from rppgbench.results.results import Results, Row

_MARKERS = "osD^vP<>phd8"
_CONTROLS = (GREY, "0.6", "0.3", "0.75")


# Stands for the condition that an entry is tested under, whichever that is.
TESTED_CONDITION = "condition"
# Line styles by entry.
Styles = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class EnhancerPair:
    """An entry with an enhancer.

    ``alone`` is the entry of the same method without one, None where the results have none. ``learnt`` are the
    conditions that the enhancer learnt from, empty where it learns nothing. ``label`` tells arms of one method apart.
    ``control`` is True where the enhancer exists to be beaten, whatever the method.
    """

    entry: str
    enhancer: str
    method: str
    label: str
    train: str | None
    learnt: frozenset[str]
    alone: str | None
    control: bool

    def transfers(self, conditions: Sequence[str]) -> bool:
        """Whether the enhancer learnt, but from none of these conditions."""
        return bool(self.learnt) and self.learnt.isdisjoint(conditions)


def find_enhancer_pairs(results: Results) -> list[EnhancerPair]:
    """In the protocol's order.

    Raises:
        NothingToDraw: no entry has an enhancer.
    """
    facts = entry_facts(results)
    alone = {_taught(entry, row): entry for entry, row in facts.items() if row["enhancer"] is None}
    arms = [_arm(entry, row, alone) for entry, row in facts.items() if row["enhancer"] is not None]
    if not arms:
        raise NothingToDraw("no entry has an enhancer")
    return arms


def entry_facts(results: Results) -> dict[str, Row]:
    """What all rows of an entry say alike, from one of them; entries in the protocol's order.

    ``methods_learn_from`` is ``TESTED`` for an entry with a fit of its own for every condition it is tested under.
    """
    first: dict[str, Row] = {}
    learnt: dict[str, set[tuple[str, str | None]]] = {}
    for row in results.rows:
        first.setdefault(row["entry"], row)
        learnt.setdefault(row["entry"], set()).add((row["condition"], row["methods_learn_from"]))
    facts = {entry: dict(first[entry]) for entry in results.entries}
    for entry, pairs in learnt.items():
        if len(pairs) > 1 and all(tested == source for tested, source in pairs):
            facts[entry]["methods_learn_from"] = TESTED_CONDITION
    return facts


def components(entry: str) -> tuple[str, str]:
    """Enhancer ("" for none) and method in an entry's name, each with its params: the notes in brackets left out."""
    named = entry.rpartition(" [")[0] if entry.endswith("]") and " [" in entry else entry
    enhancer, _, method = named.rpartition(" + ")
    return enhancer, method


def split_names(names: str | None) -> list[str]:
    """Names in a comma-joined column."""
    return names.split(",") if names else []


def styles(arms: Sequence[EnhancerPair]) -> Styles:
    """A colour an enhancer, greys for controls, broken lines for joint training."""
    rivals, controls = (
        list(dict.fromkeys(arm.enhancer for arm in arms if arm.control is control)) for control in (False, True)
    )
    found = {}
    for index, arm in enumerate(arms):
        palette, place = (_CONTROLS, controls) if arm.control else (COLOURS, rivals)
        found[arm.entry] = {
            "color": palette[place.index(arm.enhancer) % len(palette)],
            "linestyle": ":" if arm.control else "--" if arm.train == "joint" else "-",
            "linewidth": 1.3,
            "marker": _MARKERS[index % len(_MARKERS)],
            "markersize": 4.5,
            "capsize": 2,
            "elinewidth": 0.8,
        }
    return found


def filling(arm: EnhancerPair, conditions: Sequence[str]) -> dict[str, Any]:
    """A hollow marker under conditions that the enhancer did not learn from."""
    return {"markerfacecolor": "white"} if arm.transfers(conditions) else {}


def learning_note(arms: Sequence[EnhancerPair], conditions: Sequence[str]) -> str:
    """To be said of a codec from which all, or none, of the enhancers that learn have learnt; else nothing."""
    transfers = {arm.transfers(conditions) for arm in arms if arm.learnt}
    if len(transfers) != 1:
        return ""
    return ": transfer, not learnt from" if transfers.pop() else ": learnt from"


def hollow_note(arms: Sequence[EnhancerPair], codecs: Iterable[Sequence[str]]) -> str:
    """What a hollow marker means, if any is drawn."""
    drawn = any(arm.transfers(conditions) for conditions in codecs for arm in arms)
    return "; hollow: the enhancer did not learn from this codec" if drawn else ""


def _taught(entry: str, row: Row) -> tuple[str, str | None]:
    """The same method is one of the same name, params and recipe that learnt from the same conditions."""
    return components(entry)[1], row["methods_learn_from"]


def _arm(entry: str, row: Row, alone: Mapping[tuple[str, str | None], str]) -> EnhancerPair:
    enhancer, method = components(entry)
    return EnhancerPair(
        entry=entry,
        enhancer=enhancer,
        method=method,
        label=entry.replace(f" + {method}", "", 1),
        train=row["train"],
        learnt=frozenset(split_names(row["enhancers_learn_from"])),
        alone=alone.get(_taught(entry, row)),
        control=bool(row["enhancer_control"]),
    )
