"""Controls for every method: predictions without a look at the pulse."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from rppgbench.errors import PluginError, SignalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rppgbench.contracts import FloatArray, TrainingWindow


# Grey levels: well above what another processor's arithmetic changes, well below what any two clips share.
SEED_STEP = 1e-3


class WhiteNoise:
    """White noise, seeded with the clip's own colours: the same on every run and machine, and of no use."""

    def predict(self, traces: Any, fps_hz: float) -> Any:
        """``(B, T)``, uniform in [-1, 1)."""
        xp = array_namespace(traces)
        rows = np.asarray(traces.detach().cpu() if is_torch_array(traces) else traces, dtype=np.float64)
        noise = np.zeros(rows.shape[:2])
        for row, trace in zip(noise, rows, strict=True):
            colours = np.rint(np.nan_to_num(trace) / SEED_STEP).astype("<i8")
            digest = hashlib.sha256(np.ascontiguousarray(colours).tobytes()).digest()
            # RandomState: its stream is promised never to change.
            random = np.random.RandomState(np.frombuffer(digest, dtype="<u4").astype(np.uint32))
            row[:] = 2 * random.random_sample(len(row)) - 1
        return _like(xp, noise, traces)


class MeanHeartRate:
    """A sine at the mean heart rate of the training windows, whatever the video shows."""

    def __init__(self) -> None:
        self.hr_bpm: float | None = None

    def fit(self, windows: Sequence[TrainingWindow]) -> None:
        """Learn the mean of ``hr_bpm`` over the windows with one.

        Raises:
            SignalError: none has.
        """
        known = [window.hr_bpm for window in windows if np.isfinite(window.hr_bpm)]
        if not known:
            raise SignalError(f"mean_hr: none of {len(windows)} training windows has a heart rate")
        self.hr_bpm = float(np.mean(known))

    def state(self) -> dict[str, FloatArray]:
        return {"hr_bpm": np.array([self._learnt()])}

    def load(self, state: Mapping[str, FloatArray]) -> None:
        self.hr_bpm = float(state["hr_bpm"][0])

    def predict(self, traces: Any, fps_hz: float) -> Any:
        """``(B, T)``: the same sine in each row.

        Raises:
            PluginError: before ``fit`` or ``load``.
        """
        B, T, _ = traces.shape
        phase = 2 * np.pi * self._learnt() / 60 * np.arange(T) / fps_hz
        return _like(array_namespace(traces), np.tile(np.sin(phase), (B, 1)), traces)

    def _learnt(self) -> float:
        if self.hr_bpm is None:
            raise PluginError("mean_hr has learnt nothing yet", hint="call fit(windows) or load(state) first")
        return self.hr_bpm


def _like(xp: Any, waves: FloatArray, traces: Any) -> Any:
    dtype = traces.dtype if xp.isdtype(traces.dtype, "real floating") else xp.float64
    return xp.asarray(waves, dtype=dtype, device=traces.device)
