"""The assertion of conformance checks."""

from __future__ import annotations

from rppgbench.contracts import Spec
from rppgbench.errors import PluginError

CONTRACTS = "see rppgbench/contracts.py"
LEARNERS = "see rppgbench/learning/learner.py"


def require(holds: bool, spec: Spec, what: str, hint: str = CONTRACTS) -> None:
    """Check a condition of the contract.

    Raises:
        PluginError: ``holds`` is False; ``what`` has the value found and the expected one, ``hint`` the reference.
    """
    if not holds:
        raise PluginError(f"{spec.kind} {spec.name!r}: {what}", hint=hint)
