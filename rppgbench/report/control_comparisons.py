"""Comparison of entries with the controls, which see no pulse."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rppgbench.evaluation.entry_summary import Estimate
from rppgbench.evaluation.metrics import METRICS
from rppgbench.report.section import Section
from rppgbench.results.board import Board, as_loss, cell
from rppgbench.text import join_some, pluralise

TITLE = "Against the controls"


def against_controls(board: Board) -> Section:
    """Section with a sentence an entry: the conditions under which it beats the best control, and numbers of others."""
    controls = [entry for entry in board.entries if entry in board.results.controls]
    rivals = [entry for entry in board.entries if entry not in board.results.controls]
    if not controls:
        nothing = "No control was run: nothing here tells a small error from one that guessing would give."
        return Section(TITLE, [nothing], [nothing])
    label = METRICS[board.primary].label
    sentences = [
        f"The controls see no pulse: {join_some(controls)}. An entry that does not beat the best of them under a "
        f"condition, by {label}, has shown nothing there.",
        *(_of_entry(board, entry) for entry in rivals),
        *_skill(board, rivals),
    ]
    return Section(TITLE, sentences, list(_summary(board, rivals)))


def _of_entry(board: Board, entry: str) -> str:
    tried = [c for c in board.results.conditions if (c, entry) in board.summaries]
    lost = [c for c in tried if board.no_better_than_chance(c, entry)]
    n_beaten = len(tried) - len(lost)
    beaten = f"{entry}: better than the best control under {n_beaten} of {pluralise(len(tried), 'condition')}"
    if not lost:
        return f"{beaten}."
    return f"{beaten}; not under {join_some(_versus(board, condition, entry) for condition in lost)}."


def _versus(board: Board, condition: str, entry: str) -> str:
    """``x264-60k (20.1 against 15.2)``."""
    metric = METRICS[board.primary]
    found = [board.estimate(condition, control, board.primary) for control in board.results.controls]
    known = [estimate for estimate in found if estimate]
    best = min(known, key=lambda estimate: as_loss(metric, estimate.value), default=None)
    numbers = (cell(e, board.primary, interval=False) for e in (board.estimate(condition, entry, board.primary), best))
    return f"{condition} ({' against '.join(numbers)})"


def _skill(board: Board, rivals: list[str]) -> Iterator[str]:
    """Sentence on cells with an interval of the skill above 0."""
    sure, known = _skilled(board, rivals)
    if not known:
        return
    unsure = {key: estimate for key, estimate in known.items() if key not in sure}
    yield (
        f"Skill ({METRICS['skill'].meaning}): its interval is above 0 in {len(sure)} of {len(known)} cells of entry "
        "and condition." + (f" Not in: {join_some(_cell(*key, e) for key, e in unsure.items())}." if unsure else "")
    )


def _skilled(board: Board, rivals: list[str]) -> tuple[list[tuple[str, str]], dict[tuple[str, str], Estimate]]:
    """Cells with a skill's interval above 0, and the skill of all cells with an interval."""
    cells = [(c, e) for c in board.results.conditions for e in rivals]
    estimates = {key: estimate for key in cells if (estimate := board.estimate(*key, "skill"))}
    known = {key: e for key, e in estimates.items() if math.isfinite(e.low) and math.isfinite(e.high)}
    return [key for key, estimate in known.items() if estimate.low > 0], known


def _cell(condition: str, entry: str, estimate: Estimate) -> str:
    return f"{entry} under {condition} ({cell(estimate, 'skill')})"


def _summary(board: Board, rivals: list[str]) -> Iterator[str]:
    tried = [(c, e) for c in board.results.conditions for e in rivals if (c, e) in board.summaries]
    lost = [key for key in tried if board.no_better_than_chance(*key)]
    sure, known = _skilled(board, rivals)
    nowhere = _nowhere(board, rivals)
    yield (
        f"Entries have a better {METRICS[board.primary].label} than the best control in {len(tried) - len(lost)} of "
        f"{len(tried)} cells of entry and condition"
        + (f" (in none under {join_some(nowhere)})" if nowhere else "")
        + (f"; the interval of their skill over a constant is above 0 in {len(sure)} of {len(known)}" if known else "")
        + "."
    )
    best = [e for e in rivals if not math.isinf(_mean(board, e))]
    if best:
        n = len(board.results.conditions)
        yield (
            f"Best on average over {pluralise(n, 'condition')}: {best[0]}, {METRICS[board.primary].label} "
            f"{_mean(board, best[0]):.{METRICS[board.primary].digits}f}."
        )


def _nowhere(board: Board, rivals: list[str]) -> list[str]:
    return [c for c in board.results.conditions if rivals and all(board.no_better_than_chance(c, e) for e in rivals)]


def _mean(board: Board, entry: str) -> float:
    found = [board.estimate(condition, entry, board.primary) for condition in board.results.conditions]
    return sum(e.value if e else math.inf for e in found) / len(found)
