"""Notes below the tables of every form of a board: the data, the intervals, and doubts about either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rppgbench.datasets.completeness import spans
from rppgbench.evaluation.metrics import METRICS
from rppgbench.results.achieved_bitrates import TOLERANCE
from rppgbench.results.board import IMPUTED_METRIC, Board
from rppgbench.results.results import Row

STATUSES = ("scored", "failed", "excluded")
# Longer than a pulse takes: clocks may differ.
LONG_DELAY_S = 0.5


def notes(board: Board) -> list[str]:
    """Lines of text, the most important first; those with "!" are warnings."""
    results = board.results
    rows = results.rows
    subjects = len({row["subject"] for row in rows})
    scored, failed, excluded = (sum(row["status"] == status for row in rows) for status in STATUSES)
    interval = results.evaluation["interval"]
    return [
        *_compatible(results.compatible),
        f"n = {subjects} subjects in {_folds(results.about['resolved']['folds'], rows)}; {scored} windows scored, "
        f"{failed} failed, {excluded} excluded (no truth, or no video), {len(rows)} expected.",
        f"Intervals: {interval['level']:.0%}, from {interval['bootstrap']} bootstrap draws of subjects.",
        f"(control): sees no pulse and must be beaten. *: {_chance(board, failed)}. "
        "n/N: windows scored of those tried, where some failed; such entries stand below the others.",
        *_floor(board),
        *_seeds(board),
        *_untested(results.about.get("data")),
        *_labels(rows),
        *_source(rows, len(results.conditions)),
        *_unjoined(board),
        *_unscored(rows),
        *_rates(board),
    ]


def _chance(board: Board, n_failed: int) -> str:
    """Meaning of the mark of chance on this board."""
    correlated = ", or not above 0" if METRICS[board.primary].scale == "correlation" else ""
    imputed = (
        ", failed windows counted with the error of a constant" if n_failed and board.primary == IMPUTED_METRIC else ""
    )
    return f"no better than the best of the controls{correlated}{imputed}"


def _floor(board: Board) -> Iterator[str]:
    """Note on the label floor, below which differences are unresolved."""
    floor = board.floor
    if floor is None:
        return
    low, high = floor.mae.low, floor.mae.high
    interval = "" if low != low else f" [{low:.2f}, {high:.2f}]"
    yield (
        f"Label floor: beats and spectrum of the contact sensor itself differ by {floor.mae.value:.2f}{interval} bpm "
        f"(mean over {floor.n_subjects} subjects; by more than 5 bpm in {floor.share_different:.1%} of windows). "
        f"A smaller difference may be real, and says nothing of the error against the heart.{_unresolved(board)}"
    )


def _unresolved(board: Board) -> str:
    floor_bpm = board.floor_of(board.primary)
    if floor_bpm is None:
        return ""
    of = "" if board.primary == IMPUTED_METRIC else f" of {METRICS[board.primary].label}, {floor_bpm:.2f}"
    return f" ~: behind the best contestant without failures by less than the floor{of}."


def _seeds(board: Board) -> Iterator[str]:
    """Note on the primary metric's SD over training seeds, which the board's intervals leave out."""
    deviations = []
    for entry in board.entries:
        own = [s for s in board.summaries.values() if s.entry == entry and s.n_seeds > 1]
        known = [sd for summary in own if (sd := summary.seed_sd[board.primary]) == sd]
        if known:
            digits = METRICS[board.primary].digits
            low, high = (f"{extreme:.{digits}f}" for extreme in (min(known), max(known)))
            seeds = max(summary.n_seeds for summary in own)
            deviations.append(f"{entry} {low if low == high else f'{low} to {high}'} ({seeds} seeds)")
    if deviations:
        yield (
            f"SD over seeds of {METRICS[board.primary].label}, by condition: {', '.join(deviations)}. Intervals here "
            "are over other subjects, for these networks; board.csv has those over other training runs as well."
        )


def _compatible(estimator: str | None) -> Iterator[str]:
    if estimator is not None:
        yield (
            f"! as {estimator} derives heart rates and SNR, of predictions and of contact sensors: these numbers are "
            "for explaining older ones and are not ranked with the protocol's own."
        )


def _folds(folds: Mapping[str, Any], rows: Sequence[Row]) -> str:
    declared = folds.get("k") or len(folds.get("lists") or ())
    run = len({row["fold"] for row in rows})
    of = f" of {declared}" if declared and declared != run else ""
    return f"{run}{of} subject-independent folds"


def _untested(data: Mapping[str, Any] | None) -> Iterator[str]:
    """Notes on subjects and recordings that were not tested, by name."""
    if data is None:
        return
    if absent_subjects := data.get("subjects_not_here"):
        names = ", ".join(spans(absent_subjects))
        yield f"! {data['subjects'] - len(absent_subjects)} of {data['subjects']} subjects are here; not here: {names}."
    if absent := data.get("absent"):
        first = next(f"{name}: {why}" for name, why in absent.items())
        yield (
            f"! {len(absent)} of {data['recordings']} recordings are not here or of no use; the first, {first}. "
            "'rppgbench data check' names all."
        )
    if short := data.get("too_short_s"):
        names = ", ".join(f"{name} ({duration_s:.1f} s)" for name, duration_s in short.items())
        yield f"! shorter than a window, and so not tested: {names}."


def _labels(rows: Sequence[Row]) -> Iterator[str]:
    """Notes on doubtful labels, and on the delay of the face's pulse behind the sensor."""
    flags = {(row["recording"], row["window"]): row.get("label_flags") for row in rows}
    doubtful = [text for text in flags.values() if text]
    if doubtful:
        kinds = Counter(kind for text in doubtful for kind in text.split("; "))
        why = ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common(3))
        yield f"! labels: {len(doubtful)} of {len(flags)} windows are doubtful: {why}. They are scored all the same."
    delays_s = {row["recording"]: row.get("truth_delay_s") for row in rows}
    known = [delay_s for delay_s in delays_s.values() if delay_s is not None]
    if known:
        outside = sum(abs(delay_s) > LONG_DELAY_S for delay_s in known)
        far = f"; {outside} outside of +-{1000 * LONG_DELAY_S:.0f} ms" if outside else ""
        yield (
            f"Delay of the face's pulse behind the contact sensor: {1000 * min(known):.0f} to {1000 * max(known):.0f} "
            f"ms (known of {len(known)} of {len(delays_s)} recordings, modulo one beat{far})."
        )


def _source(rows: Sequence[Row], n_conditions: int) -> Iterator[str]:
    lossy = len({row["recording"] for row in rows if row.get("source") == "lossy"})
    if lossy:
        again = ", and every other condition compresses them once more" if n_conditions > 1 else ""
        yield f"! {lossy} recordings are lossy as they come: the reference is no original{again}."


def _unjoined(board: Board) -> Iterator[str]:
    """Note on lengths of joined windows that no recording reaches."""
    wanted = board.results.evaluation.get("joined_windows_s", ())
    found = {round(row["end_s"] - row["start_s"], 3) for row in board.results.joined}
    if missing := [f"{joined_s:g} s" for joined_s in wanted if round(joined_s, 3) not in found]:
        yield f"! no recording holds windows of {', '.join(missing)}: nothing is joined to that length."


def _unscored(rows: Sequence[Row]) -> Iterator[str]:
    """``failed: ENTRY 3 of 200: ...``, a line an entry with its commonest reason, and one for excluded windows."""
    for entry in dict.fromkeys(row["entry"] for row in rows if row["status"] == "failed"):
        own = [row for row in rows if row["entry"] == entry]
        reasons = [row["reason"] for row in own if row["status"] == "failed"]
        yield f"failed: {entry} {len(reasons)} of {len(own)} windows: {_commonest(reasons)}"
    windows = {(row["recording"], row["window"]): row["reason"] for row in rows if row["status"] == "excluded"}
    if windows:
        yield f"excluded: {len(windows)} windows: {_commonest(windows.values())}"


def _commonest(reasons: Iterable[str]) -> str:
    (reason, _), *others = Counter(reasons).most_common()
    return f"{reason} (and {len(others)} other reasons)" if others else reason


def _rates(board: Board) -> Iterator[str]:
    missed = [
        f"{a.condition} {a.median_bps / 1000:.0f} kb/s ({a.n_missed} of {a.n})"
        for a in board.bitrates.values()
        if a.n_missed
    ]
    if missed:
        yield f"! more than {TOLERANCE:.0%} off the target rate: {', '.join(missed)}."
