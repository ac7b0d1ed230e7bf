"""Trends of errors and pulse SNR as a codec's bitrate falls, subject by subject."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rppgbench.evaluation.trend import Trend, trends
from rppgbench.figures.paired_draws import columns
from rppgbench.report.section import Section, format_estimate
from rppgbench.report.table import Table
from rppgbench.results.board import Board
from rppgbench.text import DASH, format_p, join_some, pluralise

TITLE = "Along the bitrates"
ALPHA = 0.05
WORDS = {"error": "error", "snr": "pulse SNR"}
HEADERS = ("entry", "codec", "measure", "n", "p (Page)", "corrected p", "per halving of the rate", "")


@dataclass(frozen=True)
class Trends:
    """Trends of every entry along every codec with several rates; ``reason`` says why there are none."""

    found: Sequence[Trend]
    reason: str = ""

    @classmethod
    def of(cls, board: Board) -> Trends:
        interval = board.results.evaluation["interval"]
        found = trends(
            board.results.rows,
            board.results.about["resolved"]["conditions"],
            entries=[entry for entry in board.entries if entry not in board.results.controls],
            draws=interval["bootstrap"],
            level=interval["level"],
            seed=interval["seed"],
        )
        return cls(found, "" if found else "no codec with two rates and an entry that is no control")

    def tables(self) -> list[Table]:
        """One table, a row an entry, codec and measure; none without trends."""
        if not self.found:
            return []
        note = (
            "p: Page's test of subjects' errors that rise, or SNR that falls, with every step down, the reference "
            "first; one-sided. corrected: Holm's method over all trends of the measure. Per halving: factor on errors, "
            "each plus 0.5 bpm, or change in dB, over the rates alone."
        )
        title = "Trends along the bitrates"
        return [Table("trends", title, HEADERS, [_cells(t) for t in self.found], [_record(t) for t in self.found],
                      [note])]  # fmt: skip

    def section(self) -> Section:
        """Section by codec: entries with a tested trend, and entries without one."""
        if not self.found:
            return Section(TITLE, [f"No trend along bitrates was tested: {self.reason}."])
        return Section(TITLE, list(self._sentences()), list(self._summary()))

    def _sentences(self) -> Iterator[str]:
        for measure in WORDS:
            for codec in dict.fromkeys(trend.series.name for trend in self.found):
                own = [t for t in self.found if (t.measure, t.series.name) == (measure, codec)]
                if own and (sentence := _of_codec(codec, measure, own)):
                    yield sentence
        if any(trend.page.reason for trend in self.found):
            few = next(trend.page.reason for trend in self.found if trend.page.reason)
            yield f"Some trends were not tested: {few}."
        yield (
            "A trend that is there says that the order holds over subjects, not that every step costs something; one "
            "that was not shown may be there all the same."
        )

    def _summary(self) -> Iterator[str]:
        errors = [trend for trend in self.found if trend.measure == "error" and math.isfinite(trend.p_holm)]
        if errors:
            rising = sum(trend.p_holm <= ALPHA for trend in errors)
            yield (
                f"Error rises down the bitrates, the reference first, in {rising} of {pluralise(len(errors), 'trend')} "
                f"of an entry along a codec (Page's test, Holm-corrected p <= {ALPHA:g})."
            )


def _of_codec(codec: str, measure: str, own: Sequence[Trend]) -> str:
    """Sentence on tests, the effect of a halving and missing subjects; "" without any of them."""
    clauses = [*_order(measure, own), *_halving(measure, own), *_left_out(measure, own)]
    return f"{codec}: {'; '.join(clauses)}." if clauses else ""


def _order(measure: str, own: Sequence[Trend]) -> Iterator[str]:
    tested = [trend for trend in own if math.isfinite(trend.p_holm)]
    if not tested:
        return
    shown = [trend for trend in tested if trend.p_holm <= ALPHA]
    verb = "rises" if measure == "error" else "falls"
    yield (
        f"{WORDS[measure]} {verb} down the rates, the reference first, for {len(shown)} of "
        f"{pluralise(len(tested), 'entry', 'entries')} (Page's test, Holm-corrected p <= {ALPHA:g})"
    )
    missing = [f"{trend.entry} (p {format_p(trend.p_holm)})" for trend in tested if trend not in shown]
    if missing:
        yield f"not shown for {join_some(missing)}"


def _halving(measure: str, own: Sequence[Trend]) -> Iterator[str]:
    """Clauses on the largest and smallest effect of a halving; a cost where errors grow or SNR falls."""
    known = sorted((t for t in own if math.isfinite(t.per_halving.value)), key=_cost, reverse=True)
    if not known:
        return
    costs = [trend for trend in known if _cost(trend) > 0]
    if len(costs) == len(known):
        least = f", {known[-1].entry} least: {_per_halving(known[-1])}" if len(known) > 1 else ""
        yield f"a halving costs {known[0].entry} most: {_per_halving(known[0])}{least}"
        return
    if costs:
        yield f"a halving costs {costs[0].entry} most: {_per_halving(costs[0])}"
    what = "errors" if measure == "error" else "pulse SNR"
    others = (f"{_per_halving(trend)} ({trend.entry})" for trend in known if trend not in costs)
    yield f"a halving changes {what} by {join_some(others)}"


def _cost(trend: Trend) -> float:
    """Effect of a halving, rounded as shown; above 0 for a loss."""
    value = round(trend.per_halving.value, 2)
    return value - 1 if trend.measure == "error" else -value


def _left_out(measure: str, own: Sequence[Trend]) -> Iterator[str]:
    """Clause on entries without a number for some subjects, who may be the hard ones."""
    fewer = [f"{trend.entry} ({trend.n} of {trend.n + trend.n_dropped})" for trend in own if trend.n_dropped]
    if fewer:
        why = "have no SNR" if measure == "snr" else "have no error where there is one fold"
        yield (
            f"over fewer subjects than were tried, those with a window that has a number under every rate (failed ones "
            f"{why}): {join_some(fewer)}"
        )


def _per_halving(trend: Trend) -> str:
    if math.isnan(trend.per_halving.value):
        return DASH
    return (
        f"x {format_estimate(trend.per_halving)}"
        if trend.measure == "error"
        else f"{format_estimate(trend.per_halving)} dB"
    )


def _cells(trend: Trend) -> list[str]:
    return [
        trend.entry, trend.series.name, WORDS[trend.measure], str(trend.n), format_p(trend.page.p),
        format_p(trend.p_holm), _per_halving(trend), trend.page.reason,
    ]  # fmt: skip


def _record(trend: Trend) -> dict[str, Any]:
    return {
        "entry": trend.entry,
        "codec": trend.series.name,
        "measure": trend.measure,
        "conditions": ",".join(trend.series.conditions),
        "n_subjects": trend.n,
        "n_subjects_dropped": trend.n_dropped,
        "n_subjects_tied": trend.page.n_tied,
        "page_l": trend.page.statistic,
        "p_page": trend.page.p,
        "p_holm": trend.p_holm,
        **columns("per_halving", trend.per_halving),
        "reason": trend.page.reason,
    }
