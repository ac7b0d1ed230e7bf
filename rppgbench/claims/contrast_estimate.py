"""What a contrast comes to: its effect with an interval over subjects, and how likely it is without one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.claims.claims_file import DecisionRules
from rppgbench.claims.contrast import Contrast, MissingContrast
from rppgbench.claims.measures import MEASURES
from rppgbench.claims.observations import Observations
from rppgbench.evaluation.intervals import mean_estimate
from rppgbench.evaluation.seeds import over_seeds
from rppgbench.evaluation.significance import sign_flip_p, wilcoxon_p

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray


@dataclass(frozen=True, kw_only=True)
class ContrastEstimate:
    """A contrast with its numbers.

    ``effect`` and its interval are ratios or differences in the measure's unit. ``p`` is by sign flips, two-sided and
    not corrected. ``n`` subjects count; ``n_dropped`` have no number under some condition. ``n_failed`` windows stand
    for the constant predictor. ``seed_effects`` are the effects of each seed by itself, and ``low_over_seeds`` and
    ``high_over_seeds`` are bounds for other subjects and other training runs at once, NaN below two seeds.
    ``n_trained`` is from how many seeds the side that was trained from the fewest was; None where neither was trained.
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
    low_over_seeds: float = math.nan
    high_over_seeds: float = math.nan

    @property
    def words(self) -> str:
        return MEASURES[self.contrast.part.measure].words(self.effect, self.low, self.high)

    @property
    def within_luck_of_training(self) -> bool:
        """Other training runs may give no effect, or the opposite; False where no spread over seeds tells."""
        return self.low_over_seeds <= MEASURES[self.contrast.part.measure].effect(0.0) <= self.high_over_seeds


def estimate_contrast(
    contrast: Contrast, seen: Observations, rules: DecisionRules, weights: FloatArray
) -> ContrastEstimate | MissingContrast:
    """The finding on a contrast. ``weights`` ``(draws, subjects)`` are the draws that all contrasts share."""
    measure = MEASURES[contrast.part.measure]
    numbers = contrast.of_subjects(seen, rules.error_floor_bpm)
    present = ~np.isnan(numbers)
    values = numbers[present]
    if not len(values):
        needs = f"rows with a {measure.label}, of the same windows on both sides"
        return MissingContrast(contrast.label, contrast.part, needs=needs)
    mean = mean_estimate(numbers, weights, level=rules.level)
    sides = [contrast.entry] + ([contrast.rival] if contrast.rival else [])
    n_trained = seen.cells.fewest_seeds(*sides)
    by_seed = dict(_by_seed(contrast, seen, rules, sides))
    # A side that was trained once tells of no spread, however often the other was.
    beyond = over_seeds(mean, np.array([*by_seed.values()] if n_trained > 1 else []), level=rules.level)
    return ContrastEstimate(
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
        seed_effects={seed: measure.effect(value) for seed, value in by_seed.items()},
        n_trained=n_trained or None,
        low_over_seeds=measure.effect(beyond.low),
        high_over_seeds=measure.effect(beyond.high),
    )


def _by_seed(
    contrast: Contrast, seen: Observations, rules: DecisionRules, sides: Sequence[str]
) -> Iterator[tuple[int, float]]:
    """Mean contrasts."""
    for seed in seen.cells.seeds(*sides):
        numbers = contrast.of_subjects(seen, rules.error_floor_bpm, seed)
        if not np.all(np.isnan(numbers)):
            yield seed, float(np.nanmean(numbers))
