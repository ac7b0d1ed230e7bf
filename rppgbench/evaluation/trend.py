"""Trends of an entry's error and SNR over the bitrate series of each codec."""

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
FEWEST_SUBJECTS, FEWEST_CONDITIONS = 2, 3  # Page's test is undefined below
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class BitrateSeries:
    """Conditions of one codec from the highest bitrate down, after the reference, whose rate is None."""

    name: str
    codec: str
    conditions: tuple[str, ...]
    rates_kbps: tuple[float | None, ...]


@dataclass(frozen=True)
class PageTest:
    """Page's test: ``p`` is one-sided, for values that rise along the columns; ``n_tied`` rows have equal values."""

    statistic: float
    p: float
    n_tied: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Trend of an entry along a bitrate series.

    ``measure`` is "error" (subjects' mean absolute errors, expected to rise) or "snr" (in dB, expected to fall), over
    the windows that have a number under every condition. ``page`` tests that order on ``n`` subjects; ``n_dropped``
    have no such window. ``p_holm`` is corrected for all trends of the measure. ``per_halving`` is the effect of halving
    the bitrate: the factor on errors, each plus 0.5 bpm, or the change in dB; a least-squares slope within subjects
    over the conditions that have a rate, averaged over subjects.
    """

    entry: str
    series: BitrateSeries
    measure: Measured
    n: int
    n_dropped: int
    page: PageTest
    p_holm: float = float("nan")
    per_halving: Estimate


def bitrate_series(conditions: Iterable[Mapping[str, Any]]) -> list[BitrateSeries]:
    """Bitrate series among a protocol's resolved conditions (``id``, ``use``, ``reference``, ``params``).

    A codec has one series for each combination of its other params. Conditions without ``bitrate_kbps`` (those of a
    quantiser, for example) are in none.
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
    for (codec, others_json), steps in found.items():
        rates, ids = zip(*reference, *sorted(steps, reverse=True), strict=True)
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
    """Trends, of errors and then of SNR, of each entry along each bitrate series with two or more conditions tested.

    Args:
        rows: Result rows of one protocol. Failed windows are imputed by the constant predictor, and have no SNR.
        conditions: Conditions of the protocol, as in ``results.json``.
        entries: Entry ids; by default all that are not controls.
        draws: Bootstrap draws of subjects, the same as for a board's intervals.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws.
        floor_bpm: Added to mean absolute errors before logarithms are taken.

    Raises:
        IncomparableResults: rows of more than one protocol digest.
    """
    cells = Cells(rows)
    cells.refuse_several_digests()
    weights = subject_weights(len(cells.subjects), draws=draws, seed=seed)
    all_series = bitrate_series(conditions)
    found = []
    for measure in ("error", "snr"):
        of_measure = []
        for entry in cells.non_controls if entries is None else entries:
            tested = set(cells.conditions_of(entry))
            for series in all_series:
                steps = [(c, rate) for c, rate in zip(series.conditions, series.rates_kbps, strict=True) if c in tested]
                if len(steps) > 1:
                    ids, rates = zip(*steps, strict=True)
                    tested_series = replace(series, conditions=ids, rates_kbps=rates)
                    of_measure.append(_trend(cells, entry, tested_series, measure, weights, level, floor_bpm))
        corrected = holm([one.page.p for one in of_measure])
        found += [replace(one, p_holm=p) for one, p in zip(of_measure, corrected, strict=True)]
    return found


def _trend(
    cells: Cells,
    entry: str,
    series: BitrateSeries,
    measure: Measured,
    weights: FloatArray,
    level: float,
    floor_bpm: float,
) -> Trend:
    of = cells.error_bpm if measure == "error" else cells.snr_db
    means = cells.subject_means(*(cells.values(entry, condition, of) for condition in series.conditions)).T
    known = ~np.isnan(means).any(axis=1)
    logs = log_errors(means, floor_bpm) if measure == "error" else means
    rated = np.array([rate is not None for rate in series.rates_kbps])
    x = halvings([rate for rate in series.rates_kbps if rate is not None])
    per_halving = replace(UNKNOWN, reason="fewer than two bitrates")
    if np.any(x):
        slopes = mean_estimate(logs[:, rated] @ x / (x @ x), weights, level=level)
        per_halving = as_ratio(slopes) if measure == "error" else slopes
    return Trend(
        entry=entry,
        series=series,
        measure=measure,
        n=int(known.sum()),
        n_dropped=int((~known).sum()),
        page=page_test(means[known] if measure == "error" else -means[known]),
        per_halving=per_halving,
    )


def page_test(values: FloatArray) -> PageTest:
    """Page's test for ordered alternatives (J. American Statistical Association 58:216, 1963), of ``(n, k)`` values.

    Exact or by the normal distribution as scipy chooses; equal values of a row share their mean rank, and p is then by
    the normal distribution with the variance of these ranks. NaN below two rows or three columns; 1 where all rows are
    constant.
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
    # Under the null all permutations of a row's ranks are equally likely, so that columns are correlated.
    variance = float(ranks.var(axis=1, ddof=1).sum() * ((order - order.mean()) ** 2).sum())
    expected = n * k * (k + 1) ** 2 / 4
    return PageTest(statistic, float(norm.sf((statistic - expected) / np.sqrt(variance))) if variance else 1.0, n_tied)


def halvings(rates_kbps: Sequence[float]) -> FloatArray:
    """Halvings from the geometric mean of the rates down to each of them."""
    x = -np.log2(np.asarray(rates_kbps, dtype=np.float64))
    return np.asarray(x - x.mean()) if len(x) else x
