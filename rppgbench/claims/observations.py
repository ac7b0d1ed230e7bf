"""Result rows by entry and condition, with the entries and conditions that selectors match."""

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
    """Condition that an entry was tested under; ``rate_kbps`` is the nominal bitrate, None without one."""

    id: str
    codec: str
    is_reference: bool
    rate_kbps: float | None


class Observations:
    """Result rows of a protocol with these ``conditions`` (``id``, ``use``, ``reference``)."""

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

    def find_entries(self, selector: EntrySelector) -> list[str]:
        """Ids of the entries that the selector matches under every condition."""
        # Under one alone, a method that learns from the condition it is tested under would match as another.
        unmatched = {entry for (entry, _), cell in self._by_cell.items() if not self._matches(selector, cell[0])}
        return sorted(self._first.keys() - unmatched)

    def find_conditions(self, entry: str, selector: ConditionSelector) -> list[TestedCondition]:
        """Conditions that the entry was tested under and the selector matches."""
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
            if all(_is_any(facts[key], getattr(selector, key)) for key in selector.model_fields_set):
                found.append(condition)
        return found

    def column_values(self, entry: str, column: str) -> list[Any]:
        """Distinct values of a column in the entry's rows; several where they depend on the condition."""
        return list(dict.fromkeys(cell[0].get(column) for (name, _), cell in self._by_cell.items() if name == entry))

    def values(self, entry: str, condition: str, measure: str, seed: int | None = None) -> FloatArray:
        """``(W,)`` values of a measure, NaN for windows without one, averaged over seeds unless one is given.

        Errors of failed windows are imputed by the constant predictor.
        """
        key = (entry, condition, measure, seed)
        if key not in self._values:
            of = partial(MEASURES[measure].of, self.cells)
            self._values[key] = self.cells.values(entry, condition, of, seed)
        return self._values[key]

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

    def _matches(self, selector: EntrySelector, row: Row) -> bool:
        learnt = {self._codecs.get(one, "") for one in _ids(row.get("enhancers_learn_from"))}
        facts = {**row, "learnt_codecs": ",".join(sorted(learnt)) or None}
        keys = selector.model_fields_set - {"params"}
        if not all(_is_any(facts.get(key), getattr(selector, key)) for key in keys):
            return False
        params = json.loads(row.get("params") or "{}")
        return all(
            key in (params.get(kind) or {}) and params[kind][key] == value
            for kind, wanted in selector.params.items()
            for key, value in wanted.items()
        )


def _ids(joined: str | None) -> list[str]:
    return [one.strip() for one in joined.split(",")] if joined else []


def _is_any(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, list) else bool(value == wanted)
