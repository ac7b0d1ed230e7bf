"""Result rows as one array a column, so that metrics are sums of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.evaluation.constant_predictor import constant_errors_bpm
from rppgbench.evaluation.schema import COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

CONSTANT_ERROR = "constant_error_bpm"
NUMBERS = tuple(column.name for column in COLUMNS if column.type in ("int64", "float64"))


@dataclass(frozen=True)
class Windows:
    """Columns ``(N,)`` of N windows: the rows' numeric ones, and the absolute error of the constant predictor.

    Values that are not finite are NaN: they are unknown, or an infinite PSNR (a video equal to the reference, byte for
    byte), which would dominate a mean. ``subject`` ``(N,)`` holds indices of subjects.
    """

    n_subjects: int
    subject: NDArray[np.intp]
    scored: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    enhanced: NDArray[np.bool_]
    columns: Mapping[str, FloatArray]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], subjects: Sequence[str]) -> Windows:
        """Windows of result rows, in their order; columns that the rows lack are NaN."""
        index = {subject: s for s, subject in enumerate(subjects)}
        status = np.array([row["status"] for row in rows], dtype=np.str_)
        columns = {name: _numbers([row.get(name) for row in rows]) for name in NUMBERS}
        if rows and "fold" in rows[0]:
            errors_bpm = constant_errors_bpm(rows)
            columns[CONSTANT_ERROR] = _numbers([errors_bpm.get((row["recording"], row["window"])) for row in rows])
        else:
            columns[CONSTANT_ERROR] = np.full(len(rows), np.nan)
        return cls(
            n_subjects=len(subjects),
            subject=np.array([index[str(row["subject"])] for row in rows], dtype=np.intp),
            scored=status == "scored",
            failed=status == "failed",
            # A table of pandas has NaN where others have None.
            enhanced=np.array([isinstance(row.get("enhancer"), str) for row in rows], dtype=np.bool_),
            columns=columns,
        )

    def __len__(self) -> int:
        return len(self.subject)

    def __getitem__(self, name: str) -> FloatArray:
        return self.columns[name]

    def select(self, where: NDArray[Any]) -> Windows:
        """Windows at indices, or where a boolean array is true."""
        return Windows(
            n_subjects=self.n_subjects,
            subject=self.subject[where],
            scored=self.scored[where],
            failed=self.failed[where],
            enhanced=self.enhanced[where],
            columns={name: values[where] for name, values in self.columns.items()},
        )

    def totals(self, values: FloatArray | None, where: NDArray[np.bool_]) -> FloatArray:
        """Sums ``(S,)`` of values over each subject's windows in ``where``; counts of these windows without values."""
        weights = None if values is None else values[where]
        return np.bincount(self.subject[where], weights, self.n_subjects).astype(np.float64)


def _numbers(values: Sequence[Any]) -> FloatArray:
    numbers = np.array(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
