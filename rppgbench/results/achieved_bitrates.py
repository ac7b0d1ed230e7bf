"""Achieved bitrates by condition, and encodings that missed the target."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rppgbench.results.results import Row

TOLERANCE = 0.05


@dataclass(frozen=True)
class Achieved:
    """Median, lowest and highest rate of a condition's encodings, median PSNR, number of missed targets."""

    condition: str
    target_bps: float | None
    median_bps: float
    lowest_bps: float
    highest_bps: float
    psnr_y_db: float
    n: int
    n_missed: int


def achieved(encodings: Sequence[Row]) -> dict[str, Achieved]:
    """Summary of the encodings by condition."""
    by_condition: dict[str, list[Row]] = {}
    for row in encodings:
        by_condition.setdefault(row["condition"], []).append(row)
    return {condition: _summary(condition, rows) for condition, rows in by_condition.items()}


def missed(row: Row) -> bool:
    """True if the encoding is more than 5 % off its target rate."""
    target = row["target_bps"]
    return bool(target) and abs(row["bitrate_bps"] - target) > TOLERANCE * target


def _summary(condition: str, rows: Sequence[Row]) -> Achieved:
    rates = [row["bitrate_bps"] for row in rows]
    return Achieved(
        condition=condition,
        target_bps=rows[0]["target_bps"],
        median_bps=statistics.median(rates),
        lowest_bps=min(rates),
        highest_bps=max(rates),
        psnr_y_db=statistics.median(row["psnr_y_db"] for row in rows),
        n=len(rows),
        n_missed=sum(missed(row) for row in rows),
    )
