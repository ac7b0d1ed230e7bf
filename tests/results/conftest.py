"""Results of a small made-up run, every number of which is known."""

from __future__ import annotations

import pytest

from rppgbench.evaluation.schema import COLUMNS, SCHEMA_VERSION
from rppgbench.results.results import Results

ERRORS = {  # bpm, by condition and entry, the same for every subject
    ("reference", "good"): 1.0, ("reference", "bad"): 9.0, ("reference", "mean"): 8.0,
    ("x264-100k", "good"): 2.0, ("x264-100k", "bad"): 7.0, ("x264-100k", "mean"): 8.0,
}  # fmt: skip


def row(condition: str, entry: str, subject: int, error_bpm: float, **changes):
    return {
        **{column.name: None for column in COLUMNS},
        "protocol": "tiny", "version": 1, "digest": "abc", "fold": subject % 2, "condition": condition,
        "codec": condition.partition("-")[0], "entry": entry, "method": entry, "params": "{}",
        "control": entry == "mean", "dataset": "mini", "subject": f"s{subject}", "recording": f"s{subject}-rest",
        "tags": "{}", "window": 0,
        "start_s": 0.0, "end_s": 30.0, "hr_true_bpm": 60.0 + subject, "hr_pred_bpm": 60.0 + subject + error_bpm,
        "error_bpm": error_bpm, "snr_db": -error_bpm, "status": "scored", **changes,
    }  # fmt: skip


def encoding(subject: int, bitrate_bps: float):
    return {
        "recording": f"s{subject}-rest", "condition": "x264-100k", "target_bps": 100_000.0, "bitrate_bps": bitrate_bps,
        "psnr_y_db": 40.0, "n_frames": 900, "pix_fmt": "yuv420p", "encoder_build": "x", "sha256": "0",
    }  # fmt: skip


@pytest.fixture
def results() -> Results:
    about = {
        "protocol": "tiny", "version": 1, "title": "Made up", "cite": "", "digest": "abc",
        "entries": ["bad", "mean", "good"], "schema": SCHEMA_VERSION, "rppgbench": "0",
        "resolved": {
            "name": "tiny", "version": 1, "folds": {"k": 2}, "clips": {"length_s": 30.0},
            "conditions": [
                {"id": "reference", "reference": True, "use": "original", "params": {}},
                {"id": "x264-100k", "reference": False, "use": "x264", "params": {"bitrate_kbps": 100}},
            ],
            "evaluation": {
                "metrics": ["snr_db", "hr_mae_bpm", "hr_r"], "primary": "hr_mae_bpm",
                "interval": {"bootstrap": 200, "level": 0.95, "seed": 0},
            },
        },
    }  # fmt: skip
    rows = [row(*cell, subject, error) for cell, error in ERRORS.items() for subject in range(4)]
    return Results(about, rows, [encoding(0, 101_000.0), encoding(1, 120_000.0)])
