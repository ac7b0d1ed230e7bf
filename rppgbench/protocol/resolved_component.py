"""Components of a protocol with their params, and video conditions made with a codec."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rppgbench.contracts import Params, Spec


@dataclass(frozen=True)
class ResolvedComponent:
    """A component's spec with all its params."""

    spec: Spec
    params: Params

    @property
    def name(self) -> str:
        return self.spec.name

    def described(self) -> dict[str, Any]:
        """Name, version and params as plain data: the component's identity in keys and digests."""
        return {"use": self.spec.name, "version": self.spec.version, "params": self.params.model_dump(mode="json")}

    def changed(self) -> dict[str, Any]:
        """Params that differ from their default, or have none."""
        return {
            key: value
            for key, value in self.params.model_dump(mode="json").items()
            if self.spec.params.model_fields[key].is_required() or value != _default(self.spec, key)
        }


@dataclass(frozen=True)
class Condition:
    """A codec with its params as a test or training condition; ``nominal_bps`` is its target bitrate, if it has one."""

    id: str
    codec: ResolvedComponent
    is_reference: bool
    nominal_bps: float | None


def _default(spec: Spec, key: str) -> Any:
    return json.loads(json.dumps(spec.params.model_fields[key].get_default(call_default_factory=True), default=list))
