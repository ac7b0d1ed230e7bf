"""Verdicts on claims, by rules that are declared before anything is computed.

Every contrast is one number a subject, and its p is two-sided, by sign flips over subjects. A claim says that all its
deciding contrasts are as claimed, so

- its p *for* is the largest p of its deciding contrasts (intersection-union test: Berger, Technometrics 24:295, 1982),
  if all could be made, all point the claimed way, and nothing speaks against the claim at ``alpha``;
- its p *against* is the smallest p among its deciding and guarding contrasts that point the other way, times the
  number of these contrasts (Bonferroni);
- its p is the smaller of the two, corrected after Holm over the claims that anything could be found out about.

A claim whose corrected p is at most ``alpha`` is supported, or not supported when the p is the one against; any other
is undecided, and the reason says whether entries, conditions, subjects or merely effects are wanting. Contrasts by
themselves are not corrected.

The chance that any claim gets a verdict out of nothing but the choice of subjects is at most ``alpha``, for differences
between the networks at hand. It is not for differences between ways of training: all subjects share the luck of the
same training runs, and flipping signs over subjects cannot see it. So a verdict says that it is about these networks
where it rests on fewer than ``SEEDS_FOR_TRAINING`` seeds, or on a contrast whose interval over subjects and seeds holds
no effect. It stands all the same.
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

SEEDS_FOR_TRAINING = 3  # fewer give no spread over training runs to speak of


@dataclass(frozen=True)
class Evidence:
    """All that was found out about a claim."""

    claim: Claim
    findings: Sequence[ContrastEstimate]
    missing: Sequence[MissingContrast]
    alpha: float

    @cached_property
    def deciding(self) -> Sequence[ContrastEstimate]:
        return [one for one in self.findings if one.contrast.part.role == "decides"]

    @cached_property
    def counting(self) -> Sequence[ContrastEstimate]:
        """Findings that a verdict may rest on."""
        return [one for one in self.findings if one.contrast.part.role != "shows"]

    @cached_property
    def wanting(self) -> Sequence[MissingContrast]:
        return [one for one in self.missing if one.part.role == "decides"]

    @cached_property
    def contrary(self) -> ContrastEstimate | None:
        """What speaks against the claim most clearly."""
        return min((one for one in self.counting if not one.as_claimed), key=lambda one: one.p, default=None)

    @cached_property
    def weakest(self) -> ContrastEstimate | None:
        """The deciding finding that supports the claim least; one that points the other way is weaker than any."""
        return max(self.deciding, key=lambda one: one.p if one.as_claimed else 2 - one.p, default=None)

    @property
    def n_trained(self) -> int | None:
        """From how many seeds the network that was trained from the fewest was; None where none was trained."""
        return min((one.n_trained for one in self.counting if one.n_trained is not None), default=None)

    @property
    def p_against(self) -> float:
        return min(1.0, self.contrary.p * len(self.counting)) if self.contrary else 1.0

    @property
    def p_for(self) -> float:
        if self.weakest is None or not self.weakest.as_claimed or self.wanting or self.p_against <= self.alpha:
            return 1.0
        return self.weakest.p

    @property
    def p(self) -> float:
        return min(self.p_for, self.p_against)

    @property
    def p_within_reach(self) -> float:
        """The p that its subjects would give if every contrast were as clear as can be."""
        return max((smallest_p(one.n) for one in self.deciding), default=1.0)


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """``p_corrected`` is None where nothing could be found out."""

    evidence: Evidence
    outcome: VerdictOutcome
    reason: str
    p_corrected: float | None = None
    speaks: ContrastEstimate | None = None

    @property
    def claim(self) -> Claim:
        return self.evidence.claim

    @property
    def scope(self) -> str:
        """``about these trained networks, 1 seed``; empty where nothing was trained, or a verdict holds for others."""
        n = self.evidence.n_trained
        if n is None:
            return ""
        if n < SEEDS_FOR_TRAINING:
            return f"about these trained networks, {n} seed{'s' * (n != 1)}"
        return f"about these trained networks: within the luck of training, {n} seeds" if self._within_luck else ""

    @property
    def _within_luck(self) -> bool:
        """Whether something that the verdict needs may be otherwise with other seeds."""
        if self.outcome == "supported":
            return any(one.within_luck_of_training for one in self.evidence.deciding)
        return self.outcome == "not supported" and self.speaks is not None and self.speaks.within_luck_of_training


@dataclass(frozen=True)
class Judgement:
    """Verdicts on all claims of a file.

    ``family`` is how many claims the correction runs over. ``n_failed`` windows of the results failed. ``absent`` are
    entries that the results have not, each with what its name means; ``meanings`` those that they have.
    """

    claims: ClaimsFile
    verdicts: Sequence[ClaimVerdict]
    family: int
    n_subjects: int
    n_failed: int
    absent: Mapping[str, str]
    meanings: Sequence[ResolvedName]


def judge_claims(claims: ClaimsFile, seen: Observations) -> Judgement:
    """A verdict on every claim of the file."""
    evidence = _gather(claims, seen)
    verdicts = decide_verdict(evidence)
    absent = dict.fromkeys(name for one in evidence for missing in one.missing for name in missing.entries)
    named = {name: str(claims.entries[name]) for name in claims.entries if name in absent}
    n_failed = sum(row["status"] == "failed" for row in seen.rows)
    family = sum(verdict.p_corrected is not None for verdict in verdicts)
    return Judgement(claims, verdicts, family, len(seen.subjects), n_failed, named, resolve_names(claims, seen))


def decide_verdict(evidence: Sequence[Evidence]) -> list[ClaimVerdict]:
    """Verdicts on what was found out, corrected for all of it."""
    family = [one for one in evidence if one.counting]
    corrected = holm([one.p for one in family]), holm([one.p_within_reach for one in family])
    numbers = {one.claim.id: (p, reach) for one, p, reach in zip(family, *corrected, strict=True)}
    return [_verdict(one, numbers.get(one.claim.id), len(family)) for one in evidence]


def _gather(claims: ClaimsFile, seen: Observations) -> list[Evidence]:
    rules = claims.rules
    weights = subject_weights(len(seen.subjects), draws=rules.bootstrap, seed=rules.seed)
    gathered = []
    for claim in claims.claims:
        found = [
            contrast if isinstance(contrast, MissingContrast) else estimate_contrast(contrast, seen, rules, weights)
            for part in claim.parts
            for contrast in contrasts(part, claims.entries, seen)
        ]
        findings = [one for one in found if isinstance(one, ContrastEstimate)]
        gathered.append(
            Evidence(claim, findings, [one for one in found if isinstance(one, MissingContrast)], rules.alpha)
        )
    return gathered


def _verdict(evidence: Evidence, numbers: tuple[float, float] | None, family: int) -> ClaimVerdict:
    """``numbers``: the corrected p, and the smallest that the subjects could have given."""
    if numbers is None:
        reason = f"nothing to judge: {evidence.claim.unjudged or _needs(evidence.wanting)}"
        return ClaimVerdict(evidence=evidence, outcome="undecided", reason=reason)
    p, reach = numbers
    outcome: VerdictOutcome = "undecided"
    speaks, reason = evidence.weakest or evidence.contrary, ""
    if p <= evidence.alpha and evidence.p_for <= evidence.p_against:
        outcome = "supported"
        many = len(evidence.deciding)
        reason = "" if many == 1 else f"all {many} contrasts; here the weakest"
    elif p <= evidence.alpha and evidence.contrary:
        outcome, speaks = "not supported", evidence.contrary
        contrary = sum(not one.as_claimed and one.p <= evidence.alpha for one in evidence.counting)
        reason = f"the opposite, in {contrary} of {len(evidence.counting)} contrasts"
    else:
        reason = _why_undecided(evidence, reach, family)
    return ClaimVerdict(evidence=evidence, outcome=outcome, reason=reason, p_corrected=p, speaks=speaks)


def _why_undecided(evidence: Evidence, reach: float, family: int) -> str:
    held = sum(one.as_claimed and one.p <= evidence.alpha for one in evidence.deciding)
    reasons = [f"{held} of {len(evidence.deciding)} contrasts hold (p ≤ {evidence.alpha:g}, not corrected)"]
    if reach > evidence.alpha and evidence.deciding:
        n = min(one.n for one in evidence.deciding)
        reasons = [
            f"too few subjects: {n} give{'s' * (n == 1)} no p below {smallest_p(n):.2g}, "
            f"corrected over {family} claim{'s' * (family != 1)} {reach:.2g}"
        ]
    if evidence.wanting:
        reasons.append(_needs(evidence.wanting))
    return "; ".join(reasons)


def _needs(missing: Sequence[MissingContrast]) -> str:
    """``needs entries skin, base; conditions: codec mpeg4``."""
    names = dict.fromkeys(name for one in missing for name in one.entries)
    entries = [f"entr{'y' if len(names) == 1 else 'ies'} {', '.join(names)}"] if names else []
    return f"needs {'; '.join([*entries, *dict.fromkeys(one.needs for one in missing if one.needs)])}"
