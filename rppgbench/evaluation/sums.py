"""Sums over the windows of each subject, so that resampling subjects is one matrix product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.evaluation.windows import CONSTANT_ERROR, Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

WITHIN_BPM, WITHIN_SHARE = 5.0, 0.1
TOLERANCES_MS = (50, 100, 150)
# Columns of prediction and truth of each quantity, summed as moments.
PAIRS: Mapping[str, tuple[str, str]] = {
    "hr": ("hr_pred_bpm", "hr_true_bpm"),
    "rf": ("rf_pred_hz", "rf_true_hz"),
    "lf_nu": ("lf_nu_pred", "lf_nu_true"),
    "lf_hf": ("lf_hf_pred", "lf_hf_true"),
    "sdnn": ("sdnn_pred_ms", "sdnn_true_ms"),
    "rmssd": ("rmssd_pred_ms", "rmssd_true_ms"),
}
# Columns of each video quality before and after an enhancer.
QUALITIES: Mapping[str, tuple[str, str]] = {
    "psnr": ("psnr_in_db", "psnr_out_db"),
    "psnr_sd": ("psnr_sd_in_db", "psnr_sd_out_db"),
    "ssim": ("ssim_in", "ssim_out"),
    "psnr_hvs_m": ("psnr_hvs_m_in_db", "psnr_hvs_m_out_db"),
    "pulse_fidelity": ("pulse_fidelity_in_db", "pulse_fidelity_out_db"),
    "pulse_gain": ("pulse_gain_in_db", "pulse_gain_out_db"),
}


@dataclass(frozen=True)
class SubjectSums:
    """Sums over the windows of each subject, ``(S,)``, by name.

    ``"hr n"``, ``"hr error2"`` and so on are sums of moments; ``"snr mean"`` is the subject's mean, and
    ``"snr subjects"`` is 1 for a subject that has one, else 0.
    """

    by_name: Mapping[str, FloatArray]

    @classmethod
    def of(cls, windows: Windows) -> SubjectSums:
        """Sums of the windows of one entry under one condition; 0 for a subject without windows."""
        sums: dict[str, FloatArray] = {}
        for quantity, columns in PAIRS.items():
            pred, true = (windows[column] for column in columns)
            sums |= _moments(windows, quantity, pred, true)
            if quantity == "lf_hf":
                # A ratio of powers: twice the truth is as wrong as half of it.
                sums |= _moments(windows, "log_lf_hf", _log(pred), _log(true))
        sums |= _within_subjects(sums)
        for name, values in _averaged(windows).items():
            known = ~np.isnan(values)
            sums |= _means(name, windows.totals(values, known), windows.totals(None, known))
        return cls(sums | _beats(windows))

    def weighted(self, weights: FloatArray) -> Totals:
        """Sums over subjects in each draw, with each subject's ``weights`` ``(draws, S)``."""
        # Most columns are empty in most runs, and many of the others equal: each distinct one is multiplied once.
        distinct = {values.tobytes(): values for values in self.by_name.values() if values.any()}
        index = {content: i for i, content in enumerate(distinct)}
        totals = weights @ np.stack(list(distinct.values()), axis=1) if distinct else np.zeros((len(weights), 0))
        zero = np.zeros(len(weights))
        by_name = {
            name: zero if (i := index.get(values.tobytes())) is None else totals[:, i]
            for name, values in self.by_name.items()
        }
        return Totals(by_name, self, weights)

    def without_each(self, name: str) -> Totals:
        """Sums ``(n,)`` over all subjects but one, for each of the n with a nonzero sum ``name``."""
        subjects = np.flatnonzero(self.by_name[name])
        weights = np.ones((len(subjects), len(self.by_name[name])))
        weights[np.arange(len(subjects)), subjects] = 0
        return self.weighted(weights)

    def n_subjects(self, name: str) -> int:
        """Number of subjects with a nonzero sum ``name``."""
        return int(np.count_nonzero(self.by_name[name]))


@dataclass(frozen=True)
class Totals:
    """Sums over subjects in each draw, ``(draws,)``, by name; ``weights`` ``(draws, S)`` count subjects in draws."""

    by_name: Mapping[str, FloatArray]
    sums: SubjectSums
    weights: FloatArray

    def __getitem__(self, name: str) -> FloatArray:
        return self.by_name[name]

    def median(self, name: str) -> FloatArray:
        """Medians ``(draws,)`` of the drawn subjects' means; NaN where no drawn subject has one."""
        has = np.flatnonzero(self.sums.by_name[f"{name} subjects"])
        if not len(has):
            return np.full(len(self.weights), np.nan)
        means = self.sums.by_name[f"{name} mean"][has]
        order = np.argsort(means, kind="stable")
        half = self[f"{name} subjects"] / 2
        # A draw's median is near that of all subjects: those far below it are summed at once.
        first = max(0, int(len(has) / 2 - 4 * np.sqrt(len(has))))
        passed = self._drawn(has[order[:first]])
        if (passed >= half).any():
            first, passed = 0, np.zeros(len(half))
        lower, upper = (np.full(len(half), first) for _ in range(2))
        for subject in has[order[first:]]:
            passed += self.weights[:, subject]
            lower += passed < half
            upper += passed <= half
            if (passed > half).all():
                break
        ranked = np.append(means[order], np.nan)  # NaN for a draw without any of them
        return np.where(half > 0, (ranked[lower.clip(max=len(has))] + ranked[upper.clip(max=len(has))]) / 2, np.nan)

    def _drawn(self, subjects: NDArray[np.intp]) -> FloatArray:
        """Counts ``(draws,)`` of these subjects in each draw."""
        return np.asarray(self.weights @ np.bincount(subjects, minlength=self.weights.shape[1]).astype(np.float64))


def _moments(windows: Windows, quantity: str, pred: FloatArray, true: FloatArray) -> dict[str, FloatArray]:
    """Sums of errors, powers and products of prediction and truth, over scored windows that have both."""
    both = windows.scored & ~np.isnan(pred) & ~np.isnan(true)
    # Centred on the mean truth, so that variances are not differences of large numbers.
    centre = true[both].mean() if both.any() else 0.0
    error, pred, true = pred - true, pred - centre, true - centre
    products = {
        "error": error,
        "abs": np.abs(error),
        "error2": error**2,
        "pred": pred,
        "pred2": pred**2,
        "true": true,
        "true2": true**2,
        "product": pred * true,
    }
    totals = {f"{quantity} {name}": windows.totals(values, both) for name, values in products.items()}
    return {f"{quantity} n": windows.totals(None, both)} | totals


def _within_subjects(sums: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Sums of squares and products about the subject's means, 0 for subjects with fewer than two windows."""
    n, pred, true = (sums[f"hr {name}"] for name in ("n", "pred", "true"))
    repeated = n > 1
    products = {"pred2": pred * pred, "true2": true * true, "product": pred * true}
    found = {
        f"hr_within {name}": np.where(repeated, sums[f"hr {name}"] - square / n.clip(1), 0.0)
        for name, square in products.items()
    }
    return found | {"hr_within n": np.where(repeated, n, 0.0)}


def _averaged(windows: Windows) -> dict[str, FloatArray]:
    """``(N,)`` values of each quantity that is averaged within subjects, NaN where a window has none."""
    scored, attempted = windows.scored, windows.scored | windows.failed
    error = np.where(scored, np.abs(windows["error_bpm"]), np.nan)
    true, constant_error = windows["hr_true_bpm"], windows[CONSTANT_ERROR]
    variability = scored & ~np.isnan(windows["sdnn_pred_ms"]) & ~np.isnan(windows["sdnn_true_ms"])

    def shares(of: NDArray[np.bool_]) -> FloatArray:
        return np.where(attempted, of.astype(np.float64), np.nan)

    found = {
        "error": error,
        "percent": 100 * error / np.where(true > 0, true, np.nan),
        "within_bpm": shares(error <= WITHIN_BPM),
        "within_share": shares(error <= WITHIN_SHARE * true),
        "skill_error": np.where(np.isnan(constant_error), np.nan, error),
        "constant_error": np.where(np.isnan(error), np.nan, constant_error),
        "rf_error": np.where(scored, 60 * np.abs(windows["rf_pred_hz"] - windows["rf_true_hz"]), np.nan),
        "variability": shares(variability),
    }
    columns = {"snr": "snr_db", "macc": "macc", "macc_null": "macc_null", "ibi": "ibi_mae_ms"}
    found |= {name: np.where(scored, windows[column], np.nan) for name, column in columns.items()}
    for name, (before, after) in QUALITIES.items():
        found[name] = np.where(windows.enhanced, windows[after], windows[before])
        found[f"delta_{name}"] = windows[after] - windows[before]
    return found


def _beats(windows: Windows) -> dict[str, FloatArray]:
    """Precision, recall and F1 of beats, from counts added up over each subject's scored windows."""
    found: dict[str, FloatArray] = {}
    for tolerance_ms in TOLERANCES_MS:
        names = ("beats_pred", "beats_true", f"beats_matched_{tolerance_ms}ms")
        counted = windows.scored & ~np.isnan([windows[name] for name in names]).any(axis=0)
        pred, true, matched = (windows.totals(windows[name], counted) for name in names)
        found |= _means(f"beat_precision_{tolerance_ms}ms", matched, pred)
        found |= _means(f"beat_recall_{tolerance_ms}ms", matched, true)
        found |= _means(f"beat_f1_{tolerance_ms}ms", 2 * matched, pred + true)
    return found


def _means(name: str, total: FloatArray, n: FloatArray) -> dict[str, FloatArray]:
    """Subject means and counts, so that subjects weigh the same whatever their number of windows."""
    return {f"{name} mean": total / n.clip(1), f"{name} subjects": (n > 0).astype(np.float64)}


def _log(ratio: FloatArray) -> FloatArray:
    return np.log(np.where(ratio > 0, ratio, np.nan))
