"""Verkruysse, Svaasand & Nelson, Optics Express 16(26), 2008: the green channel carries the strongest pulse."""

from __future__ import annotations

from typing import Any

from rppgbench_classical.array_batches import waves_of


class Green:
    """Mean green, turned over: blood absorbs, so systole is dark.

    As published there is no filter; band limits belong to the estimation of heart rate.
    """

    def predict(self, traces: Any, fps_hz: float) -> Any:
        """``(B, T)``: one minus green over its mean in the clip."""
        return waves_of(traces, _green)


def _green(tones: Any) -> Any:
    return 1 - tones[1, :, :]
