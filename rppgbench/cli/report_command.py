"""``rppgbench report``."""

from __future__ import annotations

from pathlib import Path

import click

from rppgbench.cli.figure_options import open_figure_set, print_outcomes, results_options


@click.command(context_settings={"max_content_width": 110})
@results_options
def report(
    protocol: str, store_path: Path | None, data: tuple[str, ...], out: Path,
    recording: str | None, condition: str | None, entry: str | None,
) -> None:  # fmt: skip
    """Write all that a reviewer asks of a finished run of PROTOCOL: a protocol's file or name, or a folder of results.

    \b
    report.md   what can and what cannot be concluded, each claim with its number; tables and figures
    tables/     the tables of the protocol's paper, entry by entry, beside what the paper reported where it is of the
                same dataset
                comparisons: entry against entry, subject by subject, with corrected p and the smallest ratio that
                these subjects could have shown
                trends: whether the error grows as the bitrate falls
    figures/    all of 'rppgbench figures'

    Everything follows from the results alone; faces, waves and losses need the run's store too, and are skipped, with
    the reason, where it is not at hand. Tables are written as Markdown and, with intervals and every condition, as CSV.
    The label floor is how far two estimators of heart rate disagree on the contact sensor itself: differences below it
    are called unresolvable, however small their p.

    \b
    Examples:
      rppgbench report synthetic_learned
      rppgbench report leaderboards/synthetic_compressed/v2
      rppgbench report synthetic_learned --condition x264-60k
    """
    from rppgbench.report.report_writer import ReportWriter

    figure_set, folder, paper = open_figure_set(protocol, store_path, data, out, recording, condition, entry)
    whole = ReportWriter(figure_set, folder, paper, condition)
    n_files, n_skipped = print_outcomes(whole.write(), folder)
    click.echo(f"\n{n_files} files written, {n_skipped} parts skipped. In short:")
    for sentence in whole.summary:
        click.echo(f"- {sentence}")
