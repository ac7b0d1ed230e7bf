"""Verdicts on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rppgbench.claims.claims_report import about, definitions, format_n_subjects
from rppgbench.claims.contrast_estimate import ContrastEstimate
from rppgbench.claims.judge import ClaimVerdict, Judgement
from rppgbench.text import format_p

WIDTH_IN_A_PIPE = 132
STYLES = {"supported": "green", "not supported": "red", "undecided": "yellow"}


def print_judgement(console: Console, judgement: Judgement, *, parts: bool = False) -> None:
    """Print a row a claim; with ``parts``, one for each of its contrasts too."""
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
        _add(table, verdict)
        for finding in verdict.evidence.findings if parts else ():
            _add_part(table, finding)
        for missing in verdict.evidence.missing if parts else ():
            needs = f"needs {', '.join(missing.entries) or missing.needs}"
            table.add_row("", Text(f"  {missing.label}", style="dim"), "", "", "", "", Text(needs, style="dim"))
    console.print(table)
    for note in [*about(judgement), *_entries(judgement, parts), *_absent(judgement, parts)]:
        console.print(Text(note, style="dim"), soft_wrap=True)
    console.print()


def _entries(judgement: Judgement, parts: bool) -> list[str]:
    if not judgement.meanings:
        return []
    said = "Verdicts are about the entries of these results, networks of these sizes, and no others of the name"
    if not parts:
        return [f"{said}; --parts and claims_{judgement.claims.name}.md say which entry each name means."]
    lines = [f"{m.name} is {m.entry}" + (f" ({m.trained})" if m.trained else "") for m in judgement.meanings]
    return [f"{said}:", *lines]


def _absent(judgement: Judgement, parts: bool) -> list[str]:
    if not judgement.absent or parts:
        return definitions(judgement)
    return [f"{len(judgement.absent)} entries are not among these results; --parts says what their names mean."]


def _add(table: Table, verdict: ClaimVerdict) -> None:
    speaks, outcome = verdict.speaks, Text(verdict.outcome, style=STYLES[verdict.outcome])
    for note in filter(None, (verdict.scope, verdict.reason)):
        outcome.append(f"\n{note}", style="dim")
    if speaks is None:
        table.add_row(verdict.claim.id, Text(verdict.claim.text), "", "", "", "", outcome)
        return
    effect = Text.assemble(speaks.words, (f"\n{speaks.contrast.label}", "dim"))
    corrected = format_p(verdict.p_corrected)
    table.add_row(
        verdict.claim.id,
        Text(verdict.claim.text),
        effect,
        format_p(speaks.p),
        corrected,
        format_n_subjects(speaks),
        outcome,
    )


def _add_part(table: Table, finding: ContrastEstimate) -> None:
    part = finding.contrast.part
    mark = "" if finding.as_claimed else "points the other way"
    note = ", ".join(filter(None, ("" if part.role == "decides" else part.role, mark)))
    cells = (f"  {finding.contrast.label}", finding.words, format_p(finding.p), "", format_n_subjects(finding), note)
    table.add_row("", *(Text(cell, style="dim") for cell in cells))
