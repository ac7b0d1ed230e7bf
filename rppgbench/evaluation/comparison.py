"""Paired comparisons of entries on the same windows of the same subjects: ratios of errors, p and verdicts.

The p are over the sampling of subjects. The variance of training is common to all subjects and in no p here; the
interval over seeds holds it, where networks were trained several times, and a difference within it is no verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from rppgbench.evaluation.cells import FLOOR_BPM, Cells, Row, as_ratio, log_errors
from rppgbench.evaluation.family import Comparison, Corrected, Pair, every_pair, expand
from rppgbench.evaluation.intervals import Estimate, mean_estimate, subject_weights
from rppgbench.evaluation.power import detectable_ratio
from rppgbench.evaluation.seeds import over_seeds
from rppgbench.evaluation.significance import sign_flip_ps, smallest_p, wilcoxon_p

if TYPE_CHECKING:
    import pandas as pd

    from rppgbench.contracts import FloatArray

MOST_CONFIRMED = 10  # tests of a family that Holm's correction leaves some power
NAN = float("nan")

Verdict = Literal[
    "better",
    "worse",
    "not told apart",
    "within the luck of training",
    "below the label floor",
    "ratio and difference disagree",
    "not compared",
]


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """One test of a family.

    ``ratio`` is the geometric mean over subjects of their mean absolute error with ``entry`` over that with ``rival``,
    each plus 0.5 bpm; below 1, the entry errs less. ``difference_bpm`` is the mean over subjects of the same two,
    subtracted. Both are averaged over ``conditions`` within subjects, and have intervals over other subjects, for the
    networks at hand. ``ratio_over_seeds`` is the ratio with an interval over other subjects and other training runs at
    once, NaN below two seeds. ``n_seeds`` is the smaller number of training seeds of the two, 0 where neither was
    trained. ``n`` subjects have a number on both sides under all conditions; ``n_dropped`` have not.

    Both p are of logarithms of ratios, two-sided and uncorrected; ``p_holm`` and ``q_bh`` are corrected for the
    ``family``: the number of tests declared, of which ``n_made`` could be made, or without a declaration that number.
    ``least_corrected`` is the smallest corrected p that this number of subjects can give, whatever their data.
    ``detectable_ratio`` is the true ratio detected with power 0.8 by one test, ``detectable_corrected`` that at alpha
    over the family, where the correction is severest. ``resolvable``: the difference is above the label floor, or none
    is known. ``confirmatory``: the family was declared and has at most ten tests, so that the verdict goes by Holm's
    correction; else by Benjamini and Hochberg's. ``reason`` says why a test was not made, with all numbers NaN, or why
    it is without power.
    """

    entry: str
    rival: str
    conditions: tuple[str, ...]
    label: str
    n: int
    n_dropped: int
    ratio: Estimate
    ratio_over_seeds: Estimate
    n_seeds: int
    difference_bpm: Estimate
    p_sign_flip: float
    p_wilcoxon: float
    p_holm: float
    q_bh: float
    family: int
    n_made: int
    least_corrected: float
    detectable_ratio: float
    detectable_corrected: float
    resolvable: bool
    confirmatory: bool
    verdict: Verdict
    reason: str = ""

    @property
    def p_corrected(self) -> float:
        """Corrected p that the verdict goes by."""
        return self.p_holm if self.confirmatory else self.q_bh


def compare_entries(
    rows: Iterable[Row] | pd.DataFrame,
    family: Sequence[Comparison] = (),
    *,
    entries: Collection[str] = (),
    conditions: Collection[str] = (),
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
    alpha: float = 0.05,
    floor_bpm: float = FLOOR_BPM,
    label_floor_bpm: float | None = None,
) -> list[PairedComparison]:
    """Every test of the family, in its order; a test that these results do not allow has a reason and no numbers.

    Args:
        rows: Result rows of one protocol. Failed windows are imputed by the constant predictor; seeds are averaged.
        family: The protocol's comparisons. When empty, all pairs of entries that are not controls are explored, over
            the mean of the conditions.
        entries: Ids of the protocol's entries; one of them without rows is reported as absent, not as unknown.
        conditions: Ids of the protocol's conditions, likewise.
        draws: Bootstrap draws of subjects, the same as for a board's intervals.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws.
        alpha: Chance of any wrong verdict (Holm), or expected share of wrong ones among verdicts.
        floor_bpm: Added to mean absolute errors before logarithms are taken.
        label_floor_bpm: Mean difference of two valid estimates from the contact sensor. A smaller difference of two
            entries may be real, and is no evidence on the error against the heart. None where unknown.

    Raises:
        UnknownName: the family names an entry or a condition that neither rows nor protocol have.
        IncomparableResults: rows of more than one protocol digest.
    """
    cells = Cells(rows)
    cells.refuse_several_digests()
    names, condition_ids = {*cells.entries, *entries}, {*cells.conditions, *conditions}
    for comparison in family:
        comparison.check(names, condition_ids)
    tested = {entry: cells.conditions_of(entry) for entry in cells.entries}
    pairs = expand(family or every_pair(cells.non_controls), tested)
    errors = _PairedErrors(cells, floor_bpm)
    ratios = [errors.log_ratios(pair) for pair in pairs]
    n = [int(np.count_nonzero(~np.isnan(logs))) for logs in ratios]
    corrected = Corrected.of(_sign_flips(ratios), n, len(expand(family, dict.fromkeys(names, sorted(condition_ids)))))
    confirmatory = bool(family) and corrected.family <= MOST_CONFIRMED
    weights = subject_weights(len(cells.subjects), draws=draws, seed=seed)
    found = []
    for i, (pair, logs) in enumerate(zip(pairs, ratios, strict=True)):
        difference = mean_estimate(errors.differences_bpm(pair), weights, level=level)
        known = logs[~np.isnan(logs)]
        ratio = mean_estimate(logs, weights, level=level)
        paired = PairedComparison(
            entry=pair.entry,
            rival=pair.rival,
            conditions=pair.conditions,
            label=f"{pair.entry} against {pair.rival}, {pair.words}",
            n=n[i],
            n_dropped=len(logs) - n[i],
            ratio=as_ratio(ratio),
            ratio_over_seeds=as_ratio(over_seeds(ratio, errors.of_seeds(pair), level=level)),
            n_seeds=cells.fewest_seeds(pair.entry, pair.rival),
            difference_bpm=difference,
            p_sign_flip=corrected.p[i],
            p_wilcoxon=wilcoxon_p(known) if len(known) else NAN,
            p_holm=corrected.holm[i],
            q_bh=corrected.bh[i],
            family=corrected.family,
            n_made=corrected.n_made,
            least_corrected=(corrected.least_holm if confirmatory else corrected.least_bh)[i],
            detectable_ratio=_detectable(known, alpha),
            detectable_corrected=_detectable(known, alpha / max(corrected.family, 1)),
            resolvable=label_floor_bpm is None or abs(difference.value) > label_floor_bpm,
            confirmatory=confirmatory,
            verdict="not compared",
            reason=pair.reason,
        )
        found.append(_with_verdict(paired, alpha))
    return found


class _PairedErrors:
    """Contrasts of pairs by subject, ``(S,)``; NaN for a subject without errors under one of the conditions."""

    def __init__(self, cells: Cells, floor_bpm: float) -> None:
        self.cells, self.floor_bpm = cells, floor_bpm
        # Each cell is in many pairs.
        self._errors_bpm = cache(
            lambda entry, condition, seed: cells.errors_bpm(entry, condition, cells.seed_of(entry, seed))
        )
        self._sides = cache(self._means_bpm)

    def log_ratios(self, pair: Pair, seed: int | None = None) -> FloatArray:
        return self._mean([np.subtract(*log_errors(sides, self.floor_bpm)) for sides in self._all(pair, seed)])

    def differences_bpm(self, pair: Pair) -> FloatArray:
        return self._mean([np.subtract(*sides) for sides in self._all(pair)])

    def of_seeds(self, pair: Pair) -> FloatArray:
        """``(K,)`` mean log-ratios by seed; empty where one of the two has one seed, and so no variance of training."""
        sides = pair.entry, pair.rival
        if self.cells.fewest_seeds(*sides) < 2:
            return np.zeros(0)
        by_seed = [self.log_ratios(pair, seed) for seed in self.cells.seeds(*sides)]
        return np.array([NAN if np.isnan(logs).all() else np.nanmean(logs) for logs in by_seed])

    def _all(self, pair: Pair, seed: int | None = None) -> list[FloatArray]:
        return [self._sides(pair.entry, pair.rival, condition, seed) for condition in pair.conditions]

    def _means_bpm(self, entry: str, rival: str, condition: str, seed: int | None) -> FloatArray:
        """``(2, S)`` mean absolute errors over the windows that both have, of all seeds or of one."""
        own, rivals = (self._errors_bpm(side, condition, seed) for side in (entry, rival))
        return self.cells.subject_means(own, rivals)

    def _mean(self, by_condition: list[FloatArray]) -> FloatArray:
        return np.mean(by_condition, axis=0) if by_condition else np.full(len(self.cells.subjects), np.nan)


def _sign_flips(ratios: Sequence[FloatArray]) -> list[float]:
    """Sign-flip p of each, NaN without values; those of the same subjects are computed together."""
    p = [NAN] * len(ratios)
    by_subjects: dict[bytes, list[int]] = {}
    for i, logs in enumerate(ratios):
        by_subjects.setdefault(np.isnan(logs).tobytes(), []).append(i)
    for group in by_subjects.values():
        present = ~np.isnan(ratios[group[0]])
        if present.any():
            for i, one in zip(group, sign_flip_ps(np.stack([ratios[i][present] for i in group])), strict=True):
                p[i] = float(one)
    return p


def _detectable(known: FloatArray, alpha: float) -> float:
    return detectable_ratio(float(known.std(ddof=1)), len(known), alpha=alpha) if len(known) > 1 else NAN


def _with_verdict(paired: PairedComparison, alpha: float) -> PairedComparison:
    if not paired.n:
        return replace(paired, reason=paired.reason or "no window that both have a number for")
    verdict: Verdict = "better" if paired.ratio.value < 1 else "worse"
    reason = ""
    if paired.p_corrected > alpha:
        verdict, reason = "not told apart", _too_few(paired, alpha)
    elif paired.ratio_over_seeds.low <= 1 <= paired.ratio_over_seeds.high:
        verdict = "within the luck of training"
    elif (paired.ratio.value < 1) != (paired.difference_bpm.value < 0):
        # Better for most subjects, and so much worse for a few that the mean is worse: which counts depends on the use.
        verdict = "ratio and difference disagree"
    elif not paired.resolvable:
        verdict = "below the label floor"
    return replace(paired, verdict=verdict, reason=reason)


def _too_few(paired: PairedComparison, alpha: float) -> str:
    """Reason why this number of subjects cannot give a significant p, whatever the data; empty where it can."""
    n = f"{paired.n} give{'s' * (paired.n == 1)}"
    if smallest_p(paired.n) > alpha:
        return f"too few subjects: {n} no p below {smallest_p(paired.n):.2g}"
    if paired.least_corrected > alpha:
        return (
            f"too few subjects for a family of {paired.family}: {n} no corrected p below {paired.least_corrected:.2g}"
        )
    return ""
