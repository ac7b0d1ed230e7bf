"""Verdicts as files beside a board: ``claims_<name>.md`` and, for programs, ``claims_<name>.json``."""

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
    """Write both files into ``folder``, named after the claims, and return their paths; ``of`` is ``results.json``."""
    paths = folder / f"claims_{judgement.claims.name}.md", folder / f"claims_{judgement.claims.name}.json"
    for path, text in zip(paths, (claims_markdown(judgement, of), as_json(judgement, of)), strict=True):
        path.write_text(text, encoding="utf-8", newline="")
    return paths


def claims_markdown(judgement: Judgement, of: Mapping[str, Any]) -> str:
    """Markdown: a table of the verdicts, notes, the entries, then every contrast by claim."""
    claims = judgement.claims
    parts = [
        f"# {claims.title}, judged on {of['title']}",
        f"Protocol `{of['protocol']}` v{of['version']}, digest `{of['digest'][:12]}`; claims `{claims.name}`"
        + (f" ({claims.cite})." if claims.cite else "."),
        tabulate(
            [_summary_row(verdict) for verdict in judgement.verdicts],
            ["claim", "", "verdict", "effect", "of", "p", "corrected p", "n"],
            "github",
            disable_numparse=True,
        ),
        "\n".join(f"- {note}" for note in [*general_notes(judgement), *absent_entry_notes(judgement)]),
        *_entries(judgement),
    ]
    for verdict in judgement.verdicts:
        parts += _claim_section(verdict)
    return "\n\n".join(parts) + "\n"


def general_notes(judgement: Judgement) -> list[str]:
    """Notes on counts, intervals, corrections and seeds, below every table of verdicts."""
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
    """Section with the entries that the names of the claims mean; empty without any."""
    if judgement.resolved_names:
        yield "## Entries"
        yield "Verdicts are about these entries as they stand here, networks of these sizes, and no others of the name."
        yield tabulate(
            [[m.name, f"`{m.entry}`", m.params_of("method"), m.params_of("enhancer"), m.trained]
             for m in judgement.resolved_names],
            ["name", "entry of the results", "method's params", "enhancer's params", "learnt"],
            "github",
            disable_numparse=True,
        )  # fmt: skip


def absent_entry_notes(judgement: Judgement) -> list[str]:
    """Notes, one for each entry of the claims that the results lack, with its selector in the style of a board."""
    return [f"not among these results: {name}, that is {text}" for name, text in judgement.absent_entries.items()]


def as_json(judgement: Judgement, of: Mapping[str, Any]) -> str:
    """JSON of all verdicts and contrasts; null where a number is undefined."""
    claims = judgement.claims
    document = {
        "claims": claims.name,
        "title": claims.title,
        "cite": claims.cite,
        "rules": claims.rules.model_dump(mode="json"),
        **{key: of[key] for key in ("protocol", "version", "digest")},
        "n_subjects": judgement.n_subjects,
        "n_claims_tested": judgement.family,
        "entries": [_name_record(name) for name in judgement.resolved_names],
        "absent_entries": dict(judgement.absent_entries),
        "verdicts": [_verdict_record(verdict) for verdict in judgement.verdicts],
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def format_n_subjects(estimate: ContrastEstimate) -> str:
    """``20``, or ``20 (5 seeds)``."""
    n_seeds = len(estimate.seed_effects)
    return f"{estimate.n} ({n_seeds} seeds)" if n_seeds > 1 else str(estimate.n)


def _summary_row(verdict: ClaimVerdict) -> list[str]:
    estimate, claim = verdict.key_estimate, verdict.claim
    notes = "; ".join(filter(None, (verdict.reason, verdict.scope)))
    outcome = f"**{verdict.outcome}**" + (f" ({notes})" if notes else "")
    if estimate is None:
        return [claim.id, claim.text, outcome, "", "", "", "", ""]
    numbers = [format_p(estimate.p), format_p(verdict.p_corrected), format_n_subjects(estimate)]
    return [claim.id, claim.text, outcome, estimate.effect_text, estimate.contrast.label, *numbers]


def _claim_section(verdict: ClaimVerdict) -> Iterable[str]:
    claim, evidence = verdict.claim, verdict.evidence
    yield f"## {claim.id}: {claim.text}"
    outcome = ", ".join(filter(None, (verdict.outcome, verdict.scope, verdict.reason)))
    yield f"{claim.source + ': ' if claim.source else ''}{outcome}."
    if evidence.estimates:
        yield tabulate(
            [_contrast_cells(estimate) for estimate in evidence.estimates],
            ["contrast", "claimed", "effect", "p", "Wilcoxon's p", "n", "SD over seeds", "role"],
            "github",
            disable_numparse=True,
        )
    if evidence.missing:
        yield "\n".join(f"- {m.label}: needs {', '.join(m.entries) or m.needs}" for m in evidence.missing)


def _contrast_cells(estimate: ContrastEstimate) -> list[str]:
    part = estimate.contrast.part
    neutral = "1" if MEASURES[part.measure].ratio else "0"
    claimed = f"{'above' if part.claimed == 'higher' else 'below'} {neutral}"
    spread = _spread(estimate)
    return [
        estimate.contrast.label, claimed, estimate.effect_text, format_p(estimate.p), format_p(estimate.p_wilcoxon),
        format_n_subjects(estimate), "" if spread is None else f"{spread:.3g}", part.role,
    ]  # fmt: skip


def _spread(estimate: ContrastEstimate) -> float | None:
    """Standard deviation of the effect over seeds (n - 1)."""
    effects = list(estimate.seed_effects.values())
    if len(effects) < 2:
        return None
    mean = sum(effects) / len(effects)
    return math.sqrt(sum((effect - mean) ** 2 for effect in effects) / (len(effects) - 1))


def _verdict_record(verdict: ClaimVerdict) -> dict[str, Any]:
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
        "speaks": verdict.key_estimate.contrast.label if verdict.key_estimate else None,
        "contrasts": [_contrast_record(estimate) for estimate in evidence.estimates],
        "missing": [{"contrast": m.label, "entries": list(m.entries), "needs": m.needs} for m in evidence.missing],
    }


def _name_record(name: ResolvedName) -> dict[str, Any]:
    return {
        "name": name.name,
        "entry": name.entry,
        "params": dict(name.params),
        "learnt": name.learnt,
        "seeds": list(name.seeds),
    }


def _contrast_record(estimate: ContrastEstimate) -> dict[str, Any]:
    contrast, part = estimate.contrast, estimate.contrast.part
    return {
        "contrast": contrast.label,
        "role": part.role,
        "measure": part.measure,
        "unit": MEASURES[part.measure].unit or "ratio",
        "entry": contrast.entry,
        "against": contrast.rival,
        "conditions": [condition.id for condition in contrast.conditions],
        "claimed": part.claimed,
        "as_claimed": estimate.as_claimed,
        "effect": _round(estimate.effect),
        "low": _round(estimate.low),
        "high": _round(estimate.high),
        "p": _round(estimate.p),
        "p_wilcoxon": _round(estimate.p_wilcoxon),
        "n_subjects": estimate.n,
        "n_subjects_dropped": estimate.n_dropped,
        "n_failed_windows": estimate.n_failed,
        "n_seeds_trained": estimate.n_trained,
        "effect_by_seed": {str(seed): _round(effect) for seed, effect in estimate.seed_effects.items()},
        "low_over_seeds": _round(estimate.low_over_seeds),
        "high_over_seeds": _round(estimate.high_over_seeds),
    }


def _round(value: float | None) -> float | None:
    """Number to six significant digits, since further ones depend on the platform; None for NaN."""
    return None if value is None or math.isnan(value) else float(f"{value:.6g}")
