"""Sentences on the evaluated subjects, windows and labels, and on the limits of results."""

from __future__ import annotations

from collections.abc import Iterator

from rppgbench.claims.judge import SEEDS_FOR_TRAINING
from rppgbench.report.section import Section, format_estimate
from rppgbench.results.board import Board
from rppgbench.results.board_notes import notes
from rppgbench.text import join_some, pluralise

# The table in docs/statistics.md.
_COVERAGE = (
    "By simulation of errors with heavy tails, the interval of a mean absolute error that aims at 95 % holds the truth "
    "in 89 % of cases with 10 subjects and 92 % with 100, that of an RMSE in 65 to 80 % (docs/statistics.md)."
)


def evaluated_data(board: Board) -> Section:
    """Section with the notes of the board."""
    sentences = [note.removeprefix("! ") for note in notes(board)]
    return Section("What was tested", sentences, list(_summary(board)))


def _summary(board: Board) -> Iterator[str]:
    rows = board.results.rows
    subjects = {row["subject"] for row in rows}
    windows = {(row["recording"], row["window"]) for row in rows}
    scored = sum(row["status"] == "scored" for row in rows)
    yield (
        f"{pluralise(len(subjects), 'subject')}, {pluralise(len(windows), 'window')}, "
        f"{pluralise(len(board.results.conditions), 'condition')}, "
        f"{pluralise(len(board.results.entries), 'entry', 'entries')}; {scored} of {len(rows)} scores are there."
    )
    if board.floor is not None:
        yield (
            f"Label floor {format_estimate(board.floor.mae)} bpm: two estimators of heart rate disagree by as much "
            "on the contact sensor itself, and both are right. A smaller error may be the estimators'; a smaller "
            "difference between entries may be real, and says nothing about the error against the heart."
        )


def limits(board: Board) -> Section:
    """Section on videos, entries and subjects that the results do not cover."""
    return Section("What these results cannot tell", [*_videos(board), *_entries(board), *_subjects(board)])


def _videos(board: Board) -> Iterator[str]:
    rows = board.results.rows
    datasets = sorted({row["dataset"] for row in rows})
    yield (
        f"One dataset, {join_some(datasets)}: nothing is said of other cameras, light, skin or movement than its own."
        if len(datasets) == 1
        else f"{len(datasets)} datasets, pooled: {join_some(datasets)}."
    )
    sources = {row["recording"]: row.get("source") for row in rows}
    rendered = sum(source == "rendered" for source in sources.values())
    if rendered:
        yield (
            f"{rendered} of {pluralise(len(sources), 'recording')} are rendered: numbers show that the machinery finds "
            "what was put in, and how codecs treat it; they are no evidence about people."
        )
    lossy = sum(source == "lossy" for source in sources.values())
    if lossy:
        yield (
            f"{lossy} of {pluralise(len(sources), 'recording')} were compressed when they were recorded: the reference "
            "is no original, and what its first compression took is in every number."
        )
    if not any(not c["reference"] for c in board.results.about["resolved"]["conditions"]):
        yield "Nothing was compressed here: these results say nothing of codecs or bitrates."


def _entries(board: Board) -> Iterator[str]:
    rows = [row for row in board.results.rows if not row["control"]]
    learnt = {row["entry"] for row in rows if row["methods_learn_from"] or row["enhancers_learn_from"]}
    if not learnt:
        yield "No learned method or enhancer is among the entries: nothing is said of networks."
    elif not any(row["methods_learn_from"] for row in rows):
        yield "No learned method is among the entries, enhancers alone."
    training = board.results.about["resolved"].get("training") or {}
    if learnt and not (training.get("methods_learn_on") or training.get("enhancers_learn_on")):
        yield "What was learnt was learnt from other subjects of the same dataset: its worth on another is open."
    if not any(row["enhancer"] for row in rows):
        yield "No enhancer is among the entries: whether one helps is open."
    seeds = {entry: {row["seed"] for row in rows if row["entry"] == entry} for entry in sorted(learnt)}
    few = {entry: len(own) for entry, own in seeds.items() if len(own) < SEEDS_FOR_TRAINING}
    if few:
        lowest, highest = min(few.values()), max(few.values())
        n = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
        luck = "no interval and no p" if highest == 1 else "no p, and no interval but one over training runs,"
        yield (
            f"{pluralise(len(few), 'learned entry', 'learned entries')} {'was' if len(few) == 1 else 'were'} "
            f"trained from {n} seed{'' if n == '1' else 's'}, fewer than {SEEDS_FOR_TRAINING}: what is said is about "
            "these networks, not about training such networks again. The luck of a training run is common to all "
            f"subjects, so {luck} here holds it."
        )


def _subjects(board: Board) -> Iterator[str]:
    n = len({row["subject"] for row in board.results.rows})
    level = board.results.evaluation["interval"]["level"]
    if n < 2:
        yield "One subject: there is no interval and no test, and no number here is about anybody else."
        return
    yield (f"Intervals aim at {level:.0%}. {_COVERAGE} There are {n} subjects here: few seldom show the rare bad one.")
    n_windows = len({(row["recording"], row["window"]) for row in board.results.rows})
    if n_windows > n:
        yield (
            f"What is counted are the {n} subjects and not their {n_windows} windows, which tell more of the same "
            "subjects and nothing of others."
        )
