"""Tables of results in the shape of a paper: metrics of each entry under one condition.

Published results of the same dataset stand below the entries, marked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rppgbench.evaluation.entry_summary import EntrySummary, summarise
from rppgbench.evaluation.label_floor import FLOOR_ENTRY, floor_rows
from rppgbench.evaluation.metrics import METRICS
from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.figures.paired_draws import columns
from rppgbench.report.paper import Paper, PaperTable, PublishedTable
from rppgbench.report.table import Table
from rppgbench.results.board import Board
from rppgbench.results.results import Row
from rppgbench.text import DASH, format_number

HRV_COLUMNS = ("lf_nu_pred", "lf_nu_true")

Summaries = Mapping[tuple[str, str], EntrySummary]
# Windows with variability on both sides, by condition and entry.
Counts = Mapping[tuple[str, str], int]


def paper_tables(board: Board, paper: Paper) -> list[Table]:
    """The paper's tables under the reference, their data under every condition; then those of joined windows."""
    condition = next(iter([*reference_of(board), *board.results.conditions]))
    rows = board.results.rows
    tables = [_table(board, paper, shape, condition, board.summaries, rows) for shape in paper.tables]
    by_length: dict[float, list[Row]] = {}
    for row in board.results.joined:
        by_length.setdefault(round(row["end_s"] - row["start_s"], 3), []).append(row)
    for length_s, joined in sorted(by_length.items()):
        interval = board.results.evaluation["interval"]
        found = summarise(joined, draws=interval["bootstrap"], level=interval["level"], seed=interval["seed"])
        summaries = {(summary.condition, summary.entry): summary for summary in found}
        for shape in (table for table in paper.tables if table.joined):
            title = f"{shape.title}, windows of {length_s:g} s"
            # Published numbers are of other windows.
            longer = {"name": f"{shape.name}_{length_s:g}s", "title": title, "published": ()}
            tables.append(_table(board, paper, shape.model_copy(update=longer), condition, summaries, joined))
    return tables


def further_tables(board: Board, paper: Paper, condition: str) -> list[Table]:
    """The paper's tables under one more condition."""
    further = (shape.model_copy(update={"name": f"{shape.name}_{condition}"}) for shape in paper.tables)
    return [
        _table(board, paper, shape, condition, board.summaries, board.results.rows, alone=True) for shape in further
    ]


def _table(
    board: Board,
    paper: Paper,
    shape: PaperTable,
    condition: str,
    summaries: Summaries,
    rows: Sequence[Row],
    *,
    alone: bool = False,
) -> Table:
    counts = _with_variability(rows) if shape.variability else {}
    # Published numbers are of videos as recorded, and stand beside no other condition.
    as_published = not alone and condition in reference_of(board)
    published = shape.published_for(_dataset(board)) if as_published else None
    cells, reasons = [], dict[str, list[str]]()
    for entry in board.entries:
        summary = summaries.get((condition, entry))
        if summary is None:
            continue
        cells.append(_cells(board, shape, summary, counts))
        for metric in shape.metrics:
            estimate = summary.metrics[metric]
            if math.isnan(estimate.value):
                reasons.setdefault(estimate.reason, []).append(f"{entry} ({METRICS[metric].label})")
    floor = _floor(board, rows)
    cells += _floor_cells(shape, floor)
    cells += _published_cells(shape, published)
    notes = [_columns_note(shape, alone), *_floor_note(floor), *_undefined(reasons), *_published_note(paper, published)]
    headers = ["entry", "windows", *(["HRV"] if shape.variability else []), *(METRICS[m].label for m in shape.metrics)]
    conditions = [condition] if alone else board.results.conditions
    records = [*_records(board, conditions, shape, summaries, counts), *_floor_records(shape, floor)]
    records += _published_records(paper, shape, published)
    return Table(shape.name, f"{shape.title}, {condition}", headers, cells, records, notes)


def _dataset(board: Board) -> str:
    return str((board.results.about["resolved"].get("dataset") or {}).get("use"))


def _with_variability(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        known = row["status"] == "scored" and all(row[name] is not None for name in HRV_COLUMNS)
        counts[row["condition"], row["entry"]] = counts.get((row["condition"], row["entry"]), 0) + known
    return counts


def _cells(board: Board, shape: PaperTable, summary: EntrySummary, counts: Counts) -> list[str]:
    name = f"{summary.entry} (control)" if summary.entry in board.results.controls else summary.entry
    scored = f"{summary.n_scored}/{summary.n_windows}"
    hrv = [f"{counts[summary.condition, summary.entry]}/{summary.n_scored}"] if shape.variability else []
    return [name, scored, *hrv, *(format_number(summary.metrics[m].value, shape.digits) for m in shape.metrics)]


def _columns_note(shape: PaperTable, alone: bool) -> str:
    text = "windows: scored of expected."
    if shape.variability:
        text += " HRV: of those, windows with enough beats for LF on both sides; RF, LF, HF and LF/HF are over such."
        text += " HF repeats LF: the two shares add up to 1."
    others = "" if alone else ", and every other condition,"
    return f"{text} SD is of the error. Intervals{others} stand in {shape.name}.csv."


def _undefined(reasons: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Notes on dashes: a reason, and the cells."""
    for reason, cells in reasons.items():
        shown = ", ".join(cells[:6]) + (f" and {len(cells) - 6} more" if len(cells) > 6 else "")
        yield f"{DASH}: {reason}: {shown}."


def _floor(board: Board, rows: Sequence[Row]) -> EntrySummary | None:
    """Metrics of the contact sensor's two rates against each other, None where one of them is unknown."""
    interval = board.results.evaluation["interval"]
    found = summarise(
        [] if board.results.compatible else floor_rows(rows),
        draws=interval["bootstrap"],
        level=interval["level"],
        seed=interval["seed"],
    )
    return found[0] if found else None


def _floor_cells(shape: PaperTable, floor: EntrySummary | None) -> Iterator[list[str]]:
    if floor is not None:
        values = (format_number(floor.metrics[metric].value, shape.digits) for metric in shape.metrics)
        blank = [DASH] if shape.variability else []
        yield [f"*{FLOOR_ENTRY}*", f"{floor.n_scored}/{floor.n_windows}", *blank, *values]


def _floor_note(floor: EntrySummary | None) -> Iterator[str]:
    if floor is not None:
        yield (
            f"{FLOOR_ENTRY}: the contact sensor's beats against its own spectrum, both right. Differences between "
            "entries that are smaller than its MAE are unresolvable: they may be real between these entries, and say "
            "nothing about the error against the heart."
        )


def _published_note(paper: Paper, published: PublishedTable | None) -> Iterator[str]:
    if published:
        note = f" {published.note}" if published.note else ""
        yield (
            f"reported: as published in {published.table} of {paper.cite}, on the same dataset, by other code, folds "
            f"and videos; not run here and not to be ranked with what was. {DASH}: not reported.{note}"
        )


def _published_cells(shape: PaperTable, published: PublishedTable | None) -> Iterator[list[str]]:
    for name, values in published.rows.items() if published else ():
        yield [
            f"*{name}* (reported)",
            DASH,
            *([DASH] if shape.variability else []),
            *(format_number(v, shape.digits) for v in values),
        ]


def _records(
    board: Board, conditions: Sequence[str], shape: PaperTable, summaries: Summaries, counts: Counts
) -> Iterator[dict[str, Any]]:
    for condition in conditions:
        for entry in board.entries:
            summary = summaries.get((condition, entry))
            if summary is None:
                continue
            record: dict[str, Any] = {
                "source": "run",
                "condition": condition,
                "entry": entry,
                "control": "yes" if entry in board.results.controls else "no",
                "n_subjects": summary.n_subjects,
                "n_windows": summary.n_windows,
                "n_scored": summary.n_scored,
            }
            if shape.variability:
                record["n_hrv"] = counts[condition, entry]
            for metric in shape.metrics:
                record |= columns(metric, summary.metrics[metric])
            yield record


def _floor_records(shape: PaperTable, floor: EntrySummary | None) -> Iterator[dict[str, Any]]:
    if floor is not None:
        row: dict[str, Any] = {"source": FLOOR_ENTRY, "condition": "", "entry": FLOOR_ENTRY}
        for metric in shape.metrics:
            row |= columns(metric, floor.metrics[metric])
        yield row


def _published_records(paper: Paper, shape: PaperTable, published: PublishedTable | None) -> Iterator[dict[str, Any]]:
    for name, values in published.rows.items() if published else ():
        by_metric = zip(shape.metrics, values, strict=True)
        yield {"source": f"reported, {paper.cite}", "condition": "", "entry": name} | {
            metric: math.nan if value is None else value for metric, value in by_metric
        }
