"""Entries of the results that the names of a claims file resolve to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rppgbench.claims.claims_file import ClaimsFile
from rppgbench.claims.observations import Observations


@dataclass(frozen=True, kw_only=True)
class ResolvedName:
    """An entry that a name resolves to. ``params`` are its method's and its enhancer's, defaults included.

    Changes by a recipe are in the entry's id. ``learnt`` describes the training conditions; empty without training.
    """

    name: str
    entry: str
    params: Mapping[str, Mapping[str, Any]]
    learnt: str
    seeds: Sequence[int]

    def params_of(self, kind: str) -> str:
        """Params as text: ``size=small, loss=pearson``, without those that are None, set by the size."""
        given = self.params.get(kind) or {}
        return ", ".join(f"{key}={value}" for key, value in given.items() if value is not None)

    @property
    def trained(self) -> str:
        """Training as text: ``method from reference; seed 0``."""
        seeds = f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}" if self.seeds else ""
        return "; ".join(filter(None, (self.learnt, seeds)))


def resolve_names(claims: ClaimsFile, results: Observations) -> list[ResolvedName]:
    """Entries of every name that a claim uses, in the file's order; several where a name matches several."""
    used = {name for claim in claims.claims for part in claim.parts for name in (*part.of, *(part.against or ()))}
    return [
        ResolvedName(
            name=name,
            entry=entry,
            params=json.loads(results.column_values(entry, "params")[0] or "{}"),
            learnt=_learnt(entry, results),
            seeds=results.cells.seeds(entry),
        )
        for name, selector in claims.entries.items()
        if name in used
        for entry in results.find_entries(selector)
    ]


def _learnt(entry: str, results: Observations) -> str:
    sources = {kind: results.column_values(entry, f"{kind}s_learn_from") for kind in ("method", "enhancer")}
    words = [
        f"{kind} from {'the condition it is tested under' if len(conditions) > 1 else conditions[0]}"
        for kind, conditions in sources.items()
        if conditions != [None]
    ]
    return "; ".join([*filter(None, results.column_values(entry, "train")), *words])
