"""Similarity of a predicted wave to the contact sensor's, at the best lag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.filters import bandpass, detrend, smooth_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

BAND_HZ = (0.7, 4.0)
MAX_LAG_S = 0.5
# Rows worked on together stay in the processor's cache.
CHUNK_ROWS = 32


def macc(waves: FloatArray, truths: FloatArray, fps_hz: float, *, max_lag_s: float = MAX_LAG_S) -> FloatArray:
    """``(B,)`` highest correlation of each wave with its truth, -1 to 1, over all lags of up to ``max_lag_s``.

    Both are band-passed to 0.7-4 Hz. At each lag the product of the overlap is divided by the root of its energies; the
    sign counts, and no lag wraps around the window's ends. Scores by chance are in docs/estimators.md ("MACC").

    NaN if a wave or its truth is not finite, constant or a straight line.

    Args:
        waves: ``(B, T)`` predicted waves, systole up.
        truths: ``(B, T)`` waves of the contact sensor at the same times.
        fps_hz: Sampling rate of T.
        max_lag_s: Rounded to frames; less than half of the window.

    Raises:
        SignalError: shapes that differ or are not ``(B, T)``, or a lag of half a window or more.
    """
    waves, truths = np.asarray(waves, dtype=np.float64), np.asarray(truths, dtype=np.float64)
    if waves.ndim != 2 or waves.shape != truths.shape:
        raise SignalError(f"waves of shape {waves.shape} and truths of shape {truths.shape}, expected (B, T) of both")
    reach, T = round(max_lag_s * fps_hz), waves.shape[1]
    if not 0 <= 2 * reach < T:
        raise SignalError(f"a lag of {max_lag_s:g} s in {T / fps_hz:g} s, expected less than half of the window")
    usable = _usable(waves) & _usable(truths)
    scores = np.full(len(waves), np.nan)
    rows = np.flatnonzero(usable)
    for chunk in np.split(rows, range(CHUNK_ROWS, len(rows), CHUNK_ROWS)):
        preds, trues = (bandpass(detrend(rows_of[chunk]), fps_hz, *BAND_HZ) for rows_of in (waves, truths))
        scores[chunk] = _correlations(preds, trues, reach).max(axis=1, initial=-1.0)
    return scores


def _usable(rows: FloatArray) -> NDArray[np.bool_]:
    """``(B,)`` mask of the rows that are finite and neither constant nor a straight line."""
    finite = np.all(np.isfinite(rows), axis=1)
    filled = np.where(finite[:, None], rows, 0.0)
    spread, rest = np.ptp(filled, axis=1), np.ptp(detrend(filled), axis=1)
    return np.asarray(finite & (spread > 1e-12 * np.abs(filled).max(axis=1)) & (rest > 1e-9 * spread))


def _correlations(preds: FloatArray, trues: FloatArray, reach: int) -> FloatArray:
    """``(B, 2 * reach + 1)`` correlations of the overlap with ``preds`` 0, 1, ... reach, -reach, ... -1 frames late."""
    T = preds.shape[1]
    length = smooth_length(T + reach)
    product = np.fft.irfft(np.fft.rfft(preds, length) * np.fft.rfft(trues, length).conj(), length)
    late = np.concatenate([product[:, : reach + 1], product[:, length - reach :]], axis=1)
    lag = np.concatenate([np.arange(reach + 1), np.arange(-reach, 0)])
    first, last = lag.clip(0), T + lag.clip(max=0)
    pred_energy, true_energy = _energies_before(preds), _energies_before(trues)
    energy = (pred_energy[:, last] - pred_energy[:, first]) * (true_energy[:, T - first] - true_energy[:, T - last])
    return np.asarray(late / np.sqrt(energy.clip(np.finfo(float).tiny)))


def _energies_before(rows: FloatArray) -> FloatArray:
    B, T = rows.shape
    energy = np.zeros((B, T + 1))
    np.cumsum(rows * rows, axis=1, out=energy[:, 1:])
    return energy
