"""Numbers from text tables; columns of them by name or place are in test_own_recordings.py."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets.sensor_file import numbers


def test_numbers_are_read_with_their_oddities(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(" 1.5e+00, nan\n\n-2 ,3\n", encoding="utf-8-sig")
    table = numbers(path, delimiter=",", n_columns=2)
    np.testing.assert_array_equal(table, [[1.5, np.nan], [-2.0, 3.0]])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"1 2\n3 x7\n", r"table.txt:2: column 2 is 'x7', expected a number"),
        (b"1 2\n3\n", r"table.txt:2: 1 columns, expected 2"),
        (b"\n\n", r"table.txt: holds no numbers"),
        (b"\xff\xfe\x00", r"table.txt: is no text"),
    ],
)
def test_numbers_that_are_none_are_named_by_line(tmp_path, content, complaint):
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    with pytest.raises(DatasetUnavailable, match=complaint):
        numbers(path)


def test_a_missing_table_is_named(tmp_path):
    (tmp_path / "ground_truth2.txt").touch()  # which may be that of another recording
    with pytest.raises(DatasetUnavailable, match=r"ground_truth.txt: no such file\n  -> copy it again"):
        numbers(tmp_path / "ground_truth.txt")
