"""``rppgbench data check``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.data_folder import open_by_name, wide_console
from rppgbench.cli.data_stdout import chatter_to_stderr
from rppgbench.text import pluralise_are

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.contracts import Recording
    from rppgbench.datasets.audit import AuditReport
    from rppgbench.datasets.audit_finding import AuditFinding
    from rppgbench.datasets.open_dataset import OpenDataset

EXIT_FINDINGS = 3
_MOST_WORKERS = 8
_MOST_OF_A_KIND = 25


@click.command(context_settings={"max_content_width": 110})
@click.argument("name")
@click.option("--path", type=click.Path(path_type=Path), help="Where it lies, if not where 'data add' said.")
@click.option("--partial", is_flag=True, help="This copy is meant to lack recordings: that is no trouble.")
@click.option("--quick", is_flag=True, help="Look at headers alone: no video is decoded.")
@click.option("--recording", "only", multiple=True, metavar="ID", help="Only this one; may be given several times.")
@click.option(
    "--workers", type=click.IntRange(1), help="Processes that decode; as many as cores, 8 at most, if not said."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
def check(
    name: str, path: Path | None, partial: bool, quick: bool, only: tuple[str, ...], workers: int | None, as_json: bool
) -> None:
    """Look for what is wrong with dataset NAME.

    For what is missing, damaged, doubled or implausible. Held against what was published: missing recordings of
    subjects that are here, and files that belong to none. Of each recording: empty and unreadable files; every
    frame that counts is decoded and counted against the header; length and frame rate against what the dataset
    says; where it says how long the video is by the contact sensor's clock, whether the two agree (1 %), else a
    note says that it is unknown; the sensor's cover, gaps, stuck values, impossible heart rates, and whether two
    estimators and the leads of an ECG agree. Videos and labels of different recordings that are the same byte for
    byte are named.

    "trouble" makes data unusable or a score wrong; a "remark" is good to know. Subjects of whom nothing is here are a
    remark; with --partial so are recordings of which nothing is here. A recording with a file that is damaged, empty or
    renamed, or that lacks some of its files, is trouble all the same.

    \b
    Examples:
      rppgbench data check pure
      rppgbench data check ubfc_rppg --path /mnt/UBFC --quick
      rppgbench data check mahnob_hci --recording 10 --recording 34

    \b
    JSON: {"schema": 1, dataset, root, partial, quick, published {subjects, recordings} or null,
      here {subjects, recordings}, trouble, remarks (how many of each),
      findings [{severity "trouble" | "remark", check, recording, file, found, expected, remedy}],
      recordings [{recording, subject, n_frames, fps_hz, duration_s, codec,
                   truth {kind, start_s, end_s, video_s, hr_bpm, n_windows, n_excluded, n_flagged} or null}],
      notes [...]}

    \b
    Exit codes: 0 no trouble; 2 there is no such dataset in the folder, or a mistake in what was asked;
    3 there is trouble.
    """
    with chatter_to_stderr():
        dataset, known_partial = open_by_name(name, path)
        report = _audit(dataset, partial=partial or known_partial, quick=quick, only=only, workers=workers)
    if as_json:
        click.echo(json.dumps(report.record(), indent=1, allow_nan=False))
    else:
        _print_report(report, dataset)
    if report.n_trouble:
        sys.exit(EXIT_FINDINGS)


def _audit(
    dataset: OpenDataset, *, partial: bool, quick: bool, only: Sequence[str], workers: int | None
) -> AuditReport:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from rppgbench.datasets.audit import audit

    title = f"checking {dataset.spec.name}"
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def show_progress(done: Sequence[Recording], n_recordings: int, total_s: float) -> None:
            done_s = sum(recording.duration_s for recording in done)
            progress.update(
                task, completed=done_s, total=total_s, description=f"{title}: {len(done)} of {n_recordings} recordings"
            )

        return audit(
            dataset, partial=partial, quick=quick, only=only, workers=workers or _workers(quick), progress=show_progress
        )


def _workers(quick: bool) -> int:
    """One worker if ``quick``, since headers are read faster than processes start, else one per core up to 8."""
    return 1 if quick else min(os.cpu_count() or 1, _MOST_WORKERS)


def _print_report(report: AuditReport, dataset: OpenDataset) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = wide_console()
    if report.findings:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("", "recording", "check", "what was found"):
            table.add_column(heading, overflow="fold")
        for finding, cell in _cells(report.findings, dataset):
            style = "red" if finding.severity == "trouble" else "yellow"
            table.add_row(
                f"[{style}]{finding.severity}[/]", escape(finding.recording or "-"), finding.check, escape(cell)
            )
        console.print(table)
        console.print()
    for note in report.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True, style="dim")
    console.print(_summary(report), markup=False, soft_wrap=True, style="red" if report.n_trouble else "green")


def _cells(findings: Sequence[AuditFinding], dataset: OpenDataset) -> list[tuple[AuditFinding, str]]:
    """Findings with their text, troubles first; at most 25 of one check and severity."""
    shown: dict[tuple[str, str], int] = {}
    cells = []
    for finding in sorted(findings, key=lambda one: one.severity != "trouble"):
        kind = (finding.severity, finding.check)
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] <= _MOST_OF_A_KIND:
            where = "" if finding.path is None else f"{dataset.relative(finding.path)}: "
            expected = f"\n  expected {finding.expected}" if finding.expected else ""
            remedy = f"\n  -> {finding.remedy}" if finding.remedy else ""
            cells.append((finding, f"{where}{finding.found}{expected}{remedy}"))
    for (severity, check_), count in shown.items():
        if count > _MOST_OF_A_KIND:
            first = next(f for f in findings if (f.severity, f.check) == (severity, check_))
            cells.append((first, f"... and {count - _MOST_OF_A_KIND} more of this kind: see --json"))
    return cells


def _summary(report: AuditReport) -> str:
    from rppgbench.text import pluralise

    subjects = len({one.subject for one in report.examined})
    counts = f"{pluralise(len(report.examined), 'recording')} of {pluralise(subjects, 'subject')}"
    if report.inventory is not None:
        counts = (
            f"{len(report.examined)} of {report.inventory.n_recordings} published recordings, "
            f"{subjects} of {len(report.inventory.subjects)} subjects"
        )
    looked = "headers alone were looked at" if report.quick else "videos were decoded"
    trouble = pluralise(report.n_trouble, "trouble") if report.n_trouble else "no trouble"
    windows = sum(one.truth.n_windows for one in report.examined if one.truth is not None)
    flagged = sum(one.truth.n_flagged for one in report.examined if one.truth is not None)
    excluded = sum(one.truth.n_excluded for one in report.examined if one.truth is not None)
    remarks = pluralise(report.n_remarks, "remark")
    return (
        f"{report.dataset}: {counts}: {trouble}, {remarks}; {looked}; "
        f"of {pluralise(windows, 'window')} (30 s, or a shorter recording) {excluded} cannot be scored, "
        f"{pluralise_are(flagged)} flagged"
    )
