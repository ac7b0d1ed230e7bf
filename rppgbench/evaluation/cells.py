"""Result rows indexed by entry and condition: arrays over windows and means over subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import IncomparableResults
from rppgbench.evaluation.constant_predictor import constant_errors_bpm
from rppgbench.evaluation.intervals import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from rppgbench.contracts import FloatArray

Row = Mapping[str, Any]
Window = tuple[str, str, int]  # subject, recording, number

# Added to a subject's mean absolute error before logarithms are taken: a nearly perfect subject must not weigh without
# bound.
FLOOR_BPM = 0.5


class Cells:
    """Result rows by cell, one entry under one condition, as ``(W,)`` arrays in the order of ``windows``.

    ``windows`` are those of all rows, so that arrays of different cells align; NaN where a cell lacks a window.
    """

    def __init__(self, rows: Iterable[Row] | pd.DataFrame) -> None:
        to_dict: Any = getattr(rows, "to_dict", None)  # a DataFrame iterates over its columns
        records: Any = to_dict("records") if to_dict else rows
        self.rows: list[Row] = list(records)
        named = [(str(row["subject"]), str(row["recording"]), row["window"]) for row in self.rows]
        self.windows: list[Window] = sorted(set(named))
        index = {window: w for w, window in enumerate(self.windows)}
        self._by_cell: dict[tuple[str, str], list[tuple[int, Row]]] = {}
        for window, row in zip(named, self.rows, strict=True):
            self._by_cell.setdefault((row["entry"], row["condition"]), []).append((index[window], row))
        self.subjects: list[str] = sorted({subject for subject, _, _ in self.windows})
        subject_index = {subject: s for s, subject in enumerate(self.subjects)}
        self._subject_of = np.array([subject_index[subject] for subject, _, _ in self.windows], dtype=np.int64)

    @property
    def entries(self) -> list[str]:
        """Entry ids in the rows' order of first appearance."""
        return list(dict.fromkeys(entry for entry, _ in self._by_cell))

    @cached_property
    def non_controls(self) -> list[str]:
        """Ids of the entries that are not controls, in the rows' order."""
        controls = {entry for (entry, _), cell in self._by_cell.items() if cell[0][1].get("control")}
        return [entry for entry in self.entries if entry not in controls]

    @property
    def conditions(self) -> list[str]:
        """Condition ids in the rows' order of first appearance."""
        return list(dict.fromkeys(condition for _, condition in self._by_cell))

    def conditions_of(self, entry: str) -> list[str]:
        """Ids of the conditions under which the entry has rows."""
        return [condition for name, condition in self._by_cell if name == entry]

    def seeds(self, *entries: str) -> list[int]:
        """Training seeds of any of the entries, ascending; empty where none was trained."""
        return sorted(set().union(*(self._seeds.get(entry, ()) for entry in entries)))

    def fewest_seeds(self, *entries: str) -> int:
        """Smallest number of training seeds among the trained entries; 0 where none was trained."""
        return min((len(self._seeds[entry]) for entry in entries if entry in self._seeds), default=0)

    def seed_of(self, entry: str, seed: int | None) -> int | None:
        """``seed`` where the entry was trained from it, else None, which selects all rows of the entry.

        An entry without seeds is thus compared unchanged with each seed of another.
        """
        return seed if seed in self._seeds.get(entry, ()) else None

    def values(
        self, entry: str, condition: str, of: Callable[[Row], float | None], seed: int | None = None
    ) -> FloatArray:
        """``(W,)`` values of ``of`` over the cell's rows, averaged over seeds unless one is given; NaN without any."""
        indices, found = [], []
        for window, row in self._by_cell.get((entry, condition), ()):
            if seed is not None and row.get("seed") != seed:
                continue
            value = of(row)
            if value is not None and np.isfinite(value):  # a table of pandas has NaN where others have None
                indices.append(window)
                found.append(value)
        where, W = np.array(indices, dtype=np.int64), len(self.windows)
        counts = np.bincount(where, minlength=W)
        return np.where(counts > 0, np.bincount(where, found, W) / counts.clip(1), np.nan)

    def errors_bpm(self, entry: str, condition: str, seed: int | None = None) -> FloatArray:
        """``(W,)`` absolute errors of heart rate, failed windows imputed as in ``error_bpm``."""
        return self.values(entry, condition, self.error_bpm, seed)

    def error_bpm(self, row: Row) -> float | None:
        """Absolute error of a row, that of a failed window imputed by the constant predictor's; None without either.

        A failed window thus costs as much as a prediction that ignores the video, and less than a worse one.
        """
        if row["status"] == "scored":
            return abs(float(row["error_bpm"]))
        return self._constant_errors_bpm.get((row["recording"], row["window"])) if row["status"] == "failed" else None

    def snr_db(self, row: Row) -> float | None:
        """SNR of a row's pulse; None for a failed window."""
        value = row["snr_db"]
        return float(value) if row["status"] == "scored" and value is not None and np.isfinite(value) else None

    def subject_means(self, *cells: FloatArray) -> FloatArray:
        """``(len(cells), S)`` subject means over the windows that all cells have; NaN for a subject without any."""
        common = ~np.isnan(np.stack(cells)).any(axis=0)
        subject_of, n = self._subject_of[common], len(self.subjects)
        counts = np.bincount(subject_of, minlength=n)
        totals = np.stack([np.bincount(subject_of, cell[common], n) for cell in cells])
        return np.where(counts > 0, totals / counts.clip(1), np.nan)

    def refuse_several_digests(self) -> None:
        """Check that all rows are of one protocol.

        Raises:
            IncomparableResults: rows of more than one protocol digest.
        """
        digests = sorted({str(row["digest"]) for row in self.rows if "digest" in row})
        if len(digests) > 1:
            raise IncomparableResults(
                f"rows of {len(digests)} protocol digests: {', '.join(digests)}", hint="compare each digest by itself"
            )

    @cached_property
    def _seeds(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for entry, seed in {(row["entry"], row.get("seed")) for row in self.rows}:
            if seed is not None and np.isfinite(seed):  # a table of pandas has NaN where others have None
                found.setdefault(entry, set()).add(int(seed))
        return found

    @cached_property
    def _constant_errors_bpm(self) -> dict[tuple[str, int], float]:
        return constant_errors_bpm(self.rows)


def log_errors(subject_means_bpm: FloatArray, floor_bpm: float = FLOOR_BPM) -> FloatArray:
    """Logarithms of subjects' mean absolute errors, each plus the floor; their differences are log-ratios."""
    return np.asarray(np.log(subject_means_bpm + floor_bpm))


def as_ratio(of_logs: Estimate) -> Estimate:
    """Ratio, with its interval, from the estimate of a mean log-ratio."""
    if np.isnan(of_logs.value):
        return of_logs
    value, low, high = np.exp([of_logs.value, of_logs.low, of_logs.high]).tolist()
    return Estimate(value, low, high, of_logs.reason)
