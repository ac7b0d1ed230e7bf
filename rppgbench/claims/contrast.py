"""Contrasts of a claim's parts on given results: their entries and conditions, and one value for each subject."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.claims.claims_file import EntrySelector, Part
from rppgbench.claims.measures import MEASURES
from rppgbench.claims.observations import Observations, TestedCondition
from rppgbench.evaluation.trend import halvings

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray


@dataclass(frozen=True)
class MissingContrast:
    """A contrast that cannot be made, for lack of ``entries``, by name, or of what ``needs`` describes."""

    label: str
    part: Part
    entries: tuple[str, ...] = ()
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Weighted sum over ``conditions`` of the measure of ``entry``, minus that of ``rival`` if any, by subject."""

    label: str
    part: Part
    entry: str
    rival: str | None
    conditions: tuple[TestedCondition, ...]
    weights: tuple[float, ...]

    def of_subjects(self, results: Observations, floor_bpm: float, seed: int | None = None) -> FloatArray:
        """``(S,)`` contrasts in the order of ``results.subjects``; NaN for a subject that lacks a condition.

        They are of the windows that both sides have. Without a seed, seeds are averaged within windows.
        """
        measure, cells = MEASURES[self.part.measure], results.cells
        columns = []
        for condition in self.conditions:
            own = results.values(self.entry, condition.id, self.part.measure, cells.seed_of(self.entry, seed))
            if self.rival is None:
                columns.append(measure.scale(cells.subject_means(own)[0], floor_bpm))
                continue
            other = results.values(self.rival, condition.id, self.part.measure, cells.seed_of(self.rival, seed))
            entry_means, rival_means = cells.subject_means(own, other)
            columns.append(measure.scale(entry_means, floor_bpm) - measure.scale(rival_means, floor_bpm))
        return np.asarray(np.stack(columns, axis=1) @ np.array(self.weights))


def contrasts(
    part: Part, entries: Mapping[str, EntrySelector], results: Observations
) -> Iterator[Contrast | MissingContrast]:
    """Contrasts of the part on these results, and those that cannot be made."""
    measure = MEASURES[part.measure]
    for name, against in itertools.product(part.of, part.against or (None,)):
        versus = f" {'over' if measure.ratio else 'minus'} {against}" if against else ""
        label = f"{measure.label} of {name}{versus}"
        found = {side: results.find_entries(entries[side]) for side in (name, against) if side}
        if absent := tuple(side for side, ids in found.items() if not ids):
            yield MissingContrast(label, part, entries=absent)
            continue
        if several := [f"{side} ({', '.join(ids)})" for side, ids in found.items() if len(ids) > 1]:
            yield MissingContrast(
                label, part, needs=f"one entry where the definition means several: {'; '.join(several)}"
            )
            continue
        entry, rival = found[name][0], found[against][0] if against else None
        if entry == rival:
            yield MissingContrast(label, part, needs=f"two entries, but {name} and {against} are both {entry!r}")
            continue
        conditions = results.find_conditions(entry, part.where)
        if rival:
            rivals = {condition.id for condition in results.find_conditions(rival, type(part.where)())}
            conditions = [condition for condition in conditions if condition.id in rivals]
        base = Contrast(label=label, part=part, entry=entry, rival=rival, conditions=(), weights=())
        yield from _grouped(base, conditions)


def _grouped(base: Contrast, conditions: Sequence[TestedCondition]) -> Iterator[Contrast | MissingContrast]:
    if not base.part.each:
        yield from _of_group(base, conditions, str(base.part.where))
        return
    (column, wanted), *_ = base.part.each.items()
    groups: dict[str | float, list[TestedCondition]] = {}
    for condition in conditions:
        value = {"codec": condition.codec, "bitrate_kbps": condition.rate_kbps, "condition": condition.id}[column]
        if value is not None:
            groups.setdefault(value, []).append(condition)
    for value in (sorted(groups, key=str) if column != "bitrate_kbps" else groups) if wanted == "any" else wanted:
        words = f"{value:g} kb/s" if isinstance(value, float) else str(value)
        yield from _of_group(replace(base, label=f"{base.label}, {words}"), groups.get(value, []), f"{column} {words}")
    if wanted == "any" and not groups:
        yield MissingContrast(base.label, base.part, needs=f"conditions of any {column}: {base.part.where}")


def _of_group(base: Contrast, conditions: Sequence[TestedCondition], name: str) -> Iterator[Contrast | MissingContrast]:
    """Contrasts over the conditions of one group, called ``name`` in the text of a missing one."""
    if not conditions:
        tail = f" that are {base.part.where}" if base.part.each and base.part.where.model_fields_set else ""
        yield MissingContrast(base.label, base.part, needs=f"conditions: {name}{tail}")
    elif base.part.over == "mean":
        yield replace(base, conditions=tuple(conditions), weights=(1 / len(conditions),) * len(conditions))
    else:
        swept = _rates(conditions)
        if not swept:
            yield MissingContrast(base.label, base.part, needs=f"two bitrates of one codec: {name}")
        elif base.part.over == "halving":
            yield _trend(base, swept)
        else:
            yield from _steps(base, swept)


def _rates(conditions: Sequence[TestedCondition]) -> dict[str, list[tuple[float, TestedCondition]]]:
    """Conditions by codec with their rates in kb/s, descending, of codecs with more than one rate."""
    swept: dict[str, list[tuple[float, TestedCondition]]] = {}
    for condition in conditions:
        if condition.rate_kbps is not None:
            swept.setdefault(condition.codec, []).append((condition.rate_kbps, condition))
    several = {codec: sorted(rated, key=lambda x: -x[0]) for codec, rated in swept.items()}
    return {codec: rated for codec, rated in several.items() if len({rate for rate, _ in rated}) > 1}


def _trend(base: Contrast, swept: Mapping[str, Sequence[tuple[float, TestedCondition]]]) -> Contrast:
    """Least-squares slope on halvings of the bitrate, common to all codecs, with an intercept for each."""
    x = np.concatenate([halvings([rate for rate, _ in rated]) for rated in swept.values()])
    ordered = tuple(condition for rated in swept.values() for _, condition in rated)
    label = f"{base.label}, per halving of the bitrate"
    return replace(base, label=label, conditions=ordered, weights=tuple((x / (x @ x)).tolist()))


def _steps(base: Contrast, swept: Mapping[str, Sequence[tuple[float, TestedCondition]]]) -> Iterator[Contrast]:
    for rated in swept.values():
        for (rate, upper), (lower_rate, lower) in itertools.pairwise(rated):
            label = f"{base.label}, from {rate:g} to {lower_rate:g} kb/s"
            yield replace(base, label=label, conditions=(upper, lower), weights=(-1.0, 1.0))
