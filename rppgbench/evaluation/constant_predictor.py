"""Errors of the constant predictor, which ignores the video: the reference of skill, imputed for failed windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Window = tuple[str, int]  # recording, number


def constant_errors_bpm(rows: Iterable[Mapping[str, Any]]) -> dict[Window, float]:
    """Absolute errors of the constant predictor by recording and window, of the windows with a true rate.

    It predicts the mean over subjects of the other test folds, those an entry may learn from, of their mean true rate.
    With one fold there is no such predictor, and the result is empty.
    """
    by_subject: dict[str, dict[Window, float]] = {}
    folds = {}
    for row in rows:
        true_bpm = row.get("hr_true_bpm")
        if true_bpm is not None and np.isfinite(true_bpm):
            subject = str(row["subject"])
            by_subject.setdefault(subject, {})[row["recording"], row["window"]] = float(true_bpm)
            folds[subject] = row["fold"]
    means = {subject: float(np.mean(list(truth.values()))) for subject, truth in by_subject.items()}
    constants: dict[Any, float | None] = {}
    for fold in set(folds.values()):
        others = [mean for subject, mean in means.items() if folds[subject] != fold]
        constants[fold] = float(np.mean(others)) if others else None
    return {
        window: abs(constant - true)
        for subject, truth in by_subject.items()
        if (constant := constants[folds[subject]]) is not None
        for window, true in truth.items()
    }
