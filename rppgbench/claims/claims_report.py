"""Verdicts as files beside a board: ``claims_<name>.md`` for people, ``claims_<name>.json`` for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from rppgbench.claims.contrast_estimate import ContrastEstimate
from rppgbench.claims.judge import SEEDS_FOR_TRAINING, ClaimVerdict, Judgement
from rppgbench.claims.measures import MEASURES
from rppgbench.claims.resolved_names import ResolvedName
from rppgbench.text import format_p


def write_claims(judgement: Judgement, of: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write both files into ``folder``, named after the claims; ``of`` is what the results say of themselves."""
    paths = folder / f"claims_{judgement.claims.name}.md", folder / f"claims_{judgement.claims.name}.json"
    for path, text in zip(paths, (claims_markdown(judgement, of), as_json(judgement, of)), strict=True):
        path.write_text(text, encoding="utf-8", newline="")
    return paths


def claims_markdown(judgement: Judgement, of: Mapping[str, Any]) -> str:
    """Verdicts at a glance, then every contrast."""
    claims = judgement.claims
    parts = [
        f"# {claims.title}, judged on {of['title']}",
        f"Protocol `{of['protocol']}` v{of['version']}, digest `{of['digest'][:12]}`; claims `{claims.name}`"
        + (f" ({claims.cite})." if claims.cite else "."),
        tabulate(
            [_glance(verdict) for verdict in judgement.verdicts],
            ["claim", "", "verdict", "effect", "of", "p", "corrected p", "n"],
            "github",
            disable_numparse=True,
        ),
        "\n".join(f"- {note}" for note in [*about(judgement), *definitions(judgement)]),
        *_entries(judgement),
    ]
    for verdict in judgement.verdicts:
        parts += _in_full(verdict)
    return "\n\n".join(parts) + "\n"


def about(judgement: Judgement) -> list[str]:
    """What every form of the verdicts says below its table."""
    rules = judgement.claims.rules
    lines = [
        f"n: subjects that have a number on both sides under every condition of a contrast, of "
        f"{judgement.n_subjects}. Intervals: {rules.level:.0%}, from {rules.bootstrap} bootstrap draws of subjects; "
        "p: sign flips over subjects, two-sided.",
        f"A claim needs all its contrasts, so the weakest speaks for it; corrected p: Holm over the claims that could "
        f"be tested ({judgement.family}); a verdict needs p ≤ {rules.alpha:g}.",
        f"HR error: ratio of subjects' mean absolute errors, each plus {rules.error_floor_bpm:g} bpm.",
    ]
    if judgement.n_failed:
        constant = "the error of the constant predictor, the mean rate of the other folds' subjects"
        lines.append(f"{judgement.n_failed} failed windows count as {constant}.")
    if any(verdict.scope for verdict in judgement.verdicts):
        lines.append(
            f"About these trained networks: fewer than {SEEDS_FOR_TRAINING} seeds were trained, or the interval over "
            "other subjects and other training runs holds no effect. The luck of a training run is common to all "
            "subjects and in no p here, so the verdict is not about training such networks again."
        )
    return lines


def _entries(judgement: Judgement) -> Iterable[str]:
    """Which entries the names mean."""
    if judgement.meanings:
        yield "## Entries"
        yield "Verdicts are about these entries as they stand here, networks of these sizes, and no others of the name."
        yield tabulate(
            [[m.name, f"`{m.entry}`", m.params_of("method"), m.params_of("enhancer"), m.trained]
             for m in judgement.meanings],
            ["name", "entry of the results", "method's params", "enhancer's params", "learnt"],
            "github",
            disable_numparse=True,
        )  # fmt: skip


def definitions(judgement: Judgement) -> list[str]:
    """Which entries the results have not, as a board would name them, a line each."""
    return [f"not among these results: {name}, that is {meaning}" for name, meaning in judgement.absent.items()]


def as_json(judgement: Judgement, of: Mapping[str, Any]) -> str:
    """Everything, with plain names; None where a number is undefined."""
    claims = judgement.claims
    document = {
        "claims": claims.name,
        "title": claims.title,
        "cite": claims.cite,
        "rules": claims.rules.model_dump(mode="json"),
        **{key: of[key] for key in ("protocol", "version", "digest")},
        "n_subjects": judgement.n_subjects,
        "n_claims_tested": judgement.family,
        "entries": [_meaning(meaning) for meaning in judgement.meanings],
        "absent_entries": dict(judgement.absent),
        "verdicts": [_verdict(verdict) for verdict in judgement.verdicts],
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def format_n_subjects(finding: ContrastEstimate) -> str:
    """``20``, or ``20 (5 seeds)``."""
    n_seeds = len(finding.seed_effects)
    return f"{finding.n} ({n_seeds} seeds)" if n_seeds > 1 else str(finding.n)


def _glance(verdict: ClaimVerdict) -> list[str]:
    speaks, claim = verdict.speaks, verdict.claim
    notes = "; ".join(filter(None, (verdict.reason, verdict.scope)))
    outcome = f"**{verdict.outcome}**" + (f" ({notes})" if notes else "")
    if speaks is None:
        return [claim.id, claim.text, outcome, "", "", "", "", ""]
    numbers = [format_p(speaks.p), format_p(verdict.p_corrected), format_n_subjects(speaks)]
    return [claim.id, claim.text, outcome, speaks.words, speaks.contrast.label, *numbers]


def _in_full(verdict: ClaimVerdict) -> Iterable[str]:
    claim, evidence = verdict.claim, verdict.evidence
    yield f"## {claim.id}: {claim.text}"
    told = ", ".join(filter(None, (verdict.outcome, verdict.scope, verdict.reason)))
    yield f"{claim.source + ': ' if claim.source else ''}{told}."
    if evidence.findings:
        yield tabulate(
            [_contrast_cells(finding) for finding in evidence.findings],
            ["contrast", "claimed", "effect", "p", "Wilcoxon's p", "n", "SD over seeds", "role"],
            "github",
            disable_numparse=True,
        )
    if evidence.missing:
        yield "\n".join(f"- {m.label}: needs {', '.join(m.entries) or m.needs}" for m in evidence.missing)


def _contrast_cells(finding: ContrastEstimate) -> list[str]:
    part = finding.contrast.part
    neutral = "1" if MEASURES[part.measure].ratio else "0"
    claimed = f"{'above' if part.claimed == 'higher' else 'below'} {neutral}"
    spread = _spread(finding)
    return [
        finding.contrast.label, claimed, finding.words, format_p(finding.p), format_p(finding.p_wilcoxon),
        format_n_subjects(finding), "" if spread is None else f"{spread:.3g}", part.role,
    ]  # fmt: skip


def _spread(finding: ContrastEstimate) -> float | None:
    """Standard deviation of the effect over seeds (n - 1)."""
    effects = list(finding.seed_effects.values())
    if len(effects) < 2:
        return None
    mean = sum(effects) / len(effects)
    return math.sqrt(sum((effect - mean) ** 2 for effect in effects) / (len(effects) - 1))


def _verdict(verdict: ClaimVerdict) -> dict[str, Any]:
    evidence, tested = verdict.evidence, verdict.p_corrected is not None
    return {
        "claim": verdict.claim.id,
        "text": verdict.claim.text,
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "scope": verdict.scope,
        "p_for": _round(evidence.p_for) if tested else None,
        "p_against": _round(evidence.p_against) if tested else None,
        "p_corrected": _round(verdict.p_corrected),
        "speaks": verdict.speaks.contrast.label if verdict.speaks else None,
        "contrasts": [_finding(finding) for finding in evidence.findings],
        "missing": [{"contrast": m.label, "entries": list(m.entries), "needs": m.needs} for m in evidence.missing],
    }


def _meaning(meaning: ResolvedName) -> dict[str, Any]:
    return {
        "name": meaning.name,
        "entry": meaning.entry,
        "params": dict(meaning.params),
        "learnt": meaning.learnt,
        "seeds": list(meaning.seeds),
    }


def _finding(finding: ContrastEstimate) -> dict[str, Any]:
    contrast, part = finding.contrast, finding.contrast.part
    return {
        "contrast": contrast.label,
        "role": part.role,
        "measure": part.measure,
        "unit": MEASURES[part.measure].unit or "ratio",
        "entry": contrast.entry,
        "against": contrast.rival,
        "conditions": [condition.id for condition in contrast.conditions],
        "claimed": part.claimed,
        "as_claimed": finding.as_claimed,
        "effect": _round(finding.effect),
        "low": _round(finding.low),
        "high": _round(finding.high),
        "p": _round(finding.p),
        "p_wilcoxon": _round(finding.p_wilcoxon),
        "n_subjects": finding.n,
        "n_subjects_dropped": finding.n_dropped,
        "n_failed_windows": finding.n_failed,
        "n_seeds_trained": finding.n_trained,
        "effect_by_seed": {str(seed): _round(effect) for seed, effect in finding.seed_effects.items()},
        "low_over_seeds": _round(finding.low_over_seeds),
        "high_over_seeds": _round(finding.high_over_seeds),
    }


def _round(value: float | None) -> float | None:
    """To six digits: what follows them depends on the platform."""
    return None if value is None or math.isnan(value) else float(f"{value:.6g}")
