"""What a contrast comes to: its effect with an interval over subjects, and how likely it is without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.claims.contrast import Contrast, Missing
from rppgbench.claims.measures import MEASURES
from rppgbench.claims.model import Rules
from rppgbench.claims.observations import Observations
from rppgbench.evaluation.intervals import mean_estimate
from rppgbench.evaluation.significance import sign_flip_p, wilcoxon_p

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A contrast with its numbers.

    ``effect`` and its interval are ratios or differences in the measure's unit. ``p`` is by sign flips, two-sided and
    not corrected. ``n`` subjects count; ``n_dropped`` have no number under some condition. ``n_failed`` windows stand
    for the constant predictor. ``seed_effects`` are the effects of each seed by itself. ``n_trained`` is from how many
    seeds the side that was trained from the fewest was; None where neither was trained.
    """

    contrast: Contrast
    effect: float
    low: float
    high: float
    p: float
    p_wilcoxon: float
    n: int
    n_dropped: int
    n_failed: int
    as_claimed: bool
    seed_effects: Mapping[int, float]
    n_trained: int | None = None

    @property
    def words(self) -> str:
        return MEASURES[self.contrast.part.measure].words(self.effect, self.low, self.high)


def find(contrast: Contrast, seen: Observations, rules: Rules, weights: FloatArray) -> Finding | Missing:
    """The finding on a contrast. ``weights`` ``(draws, subjects)`` are the draws that all contrasts share."""
    measure = MEASURES[contrast.part.measure]
    numbers = contrast.of_subjects(seen, rules.error_floor_bpm)
    present = ~np.isnan(numbers)
    values = numbers[present]
    if not len(values):
        needs = f"rows with a {measure.label}, of the same windows on both sides"
        return Missing(contrast.label, contrast.part, needs=needs)
    mean = mean_estimate(numbers, weights, level=rules.level)
    sides = [contrast.entry] + ([contrast.rival] if contrast.rival else [])
    return Finding(
        contrast=contrast,
        effect=measure.effect(mean.value),
        low=measure.effect(mean.low),
        high=measure.effect(mean.high),
        p=sign_flip_p(values),
        p_wilcoxon=wilcoxon_p(values),
        n=len(values),
        n_dropped=int(np.count_nonzero(~present)),
        n_failed=sum(seen.n_failed(side, condition.id) for side in sides for condition in contrast.conditions),
        as_claimed=mean.value > 0 if contrast.part.claimed == "higher" else mean.value < 0,
        seed_effects=dict(_by_seed(contrast, seen, rules, sides)),
        n_trained=min((len(seeds) for side in sides if (seeds := seen.seeds(side))), default=None),
    )


def _by_seed(contrast: Contrast, seen: Observations, rules: Rules, sides: Sequence[str]) -> Iterator[tuple[int, float]]:
    for seed in sorted({seed for side in sides for seed in seen.seeds(side)}):
        numbers = contrast.of_subjects(seen, rules.error_floor_bpm, seed)
        if not np.all(np.isnan(numbers)):
            yield seed, MEASURES[contrast.part.measure].effect(float(np.nanmean(numbers)))
