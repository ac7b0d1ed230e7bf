"""Waves of batches of colour traces: checked, in double precision, a cacheful at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from array_api_compat import array_namespace, is_torch_array

from rppgbench.errors import SignalError

if TYPE_CHECKING:
    from collections.abc import Callable

# About 16 traces of 30 s: with what is computed from them they fit the second-level cache of a processor's core.
CHUNK_SAMPLES = 16_384
# Variance of a relative chrominance below which there is none: a thousand times below what double precision resolves
# of a trace near 1, and a billion times below a thousandth of a grey level.
LEAST_VARIANCE = 1e-29


def waves_of(traces: Any, wave_of_tones: Callable[[Any], Any], *, at_least: int = 2) -> Any:
    """``(B, T)`` waves of ``(B, T, 3)`` traces, in the traces' floating type.

    ``wave_of_tones`` gets ``(3, b, T)`` in float64, b <= B: each channel over its mean in the clip: no method here
    is sensitive to it. It returns ``(b, T)``. A trace with a value not finite, or with a channel's mean not above 0,
    gives a row of NaN.

    Raises:
        SignalError: another shape, or fewer than ``at_least`` frames.
    """
    xp = array_namespace(traces)
    if traces.ndim != 3 or traces.shape[2] != 3:
        raise SignalError(f"traces of shape {tuple(traces.shape)}, expected (B, T, 3)")
    B, T, _ = traces.shape
    if at_least > T:
        raise SignalError(f"a trace of {T} frames, expected at least {at_least}", hint="take a longer clip")
    floating = xp.isdtype(traces.dtype, "real floating")
    if B == 0:
        return xp.zeros((0, T), dtype=traces.dtype if floating else xp.float64)
    step = _rows_at_once(traces)
    chunks = []
    for first in range(0, B, step):
        chunk = traces[first : first + step]
        tones = xp.astype(xp.stack([chunk[:, :, c] for c in range(3)]), xp.float64)
        means = xp.mean(tones, axis=2, keepdims=True)
        usable = xp.isfinite(means) & (means > 0)
        # Ones, not NaN, go through the arithmetic: no warnings, and the other rows are the same bits with or without.
        tones = xp.where(usable, tones / xp.where(usable, means, 1.0), 1.0)
        wave = wave_of_tones(tones)
        chunks.append(xp.where(xp.all(usable, axis=0), wave, xp.nan))
    waves = xp.concat(chunks) if len(chunks) > 1 else chunks[0]
    return xp.astype(waves, traces.dtype) if floating else waves


def _rows_at_once(traces: Any) -> int:
    B, T, _ = traces.shape
    on_accelerator = is_torch_array(traces) and traces.device.type != "cpu"
    return int(B) if on_accelerator else max(1, CHUNK_SAMPLES // int(T))
