"""Measures that claims contrast: a value for each window, averaged within subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.evaluation.cells import Cells, Row, log_errors

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray


@dataclass(frozen=True)
class Measure:
    """A measure: ``of`` gives its value for a row of cells, None without one.

    With ``ratio``, logarithms of subject means are contrasted, so that effects are ratios; else effects are differences
    in ``unit``.
    """

    label: str
    meaning: str
    unit: str
    of: Callable[[Cells, Row], float | None]
    ratio: bool = False

    def scale(self, subject_means: FloatArray, floor: float) -> FloatArray:
        """Subject means on the scale of contrasts. ``floor`` bounds the weight of a nearly perfect subject."""
        return log_errors(subject_means, floor) if self.ratio else subject_means

    def effect(self, value: float) -> float:
        """Effect of a mean contrast: a ratio, or a difference in ``unit``."""
        return float(np.exp(value)) if self.ratio else value

    def effect_text(self, effect: float, low: float, high: float) -> str:
        """Text of an effect: ``×0.82 [0.70, 0.95]`` or ``+1.21 dB [+0.80, +1.63]``."""
        sign, mark, unit = ("", "×", "") if self.ratio else ("+", "", f" {self.unit}")
        bounds = "" if np.isnan(low) else f" [{low:{sign}.2f}, {high:{sign}.2f}]"
        return f"{mark}{effect:{sign}.2f}{unit}{bounds}"


def _change(after: str, before: str) -> Callable[[Cells, Row], float | None]:
    def change(_: Cells, row: Row) -> float | None:
        pair = row.get(after), row.get(before)
        return None if pair[0] is None or pair[1] is None else float(pair[0]) - float(pair[1])

    return change


MEASURES: Mapping[str, Measure] = {
    "error": Measure("HR error", "ratio of subjects' mean absolute errors of heart rate", "", Cells.error_bpm, True),
    "snr": Measure("pulse SNR", "signal-to-noise ratio of the pulse about the true rate", "dB", Cells.snr_db),
    "psnr_gain": Measure(
        "PSNR gain", "PSNR of the face after the enhancer minus before", "dB", _change("psnr_out_db", "psnr_in_db")
    ),
    "psnr_flicker": Measure(
        "change of PSNR's fluctuation",
        "standard deviation of PSNR over a window's frames, after the enhancer minus before",
        "dB",
        _change("psnr_sd_out_db", "psnr_sd_in_db"),
    ),
}
