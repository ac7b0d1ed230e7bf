"""Agreement of a prediction's beats with those of the contact sensor, and of their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

TOLERANCES_S = (0.05, 0.10, 0.15)
# The face's pulse is up to 0.5 s behind an ECG's R-peaks, and within 0.3 s of a finger's pulse.
LONGEST_DELAY_S = 0.5
# Each beat is compared with so many of the other's on either side: at 240 bpm two are within the longest delay.
NEIGHBOURS = 2
# Of matches at the three tolerances: among lags with fewer by no more than this, the least scatter decides.
NEAR_TIES, SPREAD_S = 3, 1e-4
# Of the three tolerances about a lag: the lower ones, then the upper ones.
_EDGES_S = np.concatenate([-np.array(TOLERANCES_S), TOLERANCES_S])[:, None]


@dataclass(frozen=True, kw_only=True)
class BeatAgreement:
    """Counts of beats of a prediction and of the contact sensor, and of matched pairs.

    ``n_matched`` has a count for each of TOLERANCES_S (50, 100 and 150 ms), so that precision is ``n_matched / n_pred``
    and recall ``n_matched / n_true``. ``delay_s`` is the lateness of the prediction's beats; of a regular rhythm it is
    known modulo one beat. ``ibi_mae_ms`` is the mean absolute error of the intervals of which both beats are matched
    within 150 ms, None without one.
    """

    n_pred: int
    n_true: int
    delay_s: float
    n_matched: tuple[int, int, int]
    ibi_mae_ms: float | None


def beat_agreement(
    pred_s: FloatArray, true_s: FloatArray, *, span_s: tuple[float, float] | None = None
) -> BeatAgreement:
    """Agreement of the beats of one window, ``(P,)`` and ``(N,)`` ascending times in seconds; only finite ones count.

    The median delay, within 0.5 s to either side, is taken off; then beats match that are each the other's nearest.
    docs/statistics.md ("Agreement of beats") has the rules and the agreement by chance. If a side has no beats, or no
    two beats are near each other, nothing matches, the delay is 0 and there is no interval.

    Args:
        pred_s: Beats of the prediction.
        true_s: Beats of the contact sensor, on the same clock.
        span_s: First and last moment of the window; from 150 ms before the first to 150 ms behind the last of all beats
            by default.
    """
    pred_s, true_s = _finite(pred_s), _finite(true_s)
    if not len(pred_s) or not len(true_s):
        return BeatAgreement(n_pred=len(pred_s), n_true=len(true_s), delay_s=0.0, n_matched=(0, 0, 0), ibi_mae_ms=None)
    delay_s = _delay_s(pred_s, true_s)
    first_s, last_s = _shared_span_s(pred_s, true_s, delay_s, span_s)
    shifted_s = pred_s - delay_s
    preds, trues = _pairs(shifted_s, true_s)
    distance_s = np.abs(shifted_s[preds] - true_s[trues])
    matched = distance_s <= TOLERANCES_S[-1] + 1e-9
    preds, trues, distance_s = preds[matched], trues[matched], distance_s[matched]
    inside_pred = (shifted_s >= first_s) & (shifted_s <= last_s)
    inside_true = (true_s >= first_s) & (true_s <= last_s)
    inside_pred[preds] = counted = inside_true[trues]
    distance_s = distance_s[counted]
    return BeatAgreement(
        n_pred=int(np.count_nonzero(inside_pred)),
        n_true=int(np.count_nonzero(inside_true)),
        delay_s=delay_s,
        n_matched=(
            int(np.count_nonzero(distance_s <= TOLERANCES_S[0])),
            int(np.count_nonzero(distance_s <= TOLERANCES_S[1])),
            len(distance_s),
        ),
        ibi_mae_ms=_ibi_mae_ms(pred_s, true_s, preds, trues),
    )


def _finite(beats_s: FloatArray) -> FloatArray:
    beats_s = np.asarray(beats_s, dtype=np.float64)
    return beats_s[np.isfinite(beats_s)]


def _delay_s(pred_s: FloatArray, true_s: FloatArray) -> float:
    padded_s = np.concatenate([[-np.inf] * NEIGHBOURS, true_s, [np.inf] * NEIGHBOURS])
    around = true_s.searchsorted(pred_s)[:, None] + np.arange(2 * NEIGHBOURS)
    lags_s = np.ravel(pred_s[:, None] - padded_s[around])
    lags_s = lags_s[np.abs(lags_s) <= LONGEST_DELAY_S + TOLERANCES_S[-1]]
    lags_s.sort()
    candidates_s = lags_s[np.abs(lags_s) <= LONGEST_DELAY_S]
    sums, squares = (np.concatenate([[0.0], np.cumsum(power)]) for power in (lags_s, lags_s * lags_s))
    if not len(candidates_s):
        return 0.0
    # The narrower ones distinguish a rhythm's own beats from the beats before, which vary by less than 150 ms too.
    up_to = lags_s.searchsorted(candidates_s + _EDGES_S, side="right")
    near = up_to[len(TOLERANCES_S) :] - up_to[: len(TOLERANCES_S)]
    score = near.sum(axis=0)
    # Within all tolerances are all beats of a regular rhythm, its own or the next one's. Its own scatter less.
    first, end = up_to[len(TOLERANCES_S) - 1], up_to[-1]
    high = np.flatnonzero(score >= score.max() - NEAR_TIES)
    spread_s = np.sqrt((_mean(squares, first, end)[high] - _mean(sums, first, end)[high] ** 2).clip(0))
    tied = high[spread_s <= spread_s.min() + SPREAD_S]
    best = tied[np.abs(candidates_s[tied]).argmin()]
    return float(np.median(lags_s[first[best] : end[best]]))


def _mean(totals: FloatArray, first: NDArray[np.intp], end: NDArray[np.intp]) -> FloatArray:
    return np.asarray((totals[end] - totals[first]) / (end - first).clip(1))


def _shared_span_s(
    pred_s: FloatArray, true_s: FloatArray, delay_s: float, span_s: tuple[float, float] | None
) -> tuple[float, float]:
    """First and last moment, on the sensor's clock, at which a beat of either side has its partner in the window."""
    if span_s is None:
        first_s, last_s = min(pred_s[0], true_s[0]), max(pred_s[-1], true_s[-1])
    else:
        first_s, last_s = span_s[0] + TOLERANCES_S[-1], span_s[1] - TOLERANCES_S[-1]
    return float(first_s - min(delay_s, 0.0) - 1e-9), float(last_s - max(delay_s, 0.0) + 1e-9)


def _pairs(pred_s: FloatArray, true_s: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the beats that are each the other's nearest, ascending."""
    nearest_true = _nearest(pred_s, true_s)
    trues = np.arange(len(true_s))
    preds = _nearest(true_s, pred_s)
    mutual = nearest_true[preds] == trues
    return preds[mutual], trues[mutual]


def _nearest(times_s: FloatArray, candidates_s: FloatArray) -> NDArray[np.intp]:
    """Index of the nearest of ``candidates_s`` to each time; of two as near, the earlier."""
    middles_s = 0.5 * (candidates_s[1:] + candidates_s[:-1])
    return np.asarray(middles_s.searchsorted(times_s))


def _ibi_mae_ms(
    pred_s: FloatArray, true_s: FloatArray, preds: NDArray[np.intp], trues: NDArray[np.intp]
) -> float | None:
    neighbours = (preds[1:] - preds[:-1] == 1) & (trues[1:] - trues[:-1] == 1)
    n = int(np.count_nonzero(neighbours))
    if not n:
        return None
    pred_s, true_s = pred_s[preds], true_s[trues]
    error_s = np.abs((pred_s[1:] - pred_s[:-1]) - (true_s[1:] - true_s[:-1]))
    return float(1e3 * error_s[neighbours].sum() / n)
