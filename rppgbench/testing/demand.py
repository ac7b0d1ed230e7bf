"""How a broken promise is told."""

from __future__ import annotations

from rppgbench.contracts import Spec
from rppgbench.errors import PluginError

CONTRACTS = "see rppgbench/contracts.py"
LEARNERS = "see rppgbench/learning/learner.py"


def require(holds: bool, spec: Spec, what: str, hint: str = CONTRACTS) -> None:
    """Nothing when it holds.

    Raises:
        PluginError: it does not; ``what`` says what was found and what the contract says, ``hint`` where.
    """
    if not holds:
        raise PluginError(f"{spec.kind} {spec.name!r}: {what}", hint=hint)
