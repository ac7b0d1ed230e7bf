"""Sentences on slopes and biases of predicted rates, on waves, and on heart-rate variability."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rppgbench.evaluation.entry_summary import Estimate
from rppgbench.figures.bitrate_axis import reference_of
from rppgbench.report.section import Section, format_estimate
from rppgbench.results.board import Board, cell
from rppgbench.text import join_some, pluralise

# Task Force of ESC and NASPE, Circulation 93(5):1043, 1996: LF needs two minutes, and five are the standard.
STANDARD_S = 300.0

Cells = Mapping[tuple[str, str], Estimate]


def agreement_tables(board: Board) -> Section:
    """Section on slopes below 1 and biases off 0, intervals included, and on the likeness of waves."""
    return Section("Agreement with the contact sensor", [*_shrinkage(board), *_bias(board), *_macc(board)])


def _known(board: Board, metric: str) -> Cells:
    """Defined estimates of a metric by condition and entry, without controls."""
    rivals = [entry for entry in board.entries if entry not in board.results.controls]
    keys = [(condition, entry) for condition in board.results.conditions for entry in rivals]
    return {key: estimate for key in keys if (estimate := board.estimate(*key, metric))}


def _bounded(board: Board, metric: str) -> Cells:
    """Defined estimates with a finite interval."""
    known = _known(board, metric)
    return {key: e for key, e in known.items() if math.isfinite(e.low) and math.isfinite(e.high)}


def _shrinkage(board: Board) -> Iterator[str]:
    slopes = _bounded(board, "hr_slope")
    if not slopes:
        return
    below = {key: estimate for key, estimate in slopes.items() if estimate.high < 1}
    shown = join_some(_cell(key, "hr_slope", slopes[key]) for key in sorted(below, key=lambda key: slopes[key].value))
    yield (
        "Predicted rates follow true ones too weakly (slope on true rates below 1, interval included; 0 is a constant "
        f"prediction) in {len(below)} of {len(slopes)} cells of entry and condition"
        + (
            f": {shown}. Whether high rates are read too low, low ones too high, or both: see bland_altman."
            if below
            else "."
        )
    )


def _bias(board: Board) -> Iterator[str]:
    biases = _bounded(board, "hr_bias_bpm")
    off = {key: e for key, e in biases.items() if e.low > 0 or e.high < 0}
    floor_bpm = board.floor.mae.value if board.floor else 0.0
    large = [key for key, e in off.items() if abs(e.value) > floor_bpm]
    if not biases:
        return
    above = " and it is above the label floor" if floor_bpm else ""
    shown = join_some(_cell(k, "hr_bias_bpm", off[k]) for k in sorted(large, key=lambda k: -abs(off[k].value)))
    yield (
        f"The bias's interval leaves out 0{above} in {len(large)} of {len(biases)} cells"
        + (f": {shown}." if large else ".")
    )


def _macc(board: Board) -> Iterator[str]:
    """MACC is only informative beside its value by chance."""
    waves, chance = _bounded(board, "macc"), _bounded(board, "macc_null")
    both = [key for key in waves if key in chance]
    if both:
        clear = sum(waves[key].low > chance[key].high for key in both)
        highest = max(chance[key].value for key in both)
        yield (
            f"The predicted wave is more like the contact sensor's than another subject's is (MACC, interval above "
            f"chance's) in {clear} of {len(both)} cells; by chance it reaches {highest:.2f}."
        )


def variability_tables(board: Board) -> Section:
    """Section on heart-rate variability: coverage, correlation, and the limits that the windows' length sets."""
    length_s = float(board.results.about["resolved"]["clips"]["length_s"])
    joined_s = {round(row["end_s"] - row["start_s"], 3) for row in board.results.joined}
    longest_s = max([length_s, *joined_s])
    sentences = [*_coverage(board)]
    if longest_s < STANDARD_S:
        sentences.append(
            f"Windows last {longest_s:g} s; LF swings take up to {1 / 0.04:g} s, and {STANDARD_S:g} s are the "
            "standard of LF, HF and LF/HF (Task Force 1996). Numbers here say how faithfully intervals between beats "
            "are followed, not what anybody's autonomic nervous system does."
        )
    sentences.append(
        "Variability is compared where both sides have enough beats: the easier windows. R of few windows is chance's; "
        "see how many there are, and the intervals in the CSV."
    )
    return Section("Heart-rate variability", sentences)


def _coverage(board: Board) -> Iterator[str]:
    condition = next(iter([*reference_of(board), *board.results.conditions]))
    rest = [other for other in board.results.conditions if other != condition]
    undefined = []
    for entry in board.entries:
        covered, r = (board.estimate(condition, entry, metric) for metric in ("hrv_coverage", "lf_nu_r"))
        if entry in board.results.controls or covered is None:
            continue
        if r is None:
            undefined.append(f"{entry} ({covered.value:.0%} of windows with enough beats)")
            continue
        others = [e.value for c in rest if (e := board.estimate(c, entry, "hrv_coverage"))]
        under = f"; {_span(others)} under {pluralise(len(others), 'other condition')}" if others else ""
        known = f"variability known of {covered.value:.0%} of windows under {condition}{under}"
        yield f"{entry}: {known}; R of LF (n.u.) {format_estimate(r)}."
    if undefined:
        yield f"R of LF (n.u.) under {condition} is undefined of {join_some(undefined)}."


def _span(shares: Sequence[float]) -> str:
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return low if low == high else f"{low} to {high}"


def _cell(key: tuple[str, str], metric: str, estimate: Estimate) -> str:
    condition, entry = key
    return f"{entry} under {condition} ({cell(estimate, metric)})"
