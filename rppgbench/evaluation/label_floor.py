"""Label floor: the disagreement of two heart rate estimators on the contact sensor itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rppgbench.evaluation.intervals import Estimate, mean_estimate, subject_weights
from rppgbench.evaluation.labels import DIFFERENT_BPM


@dataclass(frozen=True)
class LabelFloor:
    """``mae``, in beats per minute: mean over subjects of the mean absolute difference of their windows' two rates.

    ``share_different`` is the share of ``n_windows`` with rates that differ by more than 5 bpm.
    """

    mae: Estimate
    n_subjects: int
    n_windows: int
    share_different: float


FLOOR_ENTRY = "label floor"


def floor_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Result rows with the contact sensor's rate by beats as prediction and its rate by spectrum as truth.

    Their metrics are the floor of any entry's. Each window has one row, with an empty condition.
    """
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in rows:
        beats_bpm, spectrum_bpm = _two_rates(row)
        if beats_bpm is not None and spectrum_bpm is not None:
            rates = {"hr_pred_bpm": beats_bpm, "hr_true_bpm": spectrum_bpm, "error_bpm": beats_bpm - spectrum_bpm}
            kept = {name: row.get(name) for name in ("digest", "subject", "recording", "window", "fold")}
            window = (str(row["subject"]), str(row["recording"]), int(row["window"]))
            found[window] = {**kept, **rates, "entry": FLOOR_ENTRY, "condition": "", "status": "scored"}
    return list(found.values())


def label_floor(
    rows: Iterable[Mapping[str, Any]], *, draws: int = 10_000, level: float = 0.95, seed: int = 0
) -> LabelFloor | None:
    """Label floor of the rows' labels; None without a window that has both estimates.

    Each window counts once, over all entries, conditions and seeds. Two entries whose mean absolute errors differ by
    less than the floor are not distinguished: the choice between beats and spectrum, both valid, moves the truth by
    more.
    """
    differences_bpm: dict[tuple[str, str, int], float] = {}
    subjects = set()
    for row in rows:
        subjects.add(str(row["subject"]))
        beats_bpm, spectrum_bpm = _two_rates(row)
        if beats_bpm is not None and spectrum_bpm is not None and np.isfinite([beats_bpm, spectrum_bpm]).all():
            window = (str(row["subject"]), row["recording"], row["window"])
            differences_bpm[window] = abs(float(beats_bpm) - float(spectrum_bpm))
    if not differences_bpm:
        return None
    by_subject: dict[str, list[float]] = {}
    for window in sorted(differences_bpm):
        by_subject.setdefault(window[0], []).append(differences_bpm[window])
    # All subjects of the rows are drawn, so that the draws are those of the entries' metrics.
    means = np.array([np.mean(by_subject.get(subject, np.nan)) for subject in sorted(subjects)])
    weights = subject_weights(len(means), draws=draws, seed=seed)
    return LabelFloor(
        mae=mean_estimate(means, weights, level=level, scale="skewed"),
        n_subjects=len(by_subject),
        n_windows=len(differences_bpm),
        share_different=float(np.mean([difference > DIFFERENT_BPM for difference in differences_bpm.values()])),
    )


def _two_rates(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """True rates by beats and by spectrum; None for a sensor that gives rates without beats, a single estimate."""
    if row.get("intervals_true") is None:
        return None, None
    return row.get("hr_true_beats_bpm"), row.get("hr_true_spectrum_bpm")
