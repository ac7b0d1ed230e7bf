"""Results of made-up runs, every error of which is known."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from rppgbench.evaluation.schema import COLUMNS, SCHEMA_VERSION
from rppgbench.report.paper import Paper, builtin_papers, load_paper
from rppgbench.results.board import Board
from rppgbench.results.results import Results

RATES = {"reference": None, "x264-250k": 250, "x264-125k": 125, "x264-60k": 60}
# Absolute errors in bpm by entry, in the order of RATES; every second subject's is negative.
ERRORS = {
    "good": (0.5, 1.0, 2.0, 4.0),
    "like_good": (0.55, 1.05, 2.05, 4.05),
    "bad": (6.0, 9.0, 14.0, 30.0),
    "mean_hr": (12.0, 12.0, 12.0, 12.0),
}
# Difference of the two estimators of the contact sensor.
FLOOR_BPM = 0.4


def row(condition, entry, error_bpm, subject, window, **changes):
    sign = -1 if (subject + window) % 2 else 1
    # Errors differ between subjects: tests need a spread.
    error, true = sign * error_bpm * (1 + 0.02 * subject), 60.0 + 3 * subject + window
    return {
        **{column.name: None for column in COLUMNS},
        "protocol": "made_up", "version": 1, "digest": "abc", "fold": subject % 3, "condition": condition,
        "codec": "original" if condition == "reference" else "x264", "entry": entry, "method": entry, "params": "{}",
        "control": entry == "mean_hr", "dataset": "mini", "source": "rendered", "tags": "{}",
        "subject": f"s{subject}", "recording": f"s{subject}-rest", "window": window,
        "start_s": 30.0 * window, "end_s": 30.0 * (window + 1),
        "hr_true_bpm": true, "hr_true_spectrum_bpm": true, "hr_true_beats_bpm": true + FLOOR_BPM, "intervals_true": 30,
        "hr_pred_bpm": true + error, "error_bpm": error, "snr_db": 8 - error_bpm,
        "rf_true_hz": 0.2 + 0.01 * subject, "rf_pred_hz": 0.25 + 0.01 * subject,
        "lf_nu_true": 0.3 + 0.05 * subject, "lf_nu_pred": 0.3 + 0.05 * subject + 0.1 * sign,
        "sdnn_true_ms": 50.0 + subject, "sdnn_pred_ms": 60.0 + subject,
        "lf_hf_true": 1.0 + subject, "lf_hf_pred": 1.5 + subject,
        "psnr_in_db": None if condition == "reference" else 45.0 - error_bpm,
        "pulse_fidelity_in_db": None if condition == "reference" else 10.0 - error_bpm,
        "status": "scored", **changes,
    }  # fmt: skip


def make_results(*, n_subjects=8, n_windows=2, errors=ERRORS, rates=RATES, dataset="mini", changes=None) -> Results:
    """``changes`` takes a row to what is different in it."""
    rows = [
        row(condition, entry, own[place], subject, window)
        for entry, own in errors.items()
        for place, condition in enumerate(rates)
        for subject in range(n_subjects)
        for window in range(n_windows)
    ]
    rows = [{**one, **(changes(one) if changes else {})} for one in rows]
    about = {
        "protocol": "made_up", "version": 1, "title": "Made up", "cite": "", "digest": "abc", "schema": SCHEMA_VERSION,
        "entries": list(errors), "rppgbench": "0",
        "resolved": {
            "name": "made_up", "version": 1, "dataset": {"use": dataset}, "folds": {"k": 3},
            "clips": {"length_s": 30.0},
            "conditions": [
                {"id": condition, "reference": rate is None, "use": "original" if rate is None else "x264",
                 "params": {} if rate is None else {"bitrate_kbps": rate}}
                for condition, rate in rates.items()
            ],
            "evaluation": {
                "heart_rate": {"use": "spectrum", "band_hz": [0.7, 4.0]}, "metrics": ["hr_mae_bpm", "hr_rmse_bpm"],
                "primary": "hr_mae_bpm", "interval": {"bootstrap": 400, "level": 0.95, "seed": 0},
            },
        },
    }  # fmt: skip
    encodings = [
        {"recording": "s0-rest", "condition": condition, "target_bps": 1e3 * rate, "bitrate_bps": 1e3 * rate,
         "psnr_y_db": 40.0, "n_frames": 900, "pix_fmt": "yuv420p", "encoder_build": "x", "sha256": "0"}
        for condition, rate in rates.items() if rate
    ]  # fmt: skip
    return Results(about, rows, encodings)


@pytest.fixture(scope="session")
def make_board():
    return lambda **kwargs: Board.of(make_results(**kwargs))


@pytest.fixture(scope="session")
def board(make_board) -> Board:
    return make_board()


@pytest.fixture(scope="session")
def paper() -> Paper:
    return load_paper(builtin_papers()["yu2019"])


@pytest.fixture
def unprinted(monkeypatch) -> None:
    """Pictures are printed in tests/figures."""
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: path.touch())
    monkeypatch.setattr(Figure, "draw_without_rendering", lambda _: None)
