"""Tables 2 and 3 of Yu et al., ICCV 2019, on results: what each entry's errors are under one condition.

What the paper published stands below its entries, marked, where it is of the same dataset.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rppgbench.evaluation.entry_summary import EntrySummary, summarise
from rppgbench.evaluation.label_floor import FLOOR_ENTRY, floor_rows
from rppgbench.evaluation.metrics import METRICS
from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.figures.paired_draws import columns
from rppgbench.report.reported import TABLE_2_METRICS, TABLE_3_METRICS, Reported, reported_for
from rppgbench.report.table import Table
from rppgbench.results.board import Board
from rppgbench.results.results import Row
from rppgbench.text import DASH, format_number

HRV_COLUMNS = ("lf_nu_pred", "lf_nu_true")

Summaries = Mapping[tuple[str, str], EntrySummary]
# Windows with variability on both sides, by condition and entry.
Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Shape:
    """Which of the paper's tables; ``published`` where the paper's own rows are of the same windows."""

    name: str
    title: str
    metrics: Sequence[str]
    digits: int
    hrv: bool
    published: bool = True


TABLE_2 = Shape("table2_variability", "Heart rate and its variability", TABLE_2_METRICS, 3, True)
TABLE_3 = Shape("table3_heart_rate", "Heart rate", TABLE_3_METRICS, 2, False)


def paper_tables(board: Board) -> list[Table]:
    """Both tables under the reference, with every condition among their data; Table 2 also of the joined windows."""
    condition = next(iter([*reference_of(board), *board.results.conditions]))
    rows = board.results.rows
    tables = [_table(board, shape, condition, board.standings, rows) for shape in (TABLE_2, TABLE_3)]
    by_length: dict[float, list[Row]] = {}
    for row in board.results.joined:
        by_length.setdefault(round(row["end_s"] - row["start_s"], 3), []).append(row)
    for length_s, joined in sorted(by_length.items()):
        interval = board.results.evaluation["interval"]
        found = summarise(joined, draws=interval["bootstrap"], level=interval["level"], seed=interval["seed"])
        standings = {(standing.condition, standing.entry): standing for standing in found}
        title = f"{TABLE_2.title}, windows of {length_s:g} s"
        shape = replace(TABLE_2, name=f"{TABLE_2.name}_{length_s:g}s", title=title, published=False)
        tables.append(_table(board, shape, condition, standings, joined))
    return tables


def further_tables(board: Board, condition: str) -> list[Table]:
    """Both tables under one more condition."""
    further = (replace(shape, name=f"{shape.name}_{condition}") for shape in (TABLE_2, TABLE_3))
    return [_table(board, shape, condition, board.standings, board.results.rows, alone=True) for shape in further]


def _table(
    board: Board, shape: Shape, condition: str, standings: Summaries, rows: Sequence[Row], *, alone: bool = False
) -> Table:
    counts = _with_variability(rows) if shape.hrv else {}
    # What was published is of videos as recorded: it stands beside nothing else.
    as_published = shape.published and not alone and condition in reference_of(board)
    reported = reported_for(board.results.about, shape.metrics) if as_published else None
    cells, reasons = [], dict[str, list[str]]()
    for entry in board.entries:
        standing = standings.get((condition, entry))
        if standing is None:
            continue
        cells.append(_cells(board, shape, standing, counts))
        for metric in shape.metrics:
            estimate = standing.metrics[metric]
            if math.isnan(estimate.value):
                reasons.setdefault(estimate.reason, []).append(f"{entry} ({METRICS[metric].label})")
    floor = _floor(board, rows)
    cells += _floor_cells(shape, floor)
    cells += _reported_cells(shape, reported)
    notes = [_explained(shape, alone), *_floor_told(floor), *_undefined(reasons), *_published(reported)]
    headers = ["entry", "windows", *(["HRV"] if shape.hrv else []), *(METRICS[m].label for m in shape.metrics)]
    conditions = [condition] if alone else board.results.conditions
    records = [*_records(board, conditions, shape, standings, counts), *_floor_records(shape, floor)]
    records += _reported_records(shape, reported)
    return Table(shape.name, f"{shape.title}, {condition}", headers, cells, records, notes)


def _with_variability(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        known = row["status"] == "scored" and all(row[name] is not None for name in HRV_COLUMNS)
        counts[row["condition"], row["entry"]] = counts.get((row["condition"], row["entry"]), 0) + known
    return counts


def _cells(board: Board, shape: Shape, standing: EntrySummary, counts: Counts) -> list[str]:
    name = f"{standing.entry} (control)" if standing.entry in board.results.controls else standing.entry
    scored = f"{standing.n_scored}/{standing.n_windows}"
    hrv = [f"{counts[standing.condition, standing.entry]}/{standing.n_scored}"] if shape.hrv else []
    return [name, scored, *hrv, *(format_number(standing.metrics[m].value, shape.digits) for m in shape.metrics)]


def _explained(shape: Shape, alone: bool) -> str:
    told = "windows: scored of expected."
    if shape.hrv:
        told += " HRV: of those, windows with enough beats for LF on both sides; RF, LF, HF and LF/HF are over such."
        told += " HF repeats LF: the two shares add up to 1."
    others = "" if alone else ", and every other condition,"
    return f"{told} SD is of the error. Intervals{others} stand in {shape.name}.csv."


def _undefined(reasons: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Why cells are dashes: a reason, and whose."""
    for reason, cells in reasons.items():
        shown = ", ".join(cells[:6]) + (f" and {len(cells) - 6} more" if len(cells) > 6 else "")
        yield f"{DASH}: {reason}: {shown}."


def _floor(board: Board, rows: Sequence[Row]) -> EntrySummary | None:
    """How the contact sensor's two estimates of its own rate stand to each other; None where one is not known."""
    interval = board.results.evaluation["interval"]
    found = summarise(
        [] if board.results.compatible else floor_rows(rows),
        draws=interval["bootstrap"],
        level=interval["level"],
        seed=interval["seed"],
    )
    return found[0] if found else None


def _floor_cells(shape: Shape, floor: EntrySummary | None) -> Iterator[list[str]]:
    if floor is not None:
        values = (format_number(floor.metrics[metric].value, shape.digits) for metric in shape.metrics)
        yield [f"*{FLOOR_ENTRY}*", f"{floor.n_scored}/{floor.n_windows}", *([DASH] if shape.hrv else []), *values]


def _floor_told(floor: EntrySummary | None) -> Iterator[str]:
    if floor is not None:
        yield (
            f"{FLOOR_ENTRY}: the contact sensor's beats against its own spectrum, both right. Differences between "
            "entries that are smaller than its MAE are unresolvable: they may be real between these entries, and say "
            "nothing about the error against the heart."
        )


def _published(reported: Reported | None) -> Iterator[str]:
    if reported:
        note = f" {reported.note}" if reported.note else ""
        yield (
            f"reported: as published in {reported.table} of {reported.cite}, on the same dataset, by other code, folds "
            f"and videos; not run here and not to be ranked with what was. {DASH}: not reported.{note}"
        )


def _reported_cells(shape: Shape, reported: Reported | None) -> Iterator[list[str]]:
    for name, values in reported.rows.items() if reported else ():
        yield [
            f"*{name}* (reported)",
            DASH,
            *([DASH] if shape.hrv else []),
            *(format_number(v, shape.digits) for v in values),
        ]


def _records(
    board: Board, conditions: Sequence[str], shape: Shape, standings: Summaries, counts: Counts
) -> Iterator[dict[str, Any]]:
    for condition in conditions:
        for entry in board.entries:
            standing = standings.get((condition, entry))
            if standing is None:
                continue
            record: dict[str, Any] = {
                "source": "run",
                "condition": condition,
                "entry": entry,
                "control": "yes" if entry in board.results.controls else "no",
                "n_subjects": standing.n_subjects,
                "n_windows": standing.n_windows,
                "n_scored": standing.n_scored,
            }
            if shape.hrv:
                record["n_hrv"] = counts[condition, entry]
            for metric in shape.metrics:
                record |= columns(metric, standing.metrics[metric])
            yield record


def _floor_records(shape: Shape, floor: EntrySummary | None) -> Iterator[dict[str, Any]]:
    if floor is not None:
        row: dict[str, Any] = {"source": FLOOR_ENTRY, "condition": "", "entry": FLOOR_ENTRY}
        for metric in shape.metrics:
            row |= columns(metric, floor.metrics[metric])
        yield row


def _reported_records(shape: Shape, reported: Reported | None) -> Iterator[dict[str, Any]]:
    for name, values in reported.rows.items() if reported else ():
        published = zip(shape.metrics, values, strict=True)
        yield {"source": f"reported, {reported.cite if reported else ''}", "condition": "", "entry": name} | {
            metric: math.nan if value is None else value for metric, value in published
        }
