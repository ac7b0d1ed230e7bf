"""Verdicts on claims, by rules that are declared before anything is computed.

A contrast has one value for each subject, and its p is two-sided, by sign flips over subjects. A claim asserts the
direction of all its deciding contrasts, so

- its p *for* is the largest p of its deciding contrasts (intersection-union test: Berger, Technometrics 24:295, 1982),
  if all could be made, all have the claimed direction, and the p against is above ``alpha``;
- its p *against* is the smallest p among its deciding and guarding contrasts of the opposite direction, times the
  number of deciding and guarding contrasts (Bonferroni);
- its p is the smaller of the two, corrected after Holm over the claims with at least one such contrast.

A claim whose corrected p is at most ``alpha`` is supported, or not supported when the p is the one against; any other
is undecided, and the reason says whether entries, conditions, subjects or a clear effect are missing. The p of single
contrasts are not corrected.

The probability that any claim gets a verdict by the sampling of subjects alone is at most ``alpha``, for differences
between the trained networks at hand. It is not for differences between ways of training: the variance of training is
common to all subjects, and sign flips over subjects do not include it. So the scope of a verdict is these networks
where it rests on fewer than ``SEEDS_FOR_TRAINING`` seeds, or on a contrast whose interval over subjects and seeds holds
no effect. The verdict is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rppgbench.claims.claims_file import Claim, ClaimsFile
from rppgbench.claims.contrast import MissingContrast, contrasts
from rppgbench.claims.contrast_estimate import ContrastEstimate, estimate_contrast
from rppgbench.claims.observations import Observations
from rppgbench.claims.resolved_names import ResolvedName, resolve_names
from rppgbench.evaluation.entry_summary import subject_weights
from rppgbench.evaluation.significance import holm, smallest_p

VerdictOutcome = Literal["supported", "not supported", "undecided"]

SEEDS_FOR_TRAINING = 3  # fewer give no useful variance of training


@dataclass(frozen=True)
class Evidence:
    """Estimates of a claim's contrasts, and the contrasts that could not be made."""

    claim: Claim
    estimates: Sequence[ContrastEstimate]
    missing: Sequence[MissingContrast]
    alpha: float

    @cached_property
    def deciding(self) -> Sequence[ContrastEstimate]:
        return [one for one in self.estimates if one.contrast.part.role == "decides"]

    @cached_property
    def binding(self) -> Sequence[ContrastEstimate]:
        """Estimates of deciding and guarding contrasts, which a verdict may rest on."""
        return [one for one in self.estimates if one.contrast.part.role != "shows"]

    @cached_property
    def missing_deciding(self) -> Sequence[MissingContrast]:
        return [one for one in self.missing if one.part.role == "decides"]

    @cached_property
    def strongest_against(self) -> ContrastEstimate | None:
        """Binding estimate of the opposite direction with the smallest p; None without any."""
        return min((one for one in self.binding if not one.as_claimed), key=lambda one: one.p, default=None)

    @cached_property
    def weakest(self) -> ContrastEstimate | None:
        """Deciding estimate with the largest p; one of the opposite direction ranks as weaker than any."""
        return max(self.deciding, key=lambda one: one.p if one.as_claimed else 2 - one.p, default=None)

    @property
    def n_trained(self) -> int | None:
        """Smallest number of training seeds of any network in the contrasts; None where none was trained."""
        return min((one.n_trained for one in self.binding if one.n_trained is not None), default=None)

    @property
    def p_against(self) -> float:
        return min(1.0, self.strongest_against.p * len(self.binding)) if self.strongest_against else 1.0

    @property
    def p_for(self) -> float:
        if self.weakest is None or not self.weakest.as_claimed or self.missing_deciding or self.p_against <= self.alpha:
            return 1.0
        return self.weakest.p

    @property
    def p(self) -> float:
        return min(self.p_for, self.p_against)

    @property
    def smallest_possible_p(self) -> float:
        """Smallest p *for* that the numbers of subjects can give, whatever their data."""
        return max((smallest_p(one.n) for one in self.deciding), default=1.0)


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """Verdict on a claim, with the estimate that it rests on; ``p_corrected`` is None without binding estimates."""

    evidence: Evidence
    outcome: VerdictOutcome
    reason: str
    p_corrected: float | None = None
    key_estimate: ContrastEstimate | None = None

    @property
    def claim(self) -> Claim:
        return self.evidence.claim

    @property
    def scope(self) -> str:
        """``about these trained networks, 1 seed``; empty without training, or if it holds for other training runs."""
        n = self.evidence.n_trained
        if n is None:
            return ""
        if n < SEEDS_FOR_TRAINING:
            return f"about these trained networks, {n} seed{'s' * (n != 1)}"
        return f"about these trained networks: within the luck of training, {n} seeds" if self._depends_on_seeds else ""

    @property
    def _depends_on_seeds(self) -> bool:
        """Whether the interval over seeds of a contrast that the verdict rests on holds no effect."""
        if self.outcome == "supported":
            return any(one.null_within_seeds for one in self.evidence.deciding)
        estimate = self.key_estimate
        return self.outcome == "not supported" and estimate is not None and estimate.null_within_seeds


@dataclass(frozen=True)
class Judgement:
    """Verdicts on all claims of a file.

    ``family`` is the number of claims that p are corrected for. ``n_failed`` windows of the results failed.
    ``absent_entries`` are names without an entry in the results, each with its selector; ``resolved_names`` the others.
    """

    claims: ClaimsFile
    verdicts: Sequence[ClaimVerdict]
    family: int
    n_subjects: int
    n_failed: int
    absent_entries: Mapping[str, str]
    resolved_names: Sequence[ResolvedName]


def judge_claims(claims: ClaimsFile, results: Observations) -> Judgement:
    """Verdicts on all claims of the file, from results."""
    evidence = _gather_evidence(claims, results)
    verdicts = decide_verdict(evidence)
    absent = dict.fromkeys(name for one in evidence for missing in one.missing for name in missing.entries)
    named = {name: str(claims.entries[name]) for name in claims.entries if name in absent}
    n_failed = sum(row["status"] == "failed" for row in results.rows)
    family = sum(verdict.p_corrected is not None for verdict in verdicts)
    return Judgement(claims, verdicts, family, len(results.subjects), n_failed, named, resolve_names(claims, results))


def decide_verdict(evidence: Sequence[Evidence]) -> list[ClaimVerdict]:
    """Verdicts from the evidence on each claim, with p corrected over all of them."""
    family = [one for one in evidence if one.binding]
    corrected = holm([one.p for one in family]), holm([one.smallest_possible_p for one in family])
    numbers = {one.claim.id: (p, least_p) for one, p, least_p in zip(family, *corrected, strict=True)}
    return [_verdict(one, numbers.get(one.claim.id), len(family)) for one in evidence]


def _gather_evidence(claims: ClaimsFile, results: Observations) -> list[Evidence]:
    rules = claims.rules
    weights = subject_weights(len(results.subjects), draws=rules.bootstrap, seed=rules.seed)
    gathered = []
    for claim in claims.claims:
        found = [
            contrast if isinstance(contrast, MissingContrast) else estimate_contrast(contrast, results, rules, weights)
            for part in claim.parts
            for contrast in contrasts(part, claims.entries, results)
        ]
        estimates = [one for one in found if isinstance(one, ContrastEstimate)]
        missing = [one for one in found if isinstance(one, MissingContrast)]
        gathered.append(Evidence(claim, estimates, missing, rules.alpha))
    return gathered


def _verdict(evidence: Evidence, numbers: tuple[float, float] | None, family: int) -> ClaimVerdict:
    """Verdict on one claim; ``numbers`` are its corrected p and the smallest possible one, None where untested."""
    if numbers is None:
        reason = f"nothing to judge: {evidence.claim.unjudged or _needs(evidence.missing_deciding)}"
        return ClaimVerdict(evidence=evidence, outcome="undecided", reason=reason)
    p, least_p = numbers
    outcome: VerdictOutcome = "undecided"
    estimate, reason = evidence.weakest or evidence.strongest_against, ""
    if p <= evidence.alpha and evidence.p_for <= evidence.p_against:
        outcome = "supported"
        n = len(evidence.deciding)
        reason = "" if n == 1 else f"all {n} contrasts; here the weakest"
    elif p <= evidence.alpha and evidence.strongest_against:
        outcome, estimate = "not supported", evidence.strongest_against
        n_against = sum(not one.as_claimed and one.p <= evidence.alpha for one in evidence.binding)
        reason = f"the opposite, in {n_against} of {len(evidence.binding)} contrasts"
    else:
        reason = _undecided_reason(evidence, least_p, family)
    return ClaimVerdict(evidence=evidence, outcome=outcome, reason=reason, p_corrected=p, key_estimate=estimate)


def _undecided_reason(evidence: Evidence, least_p: float, family: int) -> str:
    n_held = sum(one.as_claimed and one.p <= evidence.alpha for one in evidence.deciding)
    reasons = [f"{n_held} of {len(evidence.deciding)} contrasts hold (p ≤ {evidence.alpha:g}, not corrected)"]
    if least_p > evidence.alpha and evidence.deciding:
        n = min(one.n for one in evidence.deciding)
        reasons = [
            f"too few subjects: {n} give{'s' * (n == 1)} no p below {smallest_p(n):.2g}, "
            f"corrected over {family} claim{'s' * (family != 1)} {least_p:.2g}"
        ]
    if evidence.missing_deciding:
        reasons.append(_needs(evidence.missing_deciding))
    return "; ".join(reasons)


def _needs(missing: Sequence[MissingContrast]) -> str:
    """Text on missing contrasts: ``needs entries skin, base; conditions: codec mpeg4``."""
    names = dict.fromkeys(name for one in missing for name in one.entries)
    entries = [f"entr{'y' if len(names) == 1 else 'ies'} {', '.join(names)}"] if names else []
    return f"needs {'; '.join([*entries, *dict.fromkeys(one.needs for one in missing if one.needs)])}"
