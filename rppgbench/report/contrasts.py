"""Paired comparisons of entries: differences, those below the label floor, and detectable ones."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rppgbench.evaluation.comparison import PairedComparison, compare_entries
from rppgbench.evaluation.family import Comparison
from rppgbench.figures.paired_draws import columns
from rppgbench.report.section import Section, format_estimate
from rppgbench.report.table import Table
from rppgbench.results.board import Board
from rppgbench.text import DASH, format_number, format_p, join_some, pluralise

TITLE = "Entries against each other"
ALPHA = 0.05
IMPUTED = "Failed windows err as the constant predictor would."
NOT_IMPUTED = (
    "There is one fold, and so no other subjects to take a constant prediction from: failed windows cannot be charged "
    "and count on neither side. An entry may gain by failing where it is hard."
)
# Families of up to so many comparisons are written in full; of larger ones, the clearest.
IN_FULL = 12
HEADERS = ("entry", "against", "under", "n", "ratio", "difference (bpm)", "p", "corrected p", "detectable", "verdict")


@dataclass(frozen=True)
class Contrasts:
    """The family of comparisons that the protocol declares; without one, all pairs of entries that are no controls.

    ``reason`` says why there are none. ``imputed`` is True with several folds: failed windows have the constant
    predictor's error.
    """

    paired: Sequence[PairedComparison]
    declared: bool
    floor_bpm: float | None
    reason: str = ""
    imputed: bool = True

    @classmethod
    def of(cls, board: Board) -> Contrasts:
        """Comparisons of a board's entries; raises as ``compare_entries`` for a family with unknown names."""
        about, interval = board.results.about, board.results.evaluation["interval"]
        family = [Comparison.model_validate(one) for one in about.get("comparisons", ())]
        floor_bpm = None if board.floor is None else board.floor.mae.value
        paired = compare_entries(
            board.results.rows,
            family,
            entries=about["entries"],
            conditions=[condition["id"] for condition in about["resolved"]["conditions"]],
            draws=interval["bootstrap"],
            level=interval["level"],
            seed=interval["seed"],
            alpha=ALPHA,
            label_floor_bpm=floor_bpm,
        )
        reason = "" if paired else "fewer than two entries that are no controls"
        imputed = len({row["fold"] for row in board.results.rows}) > 1
        return cls(paired, bool(family), floor_bpm, reason, imputed)

    @property
    def made(self) -> Sequence[PairedComparison]:
        """Comparisons with at least one subject."""
        return [one for one in self.paired if one.n]

    def tables(self) -> list[Table]:
        """One table of the comparisons, a declared family in its order, others by their p; none without comparisons."""
        if not self.paired:
            return []
        ordered = list(self.paired)
        if not self.declared:
            ordered.sort(key=lambda one: (math.isnan(one.p_sign_flip), one.p_sign_flip, one.label))
        title = f"Comparisons, {'declared' if self.declared else 'exploratory'}"
        return [Table("comparisons", title, HEADERS, [_cells(p) for p in ordered], [_record(p) for p in ordered],
                      list(self._notes()))]  # fmt: skip

    def section(self) -> Section:
        """Section on differences, undecided comparisons and the detectable ratio."""
        if not self.made:
            why = self.reason or "these results answer none of the comparisons that are declared"
            return Section(TITLE, [f"No two entries were compared: {why}."])
        sentences = [
            self._family(),
            *self._compared(),
            *self._unresolvable(),
            *self._within_training_luck(),
            *self._disagreeing(),
            *self._detectable(),
        ]
        sentences += [f"Not compared: {one.label}: {one.reason}." for one in self.paired if not one.n]
        return Section(TITLE, sentences, list(self._summary()))

    def _family(self) -> str:
        first = self.made[0]
        n = pluralise(first.family, "comparison")
        if not self.declared:
            return (
                f"Exploratory: the protocol declares no comparisons, so all pairs of contestants are compared over the "
                f"mean of their conditions, {n}, corrected by Benjamini and Hochberg's method. What differs here is a "
                "reason to test it on other subjects and no result yet."
            )
        declares = f"the protocol declares {n}, {first.n_made} could be tested"
        if first.confirmatory:
            return f"Confirmatory: {declares}; p are corrected by Holm's method for all that are declared."
        return (
            f"Exploratory: {declares}. So many are more than Holm's method leaves power for: p are corrected by "
            "Benjamini and Hochberg's for all that are declared."
        )

    def _compared(self) -> Iterator[str]:
        """Sentences on all of a small family, on the clearest differences of a large one."""
        shown = [one for one in self.made if one.verdict in ("better", "worse")]
        if len(self.made) <= IN_FULL:
            shown = list(self.made)
        shown = sorted(shown, key=lambda one: one.p_sign_flip)[:IN_FULL] if len(self.made) > IN_FULL else shown
        yield from (_sentence(one, self.floor_bpm) for one in shown)
        differing = sum(one.verdict in ("better", "worse") for one in self.made)
        if len(self.made) > IN_FULL:
            yield f"{differing} of {len(self.made)} pairs are told apart; the clearest stand above, all in the table."

    def _unresolvable(self) -> Iterator[str]:
        below = [one for one in self.made if not one.resolvable]
        if below and self.floor_bpm is not None:
            yield (
                f"{len(below)} of {pluralise(len(self.made), 'difference')} are, as observed, below the label floor of "
                f"{self.floor_bpm:.2f} bpm and so unresolvable: smaller than what two right readings of the same "
                "contact sensor disagree by. Such a difference may be real between these entries, and says nothing "
                f"about the error against the heart. They are: {join_some(_named(one) for one in below)}."
            )
        if self.floor_bpm is None:
            yield "No label floor is known here: how small a difference the labels can tell is open."

    def _within_training_luck(self) -> Iterator[str]:
        within_luck = [one for one in self.made if one.verdict == "within the luck of training"]
        if within_luck:
            yield (
                "Other subjects would tell these networks apart, and other training runs might turn it round: "
                f"{join_some(map(_named, within_luck))}. The interval of their ratio over subjects and seeds holds 1: "
                "nothing is said of these ways of training."
            )

    def _disagreeing(self) -> Iterator[str]:
        split = [one for one in self.made if one.verdict == "ratio and difference disagree"]
        if split:
            yield (
                f"Better for most subjects and worse on average, or the other way round: "
                f"{join_some(map(_named, split))}. Which of the two counts is not for the numbers to say."
            )

    def _detectable(self) -> Iterator[str]:
        found = [one.detectable_ratio for one in self.made if math.isfinite(one.detectable_ratio)]
        n = {one.n for one in self.made}
        subjects = f"{min(n)}" if len(n) == 1 else f"{min(n)} to {max(n)}"
        if not found:
            yield f"{subjects} subjects find no ratio of errors at 5 %, however large: nothing can be told apart here."
            return
        yield (
            f"With {subjects} subjects who scatter as these do, one test finds a ratio of errors of "
            f"{_median(found)} with 80 % chance; {self._corrected()} Ratios nearer to 1 are missed more often, so "
            "that 'not told apart' does not mean equal."
        )

    def _corrected(self) -> str:
        """Clause on the detectable ratio after correction for the family."""
        family = self.made[0].family
        too_few = sum(one.least_corrected > ALPHA for one in self.made)
        if too_few == len(self.made):
            return (
                f"after correction for the family of {family} nothing can be told apart, whatever the data: too few "
                "subjects for a family of so many."
            )
        found = [one.detectable_corrected for one in self.made if math.isfinite(one.detectable_corrected)]
        severest = f"after correction for the family of {family}, where it is severest,"
        text = f"{severest} one of {_median(found)}." if found else f"{severest} none."
        if too_few:
            text += f" In {too_few} of {len(self.made)} subjects are too few for any data to tell entries apart."
        return text

    def _summary(self) -> Iterator[str]:
        n_differing = sum(one.verdict in ("better", "worse") for one in self.made)
        below = sum(not one.resolvable for one in self.made)
        kind = "declared" if self.declared else "exploratory"
        yield (
            f"{n_differing} of {pluralise(len(self.made), f'{kind} comparison')} told entries apart after correction"
            + (
                f"; {pluralise(below, 'difference is', 'differences are')} below the label floor and unresolvable."
                if below
                else "."
            )
        )

    def _notes(self) -> Iterator[str]:
        yield (
            "ratio: the entry's mean absolute error over the rival's, each plus 0.5 bpm, geometric mean over subjects; "
            "below 1 the entry errs less. p: sign flips over subjects, two-sided. corrected: "
            + ("Holm's" if self.made and self.made[0].confirmatory else "Benjamini and Hochberg's")
            + " method. detectable: the ratio that as many such subjects show with 80 % chance, by one test. "
            + (IMPUTED if self.imputed else NOT_IMPUTED)
        )
        if self.floor_bpm is not None:
            yield (
                f"unresolvable: the difference is below the label floor of {self.floor_bpm:.2f} bpm. It may be real "
                "between these entries, and says nothing about the error against the heart."
            )


def _median(ratios: Sequence[float]) -> str:
    span = f" ({min(ratios):.2f} to {max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f} or less{span}"


def _verdict(one: PairedComparison) -> str:
    if not one.n:
        return f"{one.verdict}: {one.reason}"
    verdict = "unresolvable" if one.verdict == "below the label floor" else one.verdict
    below = "" if one.resolvable or verdict == "unresolvable" else ", unresolvable"
    return f"{verdict}{below}" + (f" ({one.reason})" if one.reason else "")


def _sentence(one: PairedComparison, floor_bpm: float | None) -> str:
    floor = f" (label floor {floor_bpm:.2f} bpm)" if floor_bpm is not None and not one.resolvable else ""
    over_seeds = one.ratio_over_seeds
    seeds = ""
    if math.isfinite(over_seeds.low):
        seeds = f" ([{over_seeds.low:.2f}, {over_seeds.high:.2f}] over other training runs too, {one.n_seeds} seeds)"
    return (
        f"{one.label}: ratio {format_estimate(one.ratio)}{seeds}, difference {format_estimate(one.difference_bpm)} bpm,"
        f" p {format_p(one.p_sign_flip)}, corrected {format_p(one.p_corrected)}, n = {one.n}: {_verdict(one)}{floor}."
    )


def _named(one: PairedComparison) -> str:
    return f"{one.entry} against {one.rival} ({one.difference_bpm.value:+.2f} bpm, p {format_p(one.p_sign_flip)})"


def _under(one: PairedComparison) -> str:
    if not one.conditions:
        return DASH
    return one.conditions[0] if len(one.conditions) == 1 else f"mean of {len(one.conditions)} conditions"


def _cells(one: PairedComparison) -> list[str]:
    ratio, difference = (DASH if math.isnan(e.value) else format_estimate(e) for e in (one.ratio, one.difference_bpm))
    return [
        one.entry, one.rival, _under(one), str(one.n), ratio, difference,
        format_p(one.p_sign_flip), format_p(one.p_corrected), format_number(one.detectable_ratio, 2), _verdict(one),
    ]  # fmt: skip


def _record(one: PairedComparison) -> dict[str, Any]:
    return {
        "entry": one.entry,
        "against": one.rival,
        "conditions": ",".join(one.conditions),
        "n_subjects": one.n,
        "n_subjects_dropped": one.n_dropped,
        **columns("ratio", one.ratio),
        "n_seeds": one.n_seeds,
        "ratio_low_over_seeds": one.ratio_over_seeds.low,
        "ratio_high_over_seeds": one.ratio_over_seeds.high,
        **columns("difference_bpm", one.difference_bpm),
        "p_sign_flip": one.p_sign_flip,
        "p_wilcoxon": one.p_wilcoxon,
        "p_holm": one.p_holm,
        "q_bh": one.q_bh,
        "family": one.family,
        "family_tested": one.n_made,
        "least_p_corrected": one.least_corrected,
        "detectable_ratio": one.detectable_ratio,
        "detectable_ratio_corrected": one.detectable_corrected,
        "resolvable": "yes" if one.resolvable else "no",
        "confirmatory": "yes" if one.confirmatory else "no",
        "verdict": one.verdict,
        "reason": one.reason,
    }
