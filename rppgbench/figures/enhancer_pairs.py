"""Entries with an enhancer beside the same method without one, and their styles in a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rppgbench.figures.style import GREY, NothingToDraw
from rppgbench.results.board_figure import COLOURS
from rppgbench.results.results import Results, Row

_MARKERS = "osD^vP<>phd8"
_CONTROLS = (GREY, "0.6", "0.3", "0.75")


# In place of a condition's name: each condition that an entry is tested under.
TESTED_CONDITION = "condition"
# Line styles by entry.
Styles = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class EnhancerPair:
    """An entry with an enhancer, and ``alone``, the entry of the same method without one, None without such an entry.

    ``learnt`` are the conditions that the enhancer learnt from, empty for one that learns nothing. ``label``
    distinguishes pairs of one method. ``control`` is True for an enhancer that exists to be beaten.
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
        """True if the enhancer learnt, but from none of these conditions."""
        return bool(self.learnt) and self.learnt.isdisjoint(conditions)


def find_enhancer_pairs(results: Results) -> list[EnhancerPair]:
    """Pairs in the protocol's order.

    Raises:
        NothingToDraw: no entry has an enhancer.
    """
    facts = entry_facts(results)
    alone = {_method_key(entry, row): entry for entry, row in facts.items() if row["enhancer"] is None}
    pairs = [_pair(entry, row, alone) for entry, row in facts.items() if row["enhancer"] is not None]
    if not pairs:
        raise NothingToDraw("no entry has an enhancer")
    return pairs


def entry_facts(results: Results) -> dict[str, Row]:
    """Columns that are the same in all rows of an entry, by entry in the protocol's order.

    ``methods_learn_from`` is ``TESTED_CONDITION`` for an entry with a fit of its own for every tested condition.
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
    """Enhancer ("" for none) and method in an entry's name, each with its params, without the notes in brackets."""
    name = entry.rpartition(" [")[0] if entry.endswith("]") and " [" in entry else entry
    enhancer, _, method = name.rpartition(" + ")
    return enhancer, method


def split_names(names: str | None) -> list[str]:
    """Names in a comma-joined column."""
    return names.split(",") if names else []


def styles(pairs: Sequence[EnhancerPair]) -> Styles:
    """Line styles by entry: a colour an enhancer, greys for controls, broken lines for joint training."""
    rivals, controls = (
        list(dict.fromkeys(pair.enhancer for pair in pairs if pair.control is control)) for control in (False, True)
    )
    found = {}
    for index, pair in enumerate(pairs):
        palette, place = (_CONTROLS, controls) if pair.control else (COLOURS, rivals)
        found[pair.entry] = {
            "color": palette[place.index(pair.enhancer) % len(palette)],
            "linestyle": ":" if pair.control else "--" if pair.train == "joint" else "-",
            "linewidth": 1.3,
            "marker": _MARKERS[index % len(_MARKERS)],
            "markersize": 4.5,
            "capsize": 2,
            "elinewidth": 0.8,
        }
    return found


def filling(pair: EnhancerPair, conditions: Sequence[str]) -> dict[str, Any]:
    """A hollow marker under conditions that the enhancer did not learn from."""
    return {"markerfacecolor": "white"} if pair.transfers(conditions) else {}


def learning_note(pairs: Sequence[EnhancerPair], conditions: Sequence[str]) -> str:
    """Suffix of a codec's title where all, or none, of the learning enhancers learnt from it, else ""."""
    transfers = {pair.transfers(conditions) for pair in pairs if pair.learnt}
    if len(transfers) != 1:
        return ""
    return ": transfer, not learnt from" if transfers.pop() else ": learnt from"


def hollow_note(pairs: Sequence[EnhancerPair], codecs: Iterable[Sequence[str]]) -> str:
    """Explanation of hollow markers, "" if none is drawn."""
    drawn = any(pair.transfers(conditions) for conditions in codecs for pair in pairs)
    return "; hollow: the enhancer did not learn from this codec" if drawn else ""


def _method_key(entry: str, row: Row) -> tuple[str, str | None]:
    """Name with params of a method, and the conditions that it learnt from."""
    return components(entry)[1], row["methods_learn_from"]


def _pair(entry: str, row: Row, alone: Mapping[tuple[str, str | None], str]) -> EnhancerPair:
    enhancer, method = components(entry)
    return EnhancerPair(
        entry=entry,
        enhancer=enhancer,
        method=method,
        label=entry.replace(f" + {method}", "", 1),
        train=row["train"],
        learnt=frozenset(split_names(row["enhancers_learn_from"])),
        alone=alone.get(_method_key(entry, row)),
        control=bool(row["enhancer_control"]),
    )
