"""Rows of results by entry and condition, and what may be asked of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rppgbench.claims.claims_file import ConditionSelector, EntrySelector
from rppgbench.claims.measures import MEASURES
from rppgbench.evaluation.cells import Cells, Row

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray


@dataclass(frozen=True)
class TestedCondition:
    """``rate_kbps`` is what was asked of the encoder, None where no rate was."""

    id: str
    codec: str
    is_reference: bool
    rate_kbps: float | None


class Observations:
    """Rows of results. ``conditions`` are those of the protocol, with id, use and reference."""

    def __init__(self, rows: Sequence[Row], conditions: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        self.cells = Cells(rows)
        self._by_cell: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            self._by_cell.setdefault((row["entry"], row["condition"]), []).append(row)
        self._first = {entry: cell[0] for (entry, _), cell in reversed(self._by_cell.items())}
        self._values: dict[tuple[str, str, str, int | None], FloatArray] = {}
        self._codecs = {c["id"]: c["use"] for c in conditions}
        self._references = {c["id"] for c in conditions if c["reference"]}

    @property
    def subjects(self) -> Sequence[str]:
        return self.cells.subjects

    def find(self, selector: EntrySelector) -> list[str]:
        """Ids of the entries that the selector means."""
        # Under every condition: a method that learns from the condition it is tested under is no other's twin in any.
        refused = {entry for (entry, _), cell in self._by_cell.items() if not self._means(selector, cell[0])}
        return sorted(self._first.keys() - refused)

    def conditions(self, entry: str, selector: ConditionSelector) -> list[TestedCondition]:
        """The conditions that the entry was tested under and the selector means."""
        learnt = _ids(self._first[entry].get("enhancers_learn_from"))
        learnt_codecs = {self._codecs.get(one) for one in learnt}
        found = []
        for condition in self._tested(entry):
            facts = {
                "condition": condition.id,
                "codec": condition.codec,
                "reference": condition.is_reference,
                "condition_learnt": condition.id in learnt,
                "codec_learnt": condition.codec in learnt_codecs,
            }
            if all(_any_of(facts[key], getattr(selector, key)) for key in selector.model_fields_set):
                found.append(condition)
        return found

    def told(self, entry: str, column: str) -> list[Any]:
        """What the entry's rows say in a column, once each; several where it depends on the condition."""
        return list(dict.fromkeys(cell[0].get(column) for (name, _), cell in self._by_cell.items() if name == entry))

    def cell(self, entry: str, condition: str, measure: str, seed: int | None = None) -> FloatArray:
        """The measure of an entry under a condition, ``(W,)``, NaN for none, seeds averaged unless one is asked for.

        A failed window's error is what the constant predictor's would be.
        """
        asked = (entry, condition, measure, seed)
        if asked not in self._values:
            of = partial(MEASURES[measure].of, self.cells)
            self._values[asked] = self.cells.values(entry, condition, of, seed)
        return self._values[asked]

    def n_failed(self, entry: str, condition: str) -> int:
        return sum(row["status"] == "failed" for row in self._by_cell.get((entry, condition), ()))

    def _tested(self, entry: str) -> Iterator[TestedCondition]:
        for (name, id_), cell in self._by_cell.items():
            if name == entry:
                rate_bps = cell[0]["nominal_bitrate_bps"]
                codec = str(cell[0]["codec"])
                yield TestedCondition(
                    id_, codec, id_ in self._references, None if rate_bps is None else rate_bps / 1000
                )

    def _means(self, selector: EntrySelector, row: Row) -> bool:
        learnt = {self._codecs.get(one, "") for one in _ids(row.get("enhancers_learn_from"))}
        facts = {**row, "learnt_codecs": ",".join(sorted(learnt)) or None}
        keys = selector.model_fields_set - {"params"}
        if not all(_any_of(facts.get(key), getattr(selector, key)) for key in keys):
            return False
        params = json.loads(row.get("params") or "{}")
        return all(
            key in (params.get(kind) or {}) and params[kind][key] == value
            for kind, wanted in selector.params.items()
            for key, value in wanted.items()
        )


def _ids(joined: str | None) -> list[str]:
    return [one.strip() for one in joined.split(",")] if joined else []


def _any_of(found: Any, wanted: Any) -> bool:
    return found in wanted if isinstance(wanted, list) else bool(found == wanted)
