"""Estimates of contrasts: effect, interval over subjects and p."""

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
    """A contrast with its estimated effect.

    ``effect`` and its interval are ratios or differences in the measure's unit. ``p`` is by sign flips, two-sided and
    not corrected. ``n`` subjects are in it; ``n_dropped`` lack a value under some condition. ``n_failed`` windows are
    imputed by the constant predictor. ``seed_effects`` are the effects by seed, and ``low_over_seeds`` and
    ``high_over_seeds`` are bounds for other subjects and other training runs at once, NaN below two seeds.
    ``n_trained`` is the smaller number of training seeds of the two sides; None where neither was trained.
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
    def effect_text(self) -> str:
        return MEASURES[self.contrast.part.measure].effect_text(self.effect, self.low, self.high)

    @property
    def null_within_seeds(self) -> bool:
        """Whether the interval over subjects and seeds holds no effect; False below two seeds."""
        return self.low_over_seeds <= MEASURES[self.contrast.part.measure].effect(0.0) <= self.high_over_seeds


def estimate_contrast(
    contrast: Contrast, results: Observations, rules: DecisionRules, weights: FloatArray
) -> ContrastEstimate | MissingContrast:
    """Estimate of a contrast, from bootstrap ``weights`` ``(draws, S)`` that all contrasts share."""
    measure = MEASURES[contrast.part.measure]
    numbers = contrast.of_subjects(results, rules.error_floor_bpm)
    present = ~np.isnan(numbers)
    values = numbers[present]
    if not len(values):
        needs = f"rows with a {measure.label}, of the same windows on both sides"
        return MissingContrast(contrast.label, contrast.part, needs=needs)
    mean = mean_estimate(numbers, weights, level=rules.level)
    sides = [contrast.entry] + ([contrast.rival] if contrast.rival else [])
    n_trained = results.cells.fewest_seeds(*sides)
    by_seed = dict(_by_seed(contrast, results, rules, sides))
    # One seed on a side gives no variance of training, however many the other has.
    with_seeds = over_seeds(mean, np.array([*by_seed.values()] if n_trained > 1 else []), level=rules.level)
    return ContrastEstimate(
        contrast=contrast,
        effect=measure.effect(mean.value),
        low=measure.effect(mean.low),
        high=measure.effect(mean.high),
        p=sign_flip_p(values),
        p_wilcoxon=wilcoxon_p(values),
        n=len(values),
        n_dropped=int(np.count_nonzero(~present)),
        n_failed=sum(results.n_failed(side, condition.id) for side in sides for condition in contrast.conditions),
        as_claimed=mean.value > 0 if contrast.part.claimed == "higher" else mean.value < 0,
        seed_effects={seed: measure.effect(value) for seed, value in by_seed.items()},
        n_trained=n_trained or None,
        low_over_seeds=measure.effect(with_seeds.low),
        high_over_seeds=measure.effect(with_seeds.high),
    )


def _by_seed(
    contrast: Contrast, results: Observations, rules: DecisionRules, sides: Sequence[str]
) -> Iterator[tuple[int, float]]:
    """Seeds and their mean contrasts over subjects."""
    for seed in results.cells.seeds(*sides):
        numbers = contrast.of_subjects(results, rules.error_floor_bpm, seed)
        if not np.all(np.isnan(numbers)):
            yield seed, float(np.nanmean(numbers))
