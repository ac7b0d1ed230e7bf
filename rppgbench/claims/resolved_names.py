"""What the names of a claims file came to on the results at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rppgbench.claims.claims_file import ClaimsFile
from rppgbench.claims.observations import Observations


@dataclass(frozen=True, kw_only=True)
class ResolvedName:
    """An entry of the results that a name means. ``params`` are its method's and its enhancer's, defaults included.

    What a recipe changed stands in the entry's id. ``learnt`` says from what and how; empty where nothing was.
    """

    name: str
    entry: str
    params: Mapping[str, Mapping[str, Any]]
    learnt: str
    seeds: Sequence[int]

    def params_of(self, kind: str) -> str:
        """``size=small, loss=pearson``; what is left to the size is not told."""
        given = self.params.get(kind) or {}
        return ", ".join(f"{key}={value}" for key, value in given.items() if value is not None)

    @property
    def trained(self) -> str:
        """``method from reference; seed 0``."""
        seeds = f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}" if self.seeds else ""
        return "; ".join(filter(None, (self.learnt, seeds)))


def resolve_names(claims: ClaimsFile, seen: Observations) -> list[ResolvedName]:
    """Of every name that a claim uses, in the file's order; several where a name means several entries."""
    used = {name for claim in claims.claims for part in claim.parts for name in (*part.of, *(part.against or ()))}
    return [
        ResolvedName(
            name=name,
            entry=entry,
            params=json.loads(seen.told(entry, "params")[0] or "{}"),
            learnt=_learnt(entry, seen),
            seeds=seen.cells.seeds(entry),
        )
        for name, selector in claims.entries.items()
        if name in used
        for entry in seen.find(selector)
    ]


def _learnt(entry: str, seen: Observations) -> str:
    sources = {kind: seen.told(entry, f"{kind}s_learn_from") for kind in ("method", "enhancer")}
    words = [
        f"{kind} from {'the condition it is tested under' if len(told) > 1 else told[0]}"
        for kind, told in sources.items()
        if told != [None]
    ]
    return "; ".join([*filter(None, seen.told(entry, "train")), *words])
