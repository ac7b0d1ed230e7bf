"""Whether an entry gets worse from each bitrate to the next lower, by codec, and how much a halving costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rppgbench.evaluation.cells import FLOOR_BPM, Cells, Row, as_ratio, log_errors
from rppgbench.evaluation.intervals import Estimate, mean_estimate, subject_weights
from rppgbench.evaluation.significance import holm

if TYPE_CHECKING:
    import pandas as pd

    from rppgbench.contracts import FloatArray

Measured = Literal["error", "snr"]
FEWEST_SUBJECTS, FEWEST_CONDITIONS = 2, 3  # below, Page's test is not defined
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class BitrateSeries:
    """Conditions of one codec from the least compressed down; the reference, whose rate is None, leads."""

    name: str
    codec: str
    conditions: tuple[str, ...]
    rates_kbps: tuple[float | None, ...]


@dataclass(frozen=True)
class PageTest:
    """``p`` is one-sided: of ranks that rise along the columns as clearly. ``n_tied`` rows hold equal values."""

    statistic: float
    p: float
    n_tied: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How an entry fares down a ladder.

    ``measure`` is "error" (subjects' mean absolute errors, expected to rise) or "snr" (in dB, expected to fall), over
    the windows that have a number under every condition. ``page`` tests that order on ``n`` subjects; ``n_dropped``
    have no such window. ``p_holm`` is corrected for all trends of the measure. ``per_halving`` is what a halving of the
    bitrate does: the factor on errors, each plus 0.5 bpm, or the change in dB; a least-squares slope within subjects
    over the rungs that have a rate, averaged over subjects.
    """

    entry: str
    ladder: BitrateSeries
    measure: Measured
    n: int
    n_dropped: int
    page: PageTest
    p_holm: float = float("nan")
    per_halving: Estimate


def bitrate_series(conditions: Iterable[Mapping[str, Any]]) -> list[BitrateSeries]:
    """Of a protocol's resolved conditions (``id``, ``use``, ``reference``, ``params``), those that sweep a bitrate.

    A codec that is swept over other params too has a ladder for each of their values. What has no ``bitrate_kbps``
    (a quantiser, say) has no place on any.
    """
    reference: list[tuple[float | None, str]] = []
    found: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for condition in conditions:
        others = dict(condition.get("params") or {})
        rate_kbps = others.pop("bitrate_kbps", None)
        if condition.get("reference"):
            reference = [(None, condition["id"])]
        elif rate_kbps is not None:
            key = condition["use"], json.dumps(others, sort_keys=True)
            found.setdefault(key, []).append((float(rate_kbps), condition["id"]))
    several = {codec for codec, _ in found if sum(other == codec for other, _ in found) > 1}
    made = []
    for (codec, others_json), rungs in found.items():
        rates, ids = zip(*reference, *sorted(rungs, reverse=True), strict=True)
        made.append(BitrateSeries(f"{codec} {others_json}" if codec in several else codec, codec, ids, rates))
    return made


def trends(
    rows: Iterable[Row] | pd.DataFrame,
    conditions: Iterable[Mapping[str, Any]],
    *,
    entries: Sequence[str] | None = None,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
    floor_bpm: float = FLOOR_BPM,
) -> list[Trend]:
    """Trends of each entry down each ladder that it was tested on two rungs or more of; of errors, then of SNR.

    Args:
        rows: Result rows of one protocol. A failed window errs as the constant predictor would, and has no SNR.
        conditions: The protocol's, as in ``results.json``.
        entries: Those that are asked about; contestants, where none are named.
        draws: Bootstrap draws of subjects, the same as for a board's intervals.
        level: Coverage aimed at by the intervals.
        seed: Of the draws.
        floor_bpm: Added to mean absolute errors before logarithms are taken.

    Raises:
        IncomparableResults: rows of more than one protocol digest.
    """
    cells = Cells(rows)
    cells.refuse_several_digests()
    weights = subject_weights(len(cells.subjects), draws=draws, seed=seed)
    climbed = bitrate_series(conditions)
    found = []
    for measure in ("error", "snr"):
        of_measure = []
        for entry in cells.contestants if entries is None else entries:
            tested = set(cells.tested(entry))
            for ladder in climbed:
                rungs = [(c, rate) for c, rate in zip(ladder.conditions, ladder.rates_kbps, strict=True) if c in tested]
                if len(rungs) > 1:
                    ids, rates = zip(*rungs, strict=True)
                    trodden = replace(ladder, conditions=ids, rates_kbps=rates)
                    of_measure.append(_trend(cells, entry, trodden, measure, weights, level, floor_bpm))
        corrected = holm([one.page.p for one in of_measure])
        found += [replace(one, p_holm=p) for one, p in zip(of_measure, corrected, strict=True)]
    return found


def _trend(
    cells: Cells,
    entry: str,
    ladder: BitrateSeries,
    measure: Measured,
    weights: FloatArray,
    level: float,
    floor_bpm: float,
) -> Trend:
    of = cells.error_bpm if measure == "error" else cells.snr_db
    means = cells.subject_means(*(cells.values(entry, condition, of) for condition in ladder.conditions)).T
    known = ~np.isnan(means).any(axis=1)
    logs = log_errors(means, floor_bpm) if measure == "error" else means
    rated = np.array([rate is not None for rate in ladder.rates_kbps])
    x = halvings([rate for rate in ladder.rates_kbps if rate is not None])
    per_halving = replace(UNKNOWN, reason="fewer than two bitrates")
    if np.any(x):
        slopes = mean_estimate(logs[:, rated] @ x / (x @ x), weights, level=level)
        per_halving = as_ratio(slopes) if measure == "error" else slopes
    return Trend(
        entry=entry,
        ladder=ladder,
        measure=measure,
        n=int(known.sum()),
        n_dropped=int((~known).sum()),
        page=page_test(means[known] if measure == "error" else -means[known]),
        per_halving=per_halving,
    )


def page_test(values: FloatArray) -> PageTest:
    """Page's test for ordered alternatives (J. American Statistical Association 58:216, 1963), of ``(n, k)`` values.

    Exact or by the normal distribution as scipy chooses; where values of a row are equal they share their mean rank,
    and p is by the normal distribution with the variance of these ranks. NaN below two rows or three columns; 1 where
    all rows are constant.
    """
    from scipy.stats import norm, page_trend_test, rankdata

    n, k = values.shape
    if n < FEWEST_SUBJECTS or k < FEWEST_CONDITIONS:
        reason = f"{n} subjects" if n < FEWEST_SUBJECTS else f"{k} conditions"
        return PageTest(float("nan"), float("nan"), reason=f"{reason}: too few for Page's test")
    ranks = np.asarray(rankdata(values, axis=1))
    order = np.arange(1, k + 1)
    statistic = float((ranks @ order).sum())
    n_tied = sum(len(set(row)) < k for row in ranks.tolist())
    if not n_tied:
        return PageTest(statistic, float(page_trend_test(ranks, ranked=True).pvalue))
    # Within a row all orders of its ranks are as likely: each column's has their variance, and any two are correlated.
    variance = float(ranks.var(axis=1, ddof=1).sum() * ((order - order.mean()) ** 2).sum())
    expected = n * k * (k + 1) ** 2 / 4
    return PageTest(statistic, float(norm.sf((statistic - expected) / np.sqrt(variance))) if variance else 1.0, n_tied)


def halvings(rates_kbps: Sequence[float]) -> FloatArray:
    """How many halvings each rate is below their geometric mean."""
    x = -np.log2(np.asarray(rates_kbps, dtype=np.float64))
    return np.asarray(x - x.mean()) if len(x) else x
