"""A board: every entry under every condition, in order, with what no better than chance looks like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rppgbench.evaluation.metrics import METRICS, Metric
from rppgbench.evaluation.statistics import Estimate, Standing, summarise
from rppgbench.leaderboard.bitrates import Achieved, achieved
from rppgbench.leaderboard.results import Results


@dataclass(frozen=True)
class Board:
    """Standings of results, by condition and entry."""

    results: Results
    standings: Mapping[tuple[str, str], Standing]
    bitrates: Mapping[str, Achieved]

    @classmethod
    def of(cls, results: Results) -> Board:
        """Compute the standings: intervals by bootstrap over subjects, the same draws for every cell."""
        interval = results.evaluation["interval"]
        standings = summarise(results.rows, draws=interval["bootstrap"], level=interval["level"], seed=interval["seed"])
        by_cell = {(standing.condition, standing.entry): standing for standing in standings}
        return cls(results, by_cell, achieved(results.encodings))

    @property
    def metrics(self) -> Sequence[str]:
        """The protocol's metrics, the primary one first."""
        names = self.results.evaluation["metrics"]
        return [self.primary, *(name for name in names if name != self.primary)]

    @property
    def primary(self) -> str:
        return str(self.results.evaluation["primary"])

    @cached_property
    def entries(self) -> Sequence[str]:
        """Contestants by their mean primary metric over the conditions, then the controls, as the protocol has them."""
        controls = self.results.controls
        contestants = [entry for entry in self.results.entries if entry not in controls]
        return [*sorted(contestants, key=self._rank), *(e for e in self.results.entries if e in controls)]

    def estimate(self, condition: str, entry: str, metric: str) -> Estimate | None:
        """The metric of an entry under a condition; None where it is undefined or nothing was run."""
        standing = self.standings.get((condition, entry))
        estimate = None if standing is None else standing.metrics[metric]
        return None if estimate is None or math.isnan(estimate.value) else estimate

    def coverage(self, condition: str, entry: str) -> str:
        """``18/20`` for an entry with failed windows, "" for one without."""
        standing = self.standings.get((condition, entry))
        if standing is None or not standing.n_failed:
            return ""
        return f"{standing.n_scored}/{standing.n_scored + standing.n_failed}"

    def no_better_than_chance(self, condition: str, entry: str) -> bool:
        """Whether the entry's primary metric is no better than that of the best control, which sees no pulse."""
        metric = METRICS[self.primary]
        own = self.estimate(condition, entry, self.primary)
        rivals = [
            badness(metric, estimate.value)
            for control in self.results.controls - {entry}
            if (estimate := self.estimate(condition, control, self.primary))
        ]
        if own is None:
            return (condition, entry) in self.standings  # it was tried, and nothing came of it
        return bool(rivals) and badness(metric, own.value) >= min(rivals)

    def _rank(self, entry: str) -> tuple[bool, float, str]:
        """Incomplete entries stand below complete ones: what is left of them is not what the others were asked."""
        metric = METRICS[self.primary]
        conditions = self.results.conditions
        estimates = [self.estimate(condition, entry, self.primary) for condition in conditions]
        values = [badness(metric, estimate.value) if estimate else math.inf for estimate in estimates]
        incomplete = any(self.coverage(condition, entry) for condition in conditions)
        return incomplete, sum(values) / len(values), entry


def badness(metric: Metric, value: float) -> float:
    """The metric's value, turned so that less is better."""
    return {"lower": value, "higher": -value, "near 0": abs(value)}[metric.better]


def cell(estimate: Estimate | None, metric: str, *, interval: bool = True) -> str:
    """``0.62 [0.41, 0.83]``, or a dash where it is undefined."""
    if estimate is None:
        return "-"
    digits = METRICS[metric].digits
    value = f"{estimate.value:.{digits}f}"
    if not interval or math.isnan(estimate.low):
        return value
    return f"{value} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
