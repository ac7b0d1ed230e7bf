"""Simulated results whose truth is known: errors are log-normal about a level that each entry has in each condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from rppgbench.claims.claims_file import ClaimsFile
from rppgbench.claims.observations import Observations
from rppgbench.evaluation.schema import COLUMNS

CODECS, KBPS = ("mpeg4", "x264", "x265"), (400.0, 200.0, 100.0)
RATES = {"reference": None, **{f"{codec}-{rate:g}k": rate for codec in CODECS for rate in KBPS}}
CONDITIONS = [
    {"id": id_, "use": "original" if rate is None else id_.partition("-")[0], "reference": rate is None}
    for id_, rate in RATES.items()
]


def _row(entry: str, condition: str, subject: int, error_bpm: float, /, **changes):
    enhancer, _, method = entry.rpartition("+")
    rate = RATES[condition]
    return {
        **{column.name: None for column in COLUMNS},
        "protocol": "made_up", "version": 1, "digest": "abc", "fold": subject % 3, "condition": condition,
        "codec": "original" if rate is None else condition.partition("-")[0],
        "nominal_bitrate_bps": None if rate is None else rate * 1000, "entry": entry, "method": method,
        "enhancer": enhancer or None, "control": False, "dataset": "none", "subject": f"s{subject:03d}",
        "recording": f"s{subject:03d}-rest", "tags": "{}", "window": 0, "start_s": 0.0, "end_s": 30.0, "params": "{}",
        "hr_true_bpm": 60.0 + subject, "hr_pred_bpm": 60.0 + subject + error_bpm, "error_bpm": error_bpm,
        "snr_db": 3.0, "status": "scored", **changes,
    }  # fmt: skip


def _simulated(levels: Mapping[tuple[str, str], float], *, subjects: int, noise: float = 0.3, seed: int = 0):
    """Rows with errors of ``level`` bpm times log-normal noise of SD ``noise`` and a factor of each subject's own.

    Signs of the errors are random: a benchmark's errors have both.
    """
    random = np.random.RandomState(seed)
    own = np.exp(random.normal(0, 0.5, subjects))
    return [
        _row(entry, condition, s, random.choice([-1, 1]) * level * own[s] * np.exp(random.normal(0, noise)))
        for (entry, condition), level in levels.items()
        for s in range(subjects)
    ]


def _observed(rows) -> Observations:
    return Observations(rows, CONDITIONS)


def _asked(*parts, rules: Mapping[str, object] | None = None, **entries) -> ClaimsFile:
    """A file with one claim of these parts, about entries that are named by their method."""
    named = {name: {"method": name, "enhancer": None} for name in ("a", "b", "c")}
    return ClaimsFile.model_validate(
        {
            "rppgbench_claims": 1,
            "name": "made_up",
            "title": "Made up",
            "rules": {"error_floor_bpm": 1e-9, "bootstrap": 500, **(rules or {})},
            "entries": {**named, **entries},
            "claims": [{"id": "K1", "text": "So it is.", "parts": list(parts)}],
        }
    )


@pytest.fixture
def row():
    """Makes one row: entry (``enhancer+method`` or ``method``), condition, number of the subject, error, changes."""
    return _row


@pytest.fixture
def simulated():
    return _simulated


@pytest.fixture
def observed():
    return _observed


@pytest.fixture
def asked():
    return _asked


@pytest.fixture
def better():
    """The claim that a's error is lower than b's, over the compressed conditions."""
    return {"measure": "error", "of": "a", "against": "b", "where": {"reference": False}, "claimed": "lower"}
