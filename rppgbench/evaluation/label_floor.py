"""How far two estimators disagree on the contact sensor itself: no error below that can be told from none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rppgbench.evaluation.intervals import Estimate, mean_estimate, subject_weights
from rppgbench.evaluation.labels import DIFFERENT_BPM


@dataclass(frozen=True)
class LabelFloor:
    """``mae`` is in beats per minute: mean over subjects of the mean absolute difference of their windows' two rates.

    ``share_apart`` of the ``n_windows`` have rates more than 5 bpm apart.
    """

    mae: Estimate
    n_subjects: int
    n_windows: int
    share_apart: float


FLOOR_ENTRY = "label floor"


def floor_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of an entry whose prediction is one estimate of the contact sensor's rate and whose truth is the other.

    Their metrics are what nobody can be told to do better than. Each window counts once, under no condition.
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
    """The floor of the labels that rows of results were scored by; None without a window that has both estimates.

    Each window counts once, however many entries, conditions and seeds were tried on it. Two entries whose mean
    absolute errors differ by less than the floor are not told apart: the choice between beats and spectrum, both
    right, moves the truth by more.
    """
    apart_bpm: dict[tuple[str, str, int], float] = {}
    subjects = set()
    for row in rows:
        subjects.add(str(row["subject"]))
        beats_bpm, spectrum_bpm = _two_rates(row)
        if beats_bpm is not None and spectrum_bpm is not None and np.isfinite([beats_bpm, spectrum_bpm]).all():
            window = (str(row["subject"]), row["recording"], row["window"])
            apart_bpm[window] = abs(float(beats_bpm) - float(spectrum_bpm))
    if not apart_bpm:
        return None
    by_subject: dict[str, list[float]] = {}
    for window in sorted(apart_bpm):
        by_subject.setdefault(window[0], []).append(apart_bpm[window])
    # All subjects of the rows are drawn, so that the draws are those of the entries' metrics.
    means = np.array([np.mean(by_subject.get(subject, np.nan)) for subject in sorted(subjects)])
    weights = subject_weights(len(means), draws=draws, seed=seed)
    return LabelFloor(
        mae=mean_estimate(means, weights, level=level, scale="skewed"),
        n_subjects=len(by_subject),
        n_windows=len(apart_bpm),
        share_apart=float(np.mean([apart > DIFFERENT_BPM for apart in apart_bpm.values()])),
    )


def _two_rates(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """By beats and by spectrum; None of a sensor that tells rates and no beats, which is one estimate and not two."""
    if row.get("intervals_true") is None:
        return None, None
    return row.get("hr_true_beats_bpm"), row.get("hr_true_spectrum_bpm")
