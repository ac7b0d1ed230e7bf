"""A part of the conclusions: sentences, each with its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rppgbench.evaluation.entry_summary import Estimate
from rppgbench.text import format_interval


@dataclass(frozen=True)
class Section:
    """Sentences under a title; those in ``summary`` are for the head of the report."""

    title: str
    sentences: Sequence[str]
    summary: Sequence[str] = ()


def format_estimate(estimate: Estimate, digits: int = 2) -> str:
    """``0.62 [0.41, 0.83]``, the interval left out where there is none."""
    return format_interval(estimate.value, estimate.low, estimate.high, digits)
