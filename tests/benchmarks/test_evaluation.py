"""Seconds of a whole evaluation: 2,000 clips of 30 s under 10 conditions by 6 entries, with 10,000 bootstrap draws."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.evaluation.comparison import compare_entries
from rppgbench.evaluation.entry_summary import summarise
from rppgbench.evaluation.label_floor import label_floor
from rppgbench.evaluation.labels import Label, label_windows
from rppgbench.evaluation.schema import COLUMNS
from rppgbench.evaluation.score import HeartRateSettings, score_windows

FPS_HZ, T = 30.0, 900
SETTINGS = HeartRateSettings()
SUBJECTS, CLIPS, CONDITIONS, ENTRIES, FOLDS = 50, 2000, 10, 6, 5
EACH = CLIPS // SUBJECTS
SCORED_CELLS = 6  # of 60; the others take as long, and have the same rows
PROCESSES = 2


def pulse(subject: int, times_s: np.ndarray) -> np.ndarray:
    """A pulse whose rate breathes, sharper than a cosine."""
    rate_hz = 0.9 + 0.9 * subject / SUBJECTS
    phase = 2 * np.pi * rate_hz * times_s + 0.4 * np.sin(2 * np.pi * 0.25 * times_s)
    return np.cos(phase) + 0.3 * np.cos(2 * phase - 0.5)


def labelled(subject: int) -> list[Label]:
    times_s = np.arange(64 * (30 * EACH + 2)) / 64 - 1
    truth = GroundTruth(samples=pulse(subject, times_s), times_s=times_s, kind="bvp")
    return label_windows(truth, 30.0 * np.arange(EACH), T, FPS_HZ, SETTINGS)


def scored(cell: int, subject: int, labels: list[Label]) -> list[dict[str, object]]:
    """Rows of one entry on one subject; entries and conditions are noisy by degrees."""
    starts_s = 30.0 * np.arange(EACH)
    truths = pulse(subject, starts_s[:, None] + np.arange(T) / FPS_HZ)
    surrogate_waves = pulse((subject + 7) % SUBJECTS, starts_s[:, None] + np.arange(T) / FPS_HZ)
    noise = np.random.RandomState(1000 * cell + subject).randn(*truths.shape)
    waves = truths + (1 + cell) * noise
    scores = score_windows(waves, FPS_HZ, starts_s, labels, SETTINGS, truths=truths, surrogate_waves=surrogate_waves)
    named = {"protocol": "p", "digest": "d", "subject": f"s{subject:02d}", "recording": f"s{subject:02d}-rest"}
    none = dict.fromkeys(column.name for column in COLUMNS)
    pixels = {column.name: 30.0 + cell for column in COLUMNS if column.name.endswith(("_in_db", "_out_db"))}
    return [{**none, **pixels, **named, "fold": subject % FOLDS, "control": False, **score} for score in scores]


@pytest.mark.benchmark
def test_the_whole_evaluation(capsys):
    took_s: dict[str, float] = {}

    def timed(name, work):
        start_s = time.perf_counter()
        result = work()
        took_s[name] = time.perf_counter() - start_s
        return result

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the processes, as the engine has it
    tasks = [(cell, subject) for cell in range(SCORED_CELLS) for subject in range(SUBJECTS)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(labelled, range(PROCESSES)))  # processes start and import
        labels = timed("labels", lambda: list(pool.map(labelled, range(SUBJECTS))))
        arguments = [*zip(*((cell, subject, labels[subject]) for cell, subject in tasks), strict=True)]
        parts = timed("scores", lambda: list(pool.map(scored, *arguments, chunksize=5)))
    cells = CONDITIONS * ENTRIES
    took_s["scores"] *= cells / SCORED_CELLS
    per_cell: list[list[dict[str, object]]] = [[] for _ in range(SCORED_CELLS)]
    for (cell, _), part in zip(tasks, parts, strict=True):
        per_cell[cell] += part
    rows = [
        {**row, "condition": f"c{cell // ENTRIES}", "codec": "x264", "entry": f"e{cell % ENTRIES}"}
        for cell in range(cells)
        for row in per_cell[cell % SCORED_CELLS]
    ]
    assert len(rows) == CLIPS * CONDITIONS * ENTRIES
    standings = timed("metrics and intervals", lambda: summarise(rows, draws=10_000))
    assert len(standings) == cells
    floor = timed("label floor", lambda: label_floor(rows, draws=10_000))
    assert floor is not None
    paired = timed("comparisons", lambda: compare_entries(rows, draws=10_000))
    assert paired
    with capsys.disabled():
        print(f"\n{len(rows):,} rows, {SUBJECTS} subjects, 10,000 draws, {PROCESSES} processes for labels and scores")
        for name, seconds in took_s.items():
            print(f"  {name:24}{seconds:6.1f} s{'  (scaled from 6 cells)' if name == 'scores' else ''}")
        print(f"  {'all':24}{sum(took_s.values()):6.1f} s")
