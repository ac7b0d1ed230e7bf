"""The window shown in figures of one window, by name or by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rppgbench.errors import UnknownName, nearest
from rppgbench.figures.bitrate_axis import by_codec, learnt_first
from rppgbench.figures.enhancer_pairs import entry_facts, split_names
from rppgbench.figures.style import NothingToDraw
from rppgbench.results.board import Board


@dataclass(frozen=True)
class Selection:
    """A cell of the results, and the rule that selected it, "" for one named in full."""

    entry: str
    condition: str
    recording: str
    why: str


def select_window(board: Board, *, entry: str | None, condition: str | None, recording: str | None) -> Selection:
    """Selection of the given names; the others follow from the results.

    The best entry with an enhancer by the primary metric, before a trained method if there is one, controls last; the
    lowest rate of the first codec that it learnt from; the recording of median error there, neither the best nor the
    worst.

    Raises:
        UnknownName: a name that the results do not have.
        NothingToDraw: no entry has an enhancer and none was named, or nothing is compressed.
    """
    results = board.results
    _check("entry", entry, results.entries)
    _check("condition", condition, results.conditions)
    _check("recording", recording, list(dict.fromkeys(row["recording"] for row in results.rows)))
    reasons = []
    if entry is None:
        entry, reason = _best_enhanced(board)
        reasons.append(reason)
    if condition is None:
        condition, codec = _lowest_rate(board, entry)
        reasons.append(f"the lowest rate of {codec}")
    if recording is None:
        recording = _median_recording(board, entry, condition)
        reasons.append("the recording of median error there")
    return Selection(entry, condition, recording, ", ".join(reasons))


def _check(what: str, name: str | None, known: Sequence[str]) -> None:
    if name is not None and name not in known:
        raise UnknownName(f"--{what} {name}: no such {what} in these results", hint=nearest(name, known))


def _best_enhanced(board: Board) -> tuple[str, str]:
    """Entry and reason: with a trained method if there is one, because of its maps; a control if there is no other."""
    facts = entry_facts(board.results)
    enhanced = [entry for entry in board.entries if facts[entry]["enhancer"] is not None]
    if not enhanced:
        raise NothingToDraw("no entry has an enhancer; --entry NAME shows one without")
    rivals = [entry for entry in enhanced if not facts[entry]["enhancer_control"] and not facts[entry]["control"]]
    if not rivals:
        return enhanced[0], "the best entry with an enhancer, all of them controls"
    trained = [entry for entry in rivals if facts[entry]["methods_learn_from"]]
    if trained:
        return trained[0], "the best entry with an enhancer and a trained method"
    return rivals[0], "the best entry with an enhancer"


def _lowest_rate(board: Board, entry: str) -> tuple[str, str]:
    learnt = split_names(entry_facts(board.results)[entry]["enhancers_learn_from"])
    codec, conditions = next(iter(learnt_first(by_codec(board), learnt).items()))
    return conditions[-1], codec


def _median_recording(board: Board, entry: str, condition: str) -> str:
    """Recording of the median of mean absolute errors; the lower of two middle ones."""
    errors: dict[str, list[float]] = {}
    rows = [row for row in board.results.rows if (row["entry"], row["condition"]) == (entry, condition)]
    for row in rows:
        if row["error_bpm"] is not None:
            errors.setdefault(row["recording"], []).append(abs(row["error_bpm"]))
    if not rows:
        raise NothingToDraw(f"{entry} has no window under {condition}")
    ordered = sorted(errors, key=lambda recording: (float(np.mean(errors[recording])), recording))
    return ordered[(len(ordered) - 1) // 2] if ordered else min(row["recording"] for row in rows)
