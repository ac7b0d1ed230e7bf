"""A board: every entry under every condition, ranked, with marks for chance and for unresolved differences."""

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

# The primary metric in which failed windows are imputed.
IMPUTED_METRIC = "hr_mae_bpm"
# Metrics with a label floor.
HAVE_FLOOR = ("hr_mae_bpm", "hr_mae_pooled_bpm", "hr_mae_median_bpm", "hr_rmse_bpm")


@dataclass(frozen=True)
class Board:
    """Summaries of results by condition and entry."""

    results: Results
    summaries: Mapping[tuple[str, str], EntrySummary]
    bitrates: Mapping[str, Achieved]

    @classmethod
    def of(cls, results: Results) -> Board:
        """The board of results: intervals by bootstrap over subjects, the same draws for every cell."""
        interval = results.evaluation["interval"]
        summaries = summarise(results.rows, draws=interval["bootstrap"], level=interval["level"], seed=interval["seed"])
        by_cell = {(summary.condition, summary.entry): summary for summary in summaries}
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
        """Entries by their mean primary metric over the conditions, then controls in the protocol's order."""
        controls = self.results.controls
        ranked = [entry for entry in self.results.entries if entry not in controls]
        return [*sorted(ranked, key=self._rank), *(e for e in self.results.entries if e in controls)]

    def estimate(self, condition: str, entry: str, metric: str) -> Estimate | None:
        """The metric of an entry under a condition, None if it is undefined or nothing was run."""
        summary = self.summaries.get((condition, entry))
        estimate = None if summary is None else summary.metrics[metric]
        return None if estimate is None or math.isnan(estimate.value) else estimate

    def coverage(self, condition: str, entry: str) -> str:
        """``18/20`` for an entry with failed windows, "" for one without."""
        summary = self.summaries.get((condition, entry))
        if summary is None or not summary.n_failed:
            return ""
        return f"{summary.n_scored}/{summary.n_scored + summary.n_failed}"

    def no_better_than_chance(self, condition: str, entry: str) -> bool:
        """True if the entry's primary metric is no better than that of the best control, which sees no pulse.

        For the macro MAE, failed windows have the constant predictor's error; other metrics are of scored windows.
        Correlations must be above 0 as well: a constant has none.
        """
        metric, own = METRICS[self.primary], self._imputed_value(condition, entry)
        if own is None:
            return (condition, entry) in self.summaries  # it was run, and nothing was scored
        found = [self._imputed_value(condition, control) for control in self.results.controls - {entry}]
        rivals = [value for value in found if value is not None]
        if metric.scale == "correlation" and metric.better == "higher":
            rivals.append(0.0)
        return bool(rivals) and as_loss(metric, own) >= min(as_loss(metric, value) for value in rivals)

    @cached_property
    def floor(self) -> LabelFloor | None:
        """Disagreement of two estimators on the contact sensor itself.

        None where one of them has no rate, and for a compatibility estimator: neither of the two made its labels.
        """
        if self.results.compatible:
            return None
        interval = self.results.evaluation["interval"]
        return label_floor(
            self.results.rows, draws=interval["bootstrap"], level=interval["level"], seed=interval["seed"]
        )

    def floor_of(self, metric: str) -> float | None:
        """The metric of one estimator of the contact sensor's rate against the other, None without one."""
        value = self._floors_bpm.get(metric, math.nan)
        return None if math.isnan(value) else value

    @cached_property
    def _floors_bpm(self) -> Mapping[str, float]:
        rows = [] if self.results.compatible else floor_rows(self.results.rows)
        summaries = summarise(rows, draws=1)  # values alone: they depend on no draw
        return {name: summary.metrics[name].value for summary in summaries for name in HAVE_FLOOR}

    def unresolved(self, condition: str, entry: str) -> bool:
        """True if the entry is behind the best one by less than the primary metric's label floor.

        Only for entries without failures under the condition that are no controls; False for the best.
        """
        floor_bpm = self.floor_of(self.primary)
        complete = {
            rival: estimate.value
            for rival in self.entries
            if rival not in self.results.controls
            and not self.coverage(condition, rival)
            and (estimate := self.estimate(condition, rival, self.primary))
        }
        return floor_bpm is not None and entry in complete and 0 < complete[entry] - min(complete.values()) < floor_bpm

    def marks(self, condition: str, entry: str) -> str:
        """Marks behind the entry's primary metric: ``*`` no better than chance, ``~`` unresolved from the best."""
        chance = "*" if self.no_better_than_chance(condition, entry) else ""
        return chance + ("~" if self.unresolved(condition, entry) else "")

    @cached_property
    def several_seeds(self) -> bool:
        """True if some entry was trained from more than one seed."""
        return any(summary.n_seeds > 1 for summary in self.summaries.values())

    def _imputed_value(self, condition: str, entry: str) -> float | None:
        """The primary metric, of the macro MAE with failed windows imputed; None if nothing was scored."""
        estimate = self.estimate(condition, entry, self.primary)
        if estimate is None or self.primary != IMPUTED_METRIC or not self.coverage(condition, entry):
            return None if estimate is None else estimate.value
        return float(np.nanmean(self._cells.subject_means(self._cells.errors_bpm(entry, condition))))

    @cached_property
    def _cells(self) -> Cells:
        return Cells(self.results.rows)

    def _rank(self, entry: str) -> tuple[bool, float, str]:
        """Sort key: entries with failed windows after complete ones, because their windows are not the same."""
        metric = METRICS[self.primary]
        conditions = self.results.conditions
        estimates = [self.estimate(condition, entry, self.primary) for condition in conditions]
        values = [as_loss(metric, estimate.value) if estimate else math.inf for estimate in estimates]
        incomplete = any(self.coverage(condition, entry) for condition in conditions)
        return incomplete, sum(values) / len(values), entry


def as_loss(metric: Metric, value: float) -> float:
    """The metric's value, oriented so that less is better."""
    return {"lower": value, "higher": -value, "near 0": abs(value), "near 1": abs(value - 1)}[metric.better]


def cell(estimate: Estimate | None, metric: str, *, interval: bool = True) -> str:
    """``0.62 [0.41, 0.83]``, or a dash for an undefined estimate."""
    if estimate is None:
        return "-"
    digits = METRICS[metric].digits
    value = f"{estimate.value:.{digits}f}"
    if not interval or math.isnan(estimate.low):
        return value
    return f"{value} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
