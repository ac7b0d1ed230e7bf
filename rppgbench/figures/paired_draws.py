"""Changes from one entry to another in the same windows, with intervals over subjects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.evaluation.intervals import Estimate, mean_estimate, subject_weights
from rppgbench.results.results import Results, Row

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

UNKNOWN = Estimate(np.nan, np.nan, np.nan, "nothing to compare")


def columns(name: str, estimate: Estimate) -> dict[str, float]:
    """The estimate as columns of a table."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


@dataclass(frozen=True)
class PairedDraws:
    """The protocol's bootstrap draws of subjects, the same as of the board's intervals."""

    subjects: Sequence[str]
    weights: FloatArray
    level: float

    @classmethod
    def of(cls, results: Results) -> PairedDraws:
        interval = results.evaluation["interval"]
        subjects = sorted({str(row["subject"]) for row in results.rows})
        weights = subject_weights(len(subjects), draws=interval["bootstrap"], seed=interval["seed"])
        return cls(subjects, weights, interval["level"])

    def mean(self, values: Iterable[tuple[str, float]]) -> Estimate:
        """Mean over subjects of each subject's mean, with the board's interval; ``values`` are by subject."""
        by_subject: dict[str, list[float]] = {}
        for subject, value in values:
            by_subject.setdefault(subject, []).append(value)
        if not by_subject:
            return UNKNOWN
        means = np.array([np.mean(by_subject.get(subject, [np.nan])) for subject in self.subjects])
        return mean_estimate(means, self.weights, level=self.level)


def paired_changes(rows: Iterable[Row], alone: Iterable[Row], column: str) -> list[tuple[str, float]]:
    """Subject and change of each window: a column of ``rows`` less that of ``alone``, both averaged over seeds."""
    ours, theirs = _by_window(rows, column), _by_window(alone, column)
    return [
        (window[0], float(np.mean(values) - np.mean(theirs[window])))
        for window, values in ours.items()
        if window in theirs
    ]


def _by_window(rows: Iterable[Row], column: str) -> dict[tuple[str, str, int], list[float]]:
    found: dict[tuple[str, str, int], list[float]] = {}
    for row in rows:
        if row[column] is not None and np.isfinite(row[column]):
            found.setdefault((str(row["subject"]), row["recording"], row["window"]), []).append(row[column])
    return found
