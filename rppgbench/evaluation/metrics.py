"""The metrics of heart rate, each from sums over subjects, so that resampling subjects is one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

WITHIN_BPM = 5.0
# Variance of heart rates below which they are taken as constant, 1/min^2; rounding leaves about a hundredth of it.
CONSTANT_BPM2 = 1e-12
# What an enhancer did to the pixels: columns before and after it.
CHANGES = {"psnr": ("psnr_in_db", "psnr_out_db"), "psnr_sd": ("psnr_sd_in_db", "psnr_sd_out_db")}


@dataclass(frozen=True)
class SubjectSums:
    """Sums over the windows of each subject, by name, each ``(..., S)`` or, weighted, ``(draws,)``."""

    by_name: Mapping[str, FloatArray]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], subjects: Sequence[str]) -> SubjectSums:
        """Of one entry under one condition; a subject without windows there has sums of 0."""
        number = {subject: s for s, subject in enumerate(subjects)}
        scored = [row for row in rows if row["status"] == "scored"]
        tried = [row for row in rows if row["status"] in ("scored", "failed")]
        rated = [row for row in scored if row["snr_db"] is not None and np.isfinite(row["snr_db"])]

        def total(values: FloatArray | None, of: Sequence[Mapping[str, Any]]) -> FloatArray:
            return np.bincount([number[str(row["subject"])] for row in of], values, len(subjects)).astype(np.float64)

        error = _column(scored, "error_bpm")
        true = _column(scored, "hr_true_bpm")
        # About the mean truth, so that the variances below are not differences of large numbers.
        centre = true.mean() if len(true) else 0.0
        pred, true = _column(scored, "hr_pred_bpm") - centre, true - centre
        n, n_tried, n_rated = total(None, scored), total(None, tried), total(None, rated)
        sums = {
            "n": n,
            "error": total(error, scored),
            "error2": total(error**2, scored),
            "abs": total(np.abs(error), scored),
            "pred": total(pred, scored),
            "pred2": total(pred**2, scored),
            "true": total(true, scored),
            "true2": total(true**2, scored),
            "product": total(pred * true, scored),
            "subjects": (n > 0).astype(np.float64),
            "subjects_tried": (n_tried > 0).astype(np.float64),
            "subjects_rated": (n_rated > 0).astype(np.float64),
        }
        # Means of subjects: what a subject with many windows says counts no more than what another says.
        sums["subject_mae"] = sums["abs"] / n.clip(1)
        sums["subject_within"] = total((np.abs(error) <= WITHIN_BPM).astype(np.float64), scored) / n_tried.clip(1)
        for name, (before, after) in CHANGES.items():
            seen = [row for row in rows if row.get(before) is not None and row.get(after) is not None]
            n_seen = total(None, seen)
            sums[f"subject_{name}"] = total(_column(seen, after) - _column(seen, before), seen) / n_seen.clip(1)
            sums[f"subjects_{name}"] = (n_seen > 0).astype(np.float64)
        sums["subject_snr"] = total(_column(rated, "snr_db"), rated) / n_rated.clip(1)
        return cls(sums)

    def weighted(self, weights: FloatArray) -> SubjectSums:
        """Sums over subjects, ``(draws,)``, each subject as often as ``weights`` ``(draws, S)`` say."""
        names = list(self.by_name)
        totals = weights @ np.stack([self.by_name[name] for name in names], axis=1)
        return SubjectSums({name: totals[:, i] for i, name in enumerate(names)})

    def __getitem__(self, name: str) -> FloatArray:
        return self.by_name[name]


@dataclass(frozen=True)
class Metric:
    """``of`` takes weighted sums to ``(draws,)``, NaN where undefined; ``undefined`` says when that is.

    ``label`` heads a column and ``digits`` are shown after its point.
    """

    label: str
    unit: str
    better: Literal["lower", "higher", "near 0"]
    meaning: str
    of: Callable[[SubjectSums], FloatArray]
    undefined: str = "nothing scored"
    digits: int = 2


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    return np.array([row[name] for row in rows], dtype=np.float64)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def _sd(sums: SubjectSums) -> FloatArray:
    spread = sums["error2"] - _ratio(sums["error"] ** 2, sums["n"])
    return np.asarray(np.sqrt(_ratio(spread.clip(0), sums["n"] - 1)))


def _r(sums: SubjectSums) -> FloatArray:
    n = sums["n"]
    covariance = _ratio(sums["product"], n) - _ratio(sums["pred"] * sums["true"], n**2)
    var_pred, var_true = (_ratio(sums[f"{x}2"], n) - _ratio(sums[x], n) ** 2 for x in ("pred", "true"))
    varying = (var_pred > CONSTANT_BPM2) & (var_true > CONSTANT_BPM2)
    scale = np.sqrt(np.where(varying, var_pred * var_true, 1.0))
    return np.where(varying, (covariance / scale).clip(-1, 1), np.nan)


METRICS: Mapping[str, Metric] = {
    "hr_mae_bpm": Metric(
        "HR MAE (bpm)",
        "1/min",
        "lower",
        "mean over subjects of the subject's mean absolute error",
        lambda sums: _ratio(sums["subject_mae"], sums["subjects"]),
    ),
    "hr_mae_pooled_bpm": Metric(
        "HR MAE, pooled (bpm)",
        "1/min",
        "lower",
        "mean absolute error over all windows",
        lambda sums: _ratio(sums["abs"], sums["n"]),
    ),
    "hr_rmse_bpm": Metric(
        "HR RMSE (bpm)",
        "1/min",
        "lower",
        "root of the mean squared error over all windows",
        lambda sums: np.asarray(np.sqrt(_ratio(sums["error2"], sums["n"]))),
    ),
    "hr_sd_bpm": Metric(
        "HR SD (bpm)",
        "1/min",
        "lower",
        "standard deviation of the error over all windows (n - 1)",
        _sd,
        "fewer than 2 windows scored",
    ),
    "hr_bias_bpm": Metric(
        "HR bias (bpm)",
        "1/min",
        "near 0",
        "mean error over all windows",
        lambda sums: _ratio(sums["error"], sums["n"]),
    ),
    "hr_r": Metric(
        "HR R",
        "",
        "higher",
        "Pearson correlation of predicted and true rates over all windows",
        _r,
        "constant predictions or constant truth",
    ),
    "snr_db": Metric(
        "pulse SNR (dB)",
        "dB",
        "higher",
        "mean over subjects of the subject's mean signal-to-noise ratio about the true rate",
        lambda sums: _ratio(sums["subject_snr"], sums["subjects_rated"]),
        "no quality known",
    ),
    "within_5_bpm": Metric(
        "within 5 bpm",
        "",
        "higher",
        "mean over subjects of the share of windows within 5 bpm, failed windows counted as not within",
        lambda sums: _ratio(sums["subject_within"], sums["subjects_tried"]),
    ),
    "delta_psnr_db": Metric(
        "change of PSNR (dB)",
        "dB",
        "higher",
        "mean over subjects of what the enhancer adds to the face clip's PSNR against the reference",
        lambda sums: _ratio(sums["subject_psnr"], sums["subjects_psnr"]),
        "no enhancer, or nothing to compare with",
    ),
    "psnr_sd_change_db": Metric(
        "change of PSNR variation (dB)",
        "dB",
        "lower",
        "mean over subjects of what the enhancer adds to the SD of the PSNR over time",
        lambda sums: _ratio(sums["subject_psnr_sd"], sums["subjects_psnr_sd"]),
        "no enhancer, or nothing to compare with",
    ),
}
