"""The metrics of heart rate, each from sums over subjects, so that resampling subjects is one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

WITHIN_BPM = 5.0
# Variance below which a quantity is taken as constant, in its unit squared; rounding leaves about a hundredth of it.
CONSTANT = 1e-12
# What is predicted and what the contact sensor says of it: two columns a quantity.
PAIRS = {
    "hr": ("hr_pred_bpm", "hr_true_bpm"),
    "rf": ("rf_pred_hz", "rf_true_hz"),
    "lf_nu": ("lf_nu_pred", "lf_nu_true"),
    "lf_hf": ("lf_hf_pred", "lf_hf_true"),
}
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
        rated = [row for row in scored if _known(row, "snr_db")]

        def total(values: FloatArray | None, of: Sequence[Mapping[str, Any]]) -> FloatArray:
            return np.bincount([number[str(row["subject"])] for row in of], values, len(subjects)).astype(np.float64)

        error = _column(scored, "error_bpm")
        n, n_tried, n_rated = total(None, scored), total(None, tried), total(None, rated)
        sums = {
            "abs": total(np.abs(error), scored),
            "subjects": (n > 0).astype(np.float64),
            "subjects_tried": (n_tried > 0).astype(np.float64),
            "subjects_rated": (n_rated > 0).astype(np.float64),
        }
        for quantity, (predicted, sensed) in PAIRS.items():
            both = [row for row in scored if _known(row, predicted, sensed)]
            moments = _moments(_column(both, predicted), _column(both, sensed))
            sums |= {f"{quantity} {name}": total(values, both) for name, values in moments.items()}
        # Means of subjects: what a subject with many windows says counts no more than what another says.
        sums["subject_mae"] = sums["abs"] / n.clip(1)
        sums["subject_within"] = total((np.abs(error) <= WITHIN_BPM).astype(np.float64), scored) / n_tried.clip(1)
        for name, (before, after) in CHANGES.items():
            seen = [row for row in rows if _known(row, before, after)]
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


def _known(row: Mapping[str, Any], *names: str) -> bool:
    """Whether the row has numbers there; a table of pandas has NaN where others have None."""
    return all(row.get(name) is not None and np.isfinite(row[name]) for name in names)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    return np.array([row[name] for row in rows], dtype=np.float64)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def _moments(pred: FloatArray, true: FloatArray) -> dict[str, FloatArray | None]:
    """Of each window, what is summed to tell how far a prediction is from the truth; None counts windows."""
    error = pred - true
    # About the mean truth, so that variances are not differences of large numbers.
    centre = true.mean() if len(true) else 0.0
    pred, true = pred - centre, true - centre
    return {
        "n": None,
        "error": error,
        "error2": error**2,
        "pred": pred,
        "pred2": pred**2,
        "true": true,
        "true2": true**2,
        "product": pred * true,
    }


def _bias(sums: SubjectSums, quantity: str) -> FloatArray:
    return _ratio(sums[f"{quantity} error"], sums[f"{quantity} n"])


def _rmse(sums: SubjectSums, quantity: str) -> FloatArray:
    return np.asarray(np.sqrt(_ratio(sums[f"{quantity} error2"], sums[f"{quantity} n"])))


def _sd(sums: SubjectSums, quantity: str) -> FloatArray:
    error, error2, n = (sums[f"{quantity} {name}"] for name in ("error", "error2", "n"))
    return np.asarray(np.sqrt(_ratio((error2 - _ratio(error**2, n)).clip(0), n - 1)))


def _r(sums: SubjectSums, quantity: str) -> FloatArray:
    n, product, pred, true, pred2, true2 = (
        sums[f"{quantity} {name}"] for name in ("n", "product", "pred", "true", "pred2", "true2")
    )
    covariance = _ratio(product, n) - _ratio(pred * true, n**2)
    var_pred, var_true = _ratio(pred2, n) - _ratio(pred, n) ** 2, _ratio(true2, n) - _ratio(true, n) ** 2
    varying = (var_pred > CONSTANT) & (var_true > CONSTANT)
    scale = np.sqrt(np.where(varying, var_pred * var_true, 1.0))
    return np.where(varying, (covariance / scale).clip(-1, 1), np.nan)


def _feature(name: str, label: str, what: str, *, unit: str = "", of: str | None = None) -> dict[str, Metric]:
    """SD, RMSE and R of a feature of variability, as in Table 2 of Yu et al. 2019; ``of`` is the quantity summed."""
    quantity = of or name
    suffix, shown = (f"_{unit.lower()}", f" ({unit})") if unit else ("", "")
    where = f"of {what}, over the windows where prediction and truth both have enough beats"
    few = "too few windows where prediction and truth both have enough beats"
    sd = f"standard deviation of the error {where} (n - 1)"
    rmse, r = f"root of the mean squared error {where}", f"Pearson correlation {where}"
    metrics = {
        f"sd{suffix}": Metric(f"{label} SD{shown}", unit, "lower", sd, lambda sums: _sd(sums, quantity), few, 3),
        f"rmse{suffix}": Metric(
            f"{label} RMSE{shown}", unit, "lower", rmse, lambda sums: _rmse(sums, quantity), few, 3
        ),
        "r": Metric(f"{label} R", "", "higher", r, lambda sums: _r(sums, quantity), f"{few}, or one is constant", 3),
    }
    return {f"{name}_{statistic}": metric for statistic, metric in metrics.items()}


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
        lambda sums: _ratio(sums["abs"], sums["hr n"]),
    ),
    "hr_rmse_bpm": Metric(
        "HR RMSE (bpm)",
        "1/min",
        "lower",
        "root of the mean squared error over all windows",
        lambda sums: _rmse(sums, "hr"),
    ),
    "hr_sd_bpm": Metric(
        "HR SD (bpm)",
        "1/min",
        "lower",
        "standard deviation of the error over all windows (n - 1)",
        lambda sums: _sd(sums, "hr"),
        "fewer than 2 windows scored",
    ),
    "hr_bias_bpm": Metric(
        "HR bias (bpm)",
        "1/min",
        "near 0",
        "mean error over all windows",
        lambda sums: _bias(sums, "hr"),
    ),
    "hr_r": Metric(
        "HR R",
        "",
        "higher",
        "Pearson correlation of predicted and true rates over all windows",
        lambda sums: _r(sums, "hr"),
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
    **_feature("rf", "RF", "the respiration's frequency, as the beats tell it", unit="Hz"),
    **_feature("lf_nu", "LF (n.u.)", "the share of slow swings (LF of LF + HF)"),
    **_feature("hf_nu", "HF (n.u.)", "the share of fast swings (HF of LF + HF, the same numbers as of LF)", of="lf_nu"),
    **_feature("lf_hf", "LF/HF", "the ratio of slow to fast swings"),
}
