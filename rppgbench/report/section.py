"""A part of the conclusions: sentences, each with its number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rppgbench.evaluation.statistics import Estimate

AT_MOST = 6  # names in a list


@dataclass(frozen=True)
class Section:
    """``summary`` are the sentences that stand at the head of the report as well."""

    title: str
    sentences: Sequence[str]
    summary: Sequence[str] = ()


def listed(names: Iterable[str], at_most: int = AT_MOST) -> str:
    """``a, b and 3 more``."""
    known = list(names)
    rest = len(known) - at_most
    return ", ".join(known[:at_most]) + (f" and {rest} more" if rest > 0 else "")


def told(estimate: Estimate, digits: int = 2) -> str:
    """``0.62 [0.41, 0.83]``, the interval left out where there is none."""
    value = f"{estimate.value:.{digits}f}"
    if math.isnan(estimate.low):
        return value
    return f"{value} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def counted(n: int, noun: str, plural: str = "") -> str:
    """``1 window``, ``2 windows``."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"
