"""What a name in a protocol came to: a component with its params filled in, and a condition made with one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rppgbench.contracts import Params, Spec


@dataclass(frozen=True)
class ResolvedComponent:
    """A component with its params filled in: what a name in a protocol came to."""

    spec: Spec
    params: Params

    @property
    def name(self) -> str:
        return self.spec.name

    def described(self) -> dict[str, Any]:
        """Name, version and params as plain data: the identity of the choice."""
        return {"use": self.spec.name, "version": self.spec.version, "params": self.params.model_dump(mode="json")}

    def changed(self) -> dict[str, Any]:
        """Those params that are not at their default."""
        return {
            key: value
            for key, value in self.params.model_dump(mode="json").items()
            if self.spec.params.model_fields[key].is_required() or value != _default(self.spec, key)
        }


@dataclass(frozen=True)
class Condition:
    """One way the video reached the method. ``nominal_bps`` is the rate asked for, if one was."""

    id: str
    codec: ResolvedComponent
    is_reference: bool
    nominal_bps: float | None


def _default(spec: Spec, key: str) -> Any:
    return json.loads(json.dumps(spec.params.model_fields[key].get_default(call_default_factory=True), default=list))
