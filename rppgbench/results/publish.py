"""A leaderboard's folder: ``board.md``, ``board.csv``, ``board.json``, the figure, and the results they come from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.metrics import METRICS
from rppgbench.results.board import Board, cell
from rppgbench.results.board_notes import notes
from rppgbench.results.results import RESULTS, Results, differences
from rppgbench.store.file_tree import replaced

Row = dict[str, Any]


def publish(board: Board, out: Path) -> Path:
    """The folder ``out/<protocol>/v<version>/`` with the board's files, written unless they are up to date.

    Results by a compatibility estimator go to ``as_<estimator>/`` below it.

    Raises:
        IncomparableResults: the folder holds a board of another question: the protocol changed and its version did not.
    """
    from rppgbench.results.board_figure import draw_error_by_bitrate

    results = board.results
    folder = out / str(results.about["protocol"]) / f"v{results.about['version']}"
    if results.compatible:
        folder /= f"as_{results.compatible}"
    _refuse_another_question(folder, results)
    rows = list(board_rows(board))
    files = {"board.md": markdown(board), "board.csv": _csv(rows), "board.json": _json(board, rows)}
    drawn = [folder / f"error_by_bitrate{ending}" for ending in (".png", ".svg")]
    if all(_holds(folder / name, text) for name, text in files.items()) and all(path.is_file() for path in drawn):
        return folder
    results.save(folder)
    for name, text in files.items():
        with replaced(folder / name) as path:
            path.write_text(text, encoding="utf-8", newline="")
    draw_error_by_bitrate(board, folder / "error_by_bitrate")
    return folder


def _refuse_another_question(folder: Path, results: Results) -> None:
    if not (folder / RESULTS).is_file():
        return
    lines = list(differences(Results.load_about(folder), results.about))
    if lines:
        raise IncomparableResults(
            f"{folder}: holds the board of another question; they differ in\n  " + "\n  ".join(lines),
            hint="raise the protocol's version, or choose another --out",
        )


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def board_rows(board: Board) -> Iterator[Row]:
    """One row a condition and entry, every metric with its interval.

    Where an entry was trained from several seeds there are columns for its SD over them, and for the interval over
    other subjects and other seeds at once.
    """
    for condition in board.results.conditions:
        achieved = board.bitrates.get(condition)
        for entry in board.entries:
            summary = board.summaries[condition, entry]
            row: Row = {
                "condition": condition,
                "entry": entry,
                "control": entry in board.results.controls,
                "target_kbps": achieved.target_bps / 1000 if achieved and achieved.target_bps else None,
                "achieved_kbps": round(achieved.median_bps / 1000, 2) if achieved else None,
                "psnr_y_db": round(achieved.psnr_y_db, 2) if achieved else None,
                "n_subjects": summary.n_subjects,
                "n_windows": summary.n_windows,
                "n_scored": summary.n_scored,
                "n_failed": summary.n_failed,
                "n_excluded": summary.n_excluded,
                "no_better_than_chance": board.no_better_than_chance(condition, entry),
                "unresolved_from_best": board.unresolved(condition, entry),
            }
            if board.several_seeds:
                row["n_seeds"] = summary.n_seeds
            for metric in board.metrics:
                estimate = summary.metrics[metric]
                row |= {
                    metric: _round(estimate.value),
                    f"{metric}_low": _round(estimate.low),
                    f"{metric}_high": _round(estimate.high),
                }
                if board.several_seeds:
                    over_seeds = summary.over_seeds.get(metric)
                    row |= {
                        f"{metric}_seed_sd": _round(summary.seed_sd.get(metric, math.nan)),
                        f"{metric}_low_over_seeds": _round(over_seeds.low if over_seeds else math.nan),
                        f"{metric}_high_over_seeds": _round(over_seeds.high if over_seeds else math.nan),
                    }
            yield row


def markdown(board: Board) -> str:
    """The board as Markdown: the primary metric at a glance, then every condition in full."""
    from rppgbench.results.board_figure import codecs_with_rates

    about = board.results.about
    parts = [
        f"# {board.results.title}",
        f"Protocol `{about['protocol']}` v{about['version']}, digest `{about['digest'][:12]}`.",
    ]
    parts += [f"## {METRICS[board.primary].label} at a glance", _glance(board)]
    if codecs_with_rates(board):
        parts += ["![error against bitrate](error_by_bitrate.png)"]
    meanings = [f"{METRICS[name].label}: {METRICS[name].meaning}." for name in board.metrics]
    parts += ["\n".join(f"- {note}" for note in [*notes(board), *meanings])]
    for condition in board.results.conditions:
        parts += [f"## {condition}{_rate(board, condition)}", _in_full(board, condition)]
    return "\n\n".join(parts) + "\n"


def _glance(board: Board) -> str:
    rows = []
    for condition in board.results.conditions:
        cells = []
        for entry in board.entries:
            text = cell(board.estimate(condition, entry, board.primary), board.primary) + board.marks(condition, entry)
            cells.append(f"{text} {board.coverage(condition, entry)}".rstrip())
        rows.append([condition, *cells])
    return tabulate(
        rows, ["condition", *(_name(board, entry) for entry in board.entries)], "github", disable_numparse=True
    )


def _in_full(board: Board, condition: str) -> str:
    rows = []
    for entry in board.entries:
        summary = board.summaries[condition, entry]
        cells = [cell(board.estimate(condition, entry, metric), metric) for metric in board.metrics]
        cells[0] += board.marks(condition, entry)
        rows.append([_name(board, entry), f"{summary.n_scored}/{summary.n_windows}", *cells])
    headers = ["entry", "windows", *(METRICS[metric].label for metric in board.metrics)]
    return tabulate(rows, headers, "github", disable_numparse=True)


def _name(board: Board, entry: str) -> str:
    return f"{entry} (control)" if entry in board.results.controls else entry


def _rate(board: Board, condition: str) -> str:
    achieved = board.bitrates.get(condition)
    if achieved is None:
        return ""
    text = (
        f": {achieved.median_bps / 1000:.0f} kb/s ({achieved.lowest_bps / 1000:.0f}-{achieved.highest_bps / 1000:.0f})"
    )
    text += f", PSNR {achieved.psnr_y_db:.1f} dB"
    return text + (f", {achieved.n_missed} of {achieved.n} more than 5 % off the target" if achieved.n_missed else "")


def _json(board: Board, rows: list[Row]) -> str:
    results = board.results
    about = {key: value for key, value in results.about.items() if key != "resolved"}
    digests = {"rows": _digest(results.rows), "encodings": _digest(results.encodings)}
    if results.joined:
        digests["joined"] = _digest(results.joined)
    return (
        json.dumps({**about, "sha256": digests, "label_floor": _floor(board), "board": rows}, indent=1, allow_nan=False)
        + "\n"
    )


def _floor(board: Board) -> dict[str, float | int | None] | None:
    floor = board.floor
    if floor is None:
        return None
    mae = {f"mae_{name}bpm": _round(value) for name, value in
           (("", floor.mae.value), ("low_", floor.mae.low), ("high_", floor.mae.high))}  # fmt: skip
    return {**mae, "share_apart": _round(floor.share_different), "n_subjects": floor.n_subjects}


def _digest(rows: Sequence[Row]) -> str:
    """SHA-256 of the rows as JSON, in any order."""
    lines = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
