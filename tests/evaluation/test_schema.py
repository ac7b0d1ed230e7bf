from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rppgbench.errors import IncomparableResults, StoreError
from rppgbench.evaluation.labels import Label
from rppgbench.evaluation.schema import COLUMNS, read_rows, rows_to_table, write_rows
from rppgbench.evaluation.score import HeartRateSettings, score_windows


@pytest.fixture
def rows(make_rows):
    return make_rows({"s02": [(60, 61.0), (62, None)], "s01": [(80, 79.5)]})


def test_rows_are_read_back_in_sorted_order(rows, tmp_path):
    write_rows(rows, tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet") == [rows[2], rows[0], rows[1]]


def test_the_same_rows_in_any_order_are_the_same_bytes(rows, tmp_path):
    write_rows(rows, tmp_path / "a.parquet")
    write_rows(rows[::-1], tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_units_and_meanings_are_in_the_file(rows, tmp_path):
    write_rows(rows, tmp_path / "rows.parquet")
    schema = pq.read_schema(tmp_path / "rows.parquet")
    assert schema.names == [column.name for column in COLUMNS]
    for column in COLUMNS:
        assert schema.field(column.name).metadata[b"unit"].decode() == column.unit
        assert schema.field(column.name).metadata[b"meaning"].decode() == column.meaning


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_unit_in_a_name_is_the_unit_of_the_column(column):
    unit = {"bps": "bit/s", "bpm": "1/min", "s": "s", "db": "dB", "hz": "Hz", "ms": "ms"}.get(
        column.name.rsplit("_", 1)[-1], ""
    )
    assert column.unit == (unit if "_" in column.name else "")
    assert column.meaning


def test_every_part_of_a_score_has_its_column():
    (row,) = score_windows(np.zeros((1, 900)), 30.0, np.zeros(1), [Label(None, excluded="silent")], HeartRateSettings())
    assert row.keys() <= {column.name for column in COLUMNS}


def test_a_row_of_other_columns_is_refused(rows):
    rows[1]["seconds"] = 0.1
    del rows[1]["status"]
    with pytest.raises(StoreError, match=r"row 1: missing columns \['status'\], unknown columns \['seconds'\]"):
        rows_to_table(rows)


def test_a_row_without_a_required_value_is_refused(rows):
    rows[2]["subject"] = None
    with pytest.raises(StoreError, match="row 2: no value in subject"):
        rows_to_table(rows)


def test_no_rows_are_a_valid_table(tmp_path):
    write_rows([], tmp_path / "none.parquet")
    assert read_rows(tmp_path / "none.parquet") == []


def test_another_schema_version_is_refused(rows, tmp_path):
    table = rows_to_table(rows)
    pq.write_table(table.replace_schema_metadata({"rppgbench_schema_version": "0"}), tmp_path / "old.parquet")
    with pytest.raises(IncomparableResults, match=r"old\.parquet: results of schema version 0, expected 4"):
        read_rows(tmp_path / "old.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "foreign.parquet")
    with pytest.raises(IncomparableResults, match="schema version none"):
        read_rows(tmp_path / "foreign.parquet")


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "text.parquet").write_text("not a table")
    with pytest.raises(StoreError, match=r"text\.parquet: cannot be read"):
        read_rows(tmp_path / "text.parquet")
    with pytest.raises(StoreError, match=r"missing\.parquet: cannot be read"):
        read_rows(tmp_path / "missing.parquet")
