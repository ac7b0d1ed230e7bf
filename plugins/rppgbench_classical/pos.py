"""Wang, den Brinker, Stuijk & de Haan, IEEE TBME 64(7), 2017: Algorithm 1, "plane orthogonal to skin"."""

from __future__ import annotations

import math
from typing import Any

from array_api_compat import array_namespace

from rppgbench_classical.array_batches import waves_of

WINDOW_S = 1.6
# Variance of a relative chrominance below which there is none: a thousand times below what double precision resolves
# of a trace near 1, and a billion times below a thousandth of a grey level.
NOTHING = 1e-29


class Pos:
    """Algorithm 1 as printed, in time linear in T: windows of ceil(1.6 fps) frames at every frame, the last included.

    Within each window the trace is divided by its mean and projected, ``h = S1 + std(S1) / std(S2) S2``; all windows
    are added where they overlap. The first and last 1.6 s get fewer addends and fade. The wave is turned over, so that
    systole is up.
    """

    def predict(self, traces: Any, fps_hz: float) -> Any:
        """``(B, T)``; a change of intensity common to the three channels gives zero.

        Raises:
            SignalError: fewer frames than one window.
        """
        frames = math.ceil(WINDOW_S * fps_hz - 1e-9)  # 1.6 x 20 is 32.000000000000004 in some products
        return waves_of(traces, lambda tones: _pos(tones, frames), at_least=frames)


def _pos(tones: Any, window: int) -> Any:
    """The sum of all windows from moving sums of first and second moments.

    With d = tones - 1, a window's S1 and S2 are linear in p = dG - dB, q = dG + dB - 2 dR and g = dG; in these, the
    coefficients of what is common to all channels vanish with the chrominance, so nothing large has to cancel. Every
    window's h has mean 0, as do S1 and S2.
    """
    xp = array_namespace(tones)
    red, green, blue = (tones[c, :, :] - 1 for c in range(3))
    pqg = xp.stack([green - blue, green + blue - 2 * red, green])  # (3, b, T)
    qgp = xp.stack([pqg[1], pqg[2], pqg[0]])

    mean, square, product = (_sums(x, window) / window for x in (pqg, pqg * pqg, pqg * qgp))
    var_p, var_q, var_g = square - mean * mean
    cov_pq, cov_qg, cov_gp = product - mean * xp.stack([mean[1], mean[2], mean[0]])

    # S1 = p1 p + g1 g and S2 = p2 p + q2 q + g2 g, up to constants.
    mean_p, mean_q, mean_g = mean
    mean_b = mean_g - mean_p
    mean_r = (mean_g + mean_b - mean_q) / 2
    over_r, over_g, over_b = 1 / (1 + mean_r), 1 / (1 + mean_g), 1 / (1 + mean_b)
    p1, g1 = over_b, -mean_p * over_g * over_b
    p2, q2 = (mean_b - mean_r) * over_r * over_b, over_r
    g2 = ((mean_r - mean_g) * over_g + (mean_r - mean_b) * over_b) * over_r
    var_1 = p1 * p1 * var_p + g1 * g1 * var_g + 2 * p1 * g1 * cov_gp
    var_2 = p2 * p2 * var_p + q2 * q2 * var_q + g2 * g2 * var_g
    var_2 = var_2 + 2 * (p2 * q2 * cov_pq + q2 * g2 * cov_qg + p2 * g2 * cov_gp)

    pulsing = (var_2 > NOTHING) & (var_1 > 0)
    alpha = xp.where(pulsing, xp.sqrt(xp.where(pulsing, var_1 / xp.where(pulsing, var_2, 1.0), 0.0)), 0.0)
    weight = xp.stack([p1 + alpha * p2, alpha * q2, g1 + alpha * g2])
    # Turned over: h as printed falls when blood absorbs.
    shift = _overlap_add(xp, xp.sum(weight * mean, axis=0), window)
    return shift - xp.sum(pqg * _overlap_add(xp, weight, window), axis=0)


def _sums(x: Any, window: int) -> Any:
    """``(..., T)`` to the sums over every window, ``(..., T - window + 1)``.

    A window is put together from spans of 1, 2, 4... frames, so no error accumulates along T as it does in differences
    of a running total.
    """
    windows = x.shape[-1] - window + 1
    total, start, span, spans = None, 0, 1, x
    while True:
        if window & span:
            part = spans[..., start : start + windows]
            total = part if total is None else total + part
            start += span
        if 2 * span > window:
            return total
        spans = spans[..., :-span] + spans[..., span:]
        span *= 2


def _overlap_add(xp: Any, per_window: Any, window: int) -> Any:
    """``(..., K)`` to the sum over the windows that each frame is in, ``(..., K + window - 1)``."""
    *rows, _ = per_window.shape
    none = xp.zeros((*rows, window - 1), dtype=per_window.dtype, device=per_window.device)
    return _sums(xp.concat([none, per_window, none], axis=-1), window)
