"""A board: every entry under every condition, in order, with what no better than chance looks like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rppgbench.evaluation.cells import Cells
from rppgbench.evaluation.entry_summary import EntrySummary, Estimate, summarise
from rppgbench.evaluation.label_floor import LabelFloor, floor_rows, label_floor
from rppgbench.evaluation.metrics import METRICS, Metric
from rppgbench.results.achieved_bitrates import Achieved, achieved
from rppgbench.results.results import Results

# Of the primary metric, in which what failed can be charged for.
IMPUTED_METRIC = "hr_mae_bpm"
# What two readings of one sensor differ by can be told in these.
HAVE_FLOOR = ("hr_mae_bpm", "hr_mae_pooled_bpm", "hr_mae_median_bpm", "hr_rmse_bpm")


@dataclass(frozen=True)
class Board:
    """Standings of results, by condition and entry."""

    results: Results
    standings: Mapping[tuple[str, str], EntrySummary]
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
        """Whether the entry's primary metric is no better than that of the best control, which sees no pulse.

        If that is the macro MAE, failed windows err as the constant predictor does; other metrics are of what is left.
        Correlations must be above 0 as well: a constant, the fairest of controls, has none.
        """
        metric, own = METRICS[self.primary], self._charged(condition, entry)
        if own is None:
            return (condition, entry) in self.standings  # it was tried, and nothing came of it
        found = [self._charged(condition, control) for control in self.results.controls - {entry}]
        rivals = [value for value in found if value is not None]
        if metric.scale == "correlation" and metric.better == "higher":
            rivals.append(0.0)
        return bool(rivals) and as_loss(metric, own) >= min(as_loss(metric, value) for value in rivals)

    @cached_property
    def floor(self) -> LabelFloor | None:
        """How far two estimators disagree on the contact sensor itself.

        None where one of them knows no rate, and where rates are another project's: neither of the two made its labels.
        """
        if self.results.compatible:
            return None
        interval = self.results.evaluation["interval"]
        return label_floor(
            self.results.rows, draws=interval["bootstrap"], level=interval["level"], seed=interval["seed"]
        )

    def floor_of(self, metric: str) -> float | None:
        """The metric of one estimator of the contact sensor's rate against the other; None where that says nothing."""
        value = self._floors_bpm.get(metric, math.nan)
        return None if math.isnan(value) else value

    @cached_property
    def _floors_bpm(self) -> Mapping[str, float]:
        rows = [] if self.results.compatible else floor_rows(self.results.rows)
        standings = summarise(rows, draws=1)  # values alone: they depend on no draw
        return {name: standing.metrics[name].value for standing in standings for name in HAVE_FLOOR}

    def unresolved(self, condition: str, entry: str) -> bool:
        """Whether the entry is behind the best contestant by less than the primary metric's label floor.

        Asked where there is one, of contestants that failed nowhere under the condition, and never of the best.
        """
        floor_bpm = self.floor_of(self.primary)
        complete = {
            resolve_entry: estimate.value
            for resolve_entry in self.entries
            if resolve_entry not in self.results.controls
            and not self.coverage(condition, resolve_entry)
            and (estimate := self.estimate(condition, resolve_entry, self.primary))
        }
        return floor_bpm is not None and entry in complete and 0 < complete[entry] - min(complete.values()) < floor_bpm

    def marks(self, condition: str, entry: str) -> str:
        """What stands behind the entry's primary metric: ``*`` no better than chance, ``~`` not told from the best."""
        chance = "*" if self.no_better_than_chance(condition, entry) else ""
        return chance + ("~" if self.unresolved(condition, entry) else "")

    @cached_property
    def several_seeds(self) -> bool:
        """Whether some entry was trained from more than one."""
        return any(standing.n_seeds > 1 for standing in self.standings.values())

    def _charged(self, condition: str, entry: str) -> float | None:
        """The primary metric, with failed windows charged where they can be; None where nothing was scored."""
        estimate = self.estimate(condition, entry, self.primary)
        if estimate is None or self.primary != IMPUTED_METRIC or not self.coverage(condition, entry):
            return None if estimate is None else estimate.value
        return float(np.nanmean(self._cells.subject_means(self._cells.errors_bpm(entry, condition))))

    @cached_property
    def _cells(self) -> Cells:
        return Cells(self.results.rows)

    def _rank(self, entry: str) -> tuple[bool, float, str]:
        """Incomplete entries stand below complete ones: what is left of them is not what the others were asked."""
        metric = METRICS[self.primary]
        conditions = self.results.conditions
        estimates = [self.estimate(condition, entry, self.primary) for condition in conditions]
        values = [as_loss(metric, estimate.value) if estimate else math.inf for estimate in estimates]
        incomplete = any(self.coverage(condition, entry) for condition in conditions)
        return incomplete, sum(values) / len(values), entry


def as_loss(metric: Metric, value: float) -> float:
    """The metric's value, turned so that less is better."""
    return {"lower": value, "higher": -value, "near 0": abs(value), "near 1": abs(value - 1)}[metric.better]


def cell(estimate: Estimate | None, metric: str, *, interval: bool = True) -> str:
    """``0.62 [0.41, 0.83]``, or a dash where it is undefined."""
    if estimate is None:
        return "-"
    digits = METRICS[metric].digits
    value = f"{estimate.value:.{digits}f}"
    if not interval or math.isnan(estimate.low):
        return value
    return f"{value} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
