"""What contrasts are made of: one number a window, and one a subject from these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """``of`` gives a row's number, None where it has none.

    Of a ``ratio`` the logarithm is taken, after subjects are averaged, so that contrasts are ratios; the others are
    contrasted as differences in ``unit``.
    """

    label: str
    meaning: str
    unit: str
    of: Callable[[Row], float | None]
    ratio: bool = False

    def scale(self, subject_means: FloatArray, floor: float) -> FloatArray:
        """The numbers that are contrasted. ``floor`` keeps a nearly perfect subject from weighing without bound."""
        return np.log(subject_means + floor) if self.ratio else subject_means

    def effect(self, value: float) -> float:
        """A mean contrast as it is reported: a ratio, or a difference."""
        return float(np.exp(value)) if self.ratio else value

    def words(self, effect: float, low: float, high: float) -> str:
        """``×0.82 [0.70, 0.95]`` or ``+1.21 dB [+0.80, +1.63]``."""
        sign, mark, unit = ("", "×", "") if self.ratio else ("+", "", f" {self.unit}")
        bounds = "" if np.isnan(low) else f" [{low:{sign}.2f}, {high:{sign}.2f}]"
        return f"{mark}{effect:{sign}.2f}{unit}{bounds}"


def _error(row: Row) -> float | None:
    return abs(float(row["error_bpm"])) if row["status"] == "scored" else None


def _change(after: str, before: str) -> Callable[[Row], float | None]:
    def change(row: Row) -> float | None:
        pair = row.get(after), row.get(before)
        return None if pair[0] is None or pair[1] is None else float(pair[0]) - float(pair[1])

    return change


def _snr(row: Row) -> float | None:
    value = row["snr_db"]
    return float(value) if row["status"] == "scored" and value is not None and np.isfinite(value) else None


MEASURES: Mapping[str, Measure] = {
    "error": Measure("HR error", "ratio of subjects' mean absolute errors of heart rate", "", _error, ratio=True),
    "snr": Measure("pulse SNR", "signal-to-noise ratio of the pulse about the true rate", "dB", _snr),
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
