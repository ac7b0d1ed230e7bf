"""Verdicts as a table on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rppgbench.claims.claims_report import absent_entry_notes, format_n_subjects, general_notes
from rppgbench.claims.contrast_estimate import ContrastEstimate
from rppgbench.claims.judge import ClaimVerdict, Judgement
from rppgbench.text import format_p

WIDTH_IN_A_PIPE = 132
STYLES = {"supported": "green", "not supported": "red", "undecided": "yellow"}


def print_judgement(console: Console, judgement: Judgement, *, parts: bool = False) -> None:
    """Print one row for each claim and, with ``parts``, one for each of its contrasts."""
    if not console.is_terminal:
        console.width = WIDTH_IN_A_PIPE
    title = Text.assemble("\n", (judgement.claims.title, "bold"), f"  {judgement.claims.cite}\n")
    console.print(title, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("claim", no_wrap=True)
    table.add_column("", ratio=3)
    table.add_column("effect, interval", ratio=2)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("corr. p", justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("verdict", ratio=2)
    for number, verdict in enumerate(judgement.verdicts):
        if number:
            table.add_row()
        _add_claim(table, verdict)
        for estimate in verdict.evidence.estimates if parts else ():
            _add_contrast(table, estimate)
        for missing in verdict.evidence.missing if parts else ():
            needs = f"needs {', '.join(missing.entries) or missing.needs}"
            table.add_row("", Text(f"  {missing.label}", style="dim"), "", "", "", "", Text(needs, style="dim"))
    console.print(table)
    for note in [*general_notes(judgement), *_entries(judgement, parts), *_absent(judgement, parts)]:
        console.print(Text(note, style="dim"), soft_wrap=True)
    console.print()


def _entries(judgement: Judgement, parts: bool) -> list[str]:
    if not judgement.resolved_names:
        return []
    note = "Verdicts are about the entries of these results, networks of these sizes, and no others of the name"
    if not parts:
        return [f"{note}; --parts and claims_{judgement.claims.name}.md say which entry each name means."]
    lines = [f"{m.name} is {m.entry}" + (f" ({m.trained})" if m.trained else "") for m in judgement.resolved_names]
    return [f"{note}:", *lines]


def _absent(judgement: Judgement, parts: bool) -> list[str]:
    if not judgement.absent_entries or parts:
        return absent_entry_notes(judgement)
    return [f"{len(judgement.absent_entries)} entries are not among these results; --parts says what their names mean."]


def _add_claim(table: Table, verdict: ClaimVerdict) -> None:
    estimate, outcome = verdict.key_estimate, Text(verdict.outcome, style=STYLES[verdict.outcome])
    for note in filter(None, (verdict.scope, verdict.reason)):
        outcome.append(f"\n{note}", style="dim")
    if estimate is None:
        table.add_row(verdict.claim.id, Text(verdict.claim.text), "", "", "", "", outcome)
        return
    effect = Text.assemble(estimate.effect_text, (f"\n{estimate.contrast.label}", "dim"))
    corrected = format_p(verdict.p_corrected)
    table.add_row(
        verdict.claim.id,
        Text(verdict.claim.text),
        effect,
        format_p(estimate.p),
        corrected,
        format_n_subjects(estimate),
        outcome,
    )


def _add_contrast(table: Table, estimate: ContrastEstimate) -> None:
    part, n = estimate.contrast.part, format_n_subjects(estimate)
    mark = "" if estimate.as_claimed else "points the other way"
    note = ", ".join(filter(None, ("" if part.role == "decides" else part.role, mark)))
    cells = (f"  {estimate.contrast.label}", estimate.effect_text, format_p(estimate.p), "", n, note)
    table.add_row("", *(Text(cell, style="dim") for cell in cells))
