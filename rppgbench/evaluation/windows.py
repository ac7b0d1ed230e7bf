"""Rows of results column by column, so that metrics are sums of arrays."""

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

NAIVE_ERROR = "naive_error_bpm"
NUMBERS = tuple(column.name for column in COLUMNS if column.type in ("int64", "float64"))


@dataclass(frozen=True)
class Windows:
    """N windows. ``columns`` are ``(N,)``: those of the rows that hold numbers, and the constant predictor's error.

    What is not a finite number is NaN there: nothing is known of it, and an infinite PSNR (a video that is the
    reference's, byte for byte) would leave nothing else of a mean. ``subject`` ``(N,)`` numbers the subjects.
    """

    n_subjects: int
    subject: NDArray[np.intp]
    scored: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    enhanced: NDArray[np.bool_]
    columns: Mapping[str, FloatArray]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], subjects: Sequence[str]) -> Windows:
        """Of rows of results, whose order is kept; columns that they lack are NaN."""
        number = {subject: s for s, subject in enumerate(subjects)}
        status = np.array([row["status"] for row in rows], dtype=np.str_)
        columns = {name: _numbers([row.get(name) for row in rows]) for name in NUMBERS}
        if rows and "fold" in rows[0]:
            naive = constant_errors_bpm(rows)
            columns[NAIVE_ERROR] = _numbers([naive.get((row["recording"], row["window"])) for row in rows])
        else:
            columns[NAIVE_ERROR] = np.full(len(rows), np.nan)
        return cls(
            n_subjects=len(subjects),
            subject=np.array([number[str(row["subject"])] for row in rows], dtype=np.intp),
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

    def pick(self, where: NDArray[Any]) -> Windows:
        """The windows of those indices, or where that is true."""
        return Windows(
            n_subjects=self.n_subjects,
            subject=self.subject[where],
            scored=self.scored[where],
            failed=self.failed[where],
            enhanced=self.enhanced[where],
            columns={name: values[where] for name, values in self.columns.items()},
        )

    def totals(self, values: FloatArray | None, where: NDArray[np.bool_]) -> FloatArray:
        """Sums ``(S,)`` over each subject's windows of ``where``; without values, how many they are."""
        weights = None if values is None else values[where]
        return np.bincount(self.subject[where], weights, self.n_subjects).astype(np.float64)


def _numbers(values: Sequence[Any]) -> FloatArray:
    numbers = np.array(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
