"""Numbers from text tables: of a published format, or by column from the output of any sensor's software."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rppgbench.errors import DatasetUnavailable, nearest

_AGAIN = "copy the file again"
_HINT = "expected a text table of numbers, one sample a line, with or without a line of names"


def numbers(path: Path, *, delimiter: str | None = None, n_columns: int | None = None) -> NDArray[np.float64]:
    """``(rows, columns)`` of a text file of numbers, without empty lines; "nan" is a number.

    ``delimiter`` None is any white space.

    Raises:
        DatasetUnavailable: the file cannot be read or is empty, a field is no number, or a line has another number of
            columns than ``n_columns``, or than the line before if that is None.
    """
    rows: list[list[float]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split(delimiter)
        _check_width(path, number, fields, n_columns or (len(rows[0]) if rows else len(fields)))
        rows.append([_number(field, path, number, str(place), _AGAIN) for place, field in enumerate(fields, start=1)])
    if not rows:
        raise DatasetUnavailable(f"{path}: holds no numbers", hint=_AGAIN)
    return np.array(rows, dtype=np.float64)


def read_columns(path: Path, wanted: Sequence[str]) -> list[NDArray[np.float64]]:
    """``(N,)`` float64 of each wanted column; an empty field is NaN.

    Delimiters are commas, semicolons, tabs or white space. A first line with other text than numbers holds names.
    ``wanted`` are names, or places from "0" on.

    Raises:
        DatasetUnavailable: the file cannot be read, there is no such column, a line has another number of fields than
            the first one, or a field is no number; with the line.
    """
    lines = _lines(path)
    names = [] if _is_numbers(lines[0][1]) else [name.strip() for name in lines[0][1]]
    rows = lines[1:] if names else lines
    if not rows:
        raise DatasetUnavailable(f"{path}: holds no samples", hint=_HINT)
    places = [_place(path, column, names, len(lines[0][1])) for column in wanted]
    columns = np.empty((len(places), len(rows)))
    for index, (number, fields) in enumerate(rows):
        _check_width(path, number, fields, len(lines[0][1]))
        for column, place in enumerate(places):
            name = repr(names[place] if names else str(place))
            empty = not fields[place].strip()
            columns[column, index] = np.nan if empty else _number(fields[place], path, number, name, _HINT)
    return list(columns)


def ascending(times_s: NDArray[np.float64], path: Path, column: str) -> NDArray[np.float64]:
    """``times_s``, unchanged.

    Raises:
        DatasetUnavailable: they do not ascend; names the first such sample.
    """
    wrong = np.flatnonzero(~(np.diff(times_s, prepend=-np.inf) > 0))
    if len(wrong):
        at = int(wrong[0])
        before = times_s[at - 1] if at else "nothing"
        raise DatasetUnavailable(
            f"{path}: column {column!r}: sample {at + 1} is at {times_s[at]} s, after {before}: times must ascend",
            hint="sort the samples, and keep one of those with equal times",
        )
    return times_s


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    file = io.StringIO(_text(path), newline="")
    first = file.readline()
    file.seek(0)
    delimiter = next((mark for mark in (";", "\t", ",") if mark in first), None)
    try:
        if delimiter is None:
            parted = ((number, line.split()) for number, line in enumerate(file, start=1))
            lines = [(number, fields) for number, fields in parted if fields]
        else:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            lines = [(reader.line_num, fields) for fields in reader if any(field.strip() for field in fields)]
    except csv.Error as error:
        raise DatasetUnavailable(f"{path}: cannot be read as a table: {error}", hint=_HINT) from None
    if not lines:
        raise DatasetUnavailable(f"{path}: is empty", hint=_HINT)
    return lines


def _text(path: Path) -> str:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return file.read()
    except FileNotFoundError:
        raise DatasetUnavailable(f"{path}: no such file", hint="copy it again, or correct its name") from None
    except UnicodeDecodeError as error:
        raise DatasetUnavailable(f"{path}: is no text ({error.reason})", hint=_AGAIN) from None
    except OSError as error:
        raise DatasetUnavailable(f"{path}: cannot be read ({error.strerror})", hint="check its permissions") from None


def _is_numbers(fields: Sequence[str]) -> bool:
    try:
        return [float(field) for field in fields if field.strip()] != []
    except ValueError:
        return False


def _place(path: Path, column: str, names: Sequence[str], n_columns: int) -> int:
    if names.count(column) > 1:
        raise DatasetUnavailable(
            f"{path}:1: column {column!r} stands there twice", hint="ask for it by place, from 0 on"
        )
    if column in names:
        return names.index(column)
    if column.isdecimal():
        if int(column) < n_columns:
            return int(column)
        raise DatasetUnavailable(
            f"{path}: has {n_columns} columns, so none at place {column}", hint="places begin at 0"
        )
    if not names:
        raise DatasetUnavailable(
            f"{path}: its first line is numbers, so no column is called {column!r}",
            hint=f"ask for it by place, 0 to {n_columns - 1}",
        )
    raise DatasetUnavailable(f"{path}:1: no column {column!r}", hint=nearest(column, names))


def _check_width(path: Path, number: int, fields: Sequence[str], expected: int) -> None:
    if len(fields) != expected:
        raise DatasetUnavailable(
            f"{path}:{number}: {len(fields)} columns, expected {expected}",
            hint="was the file cut off while it was copied?",
        )


def _number(field: str, path: Path, number: int, column: str, hint: str) -> float:
    try:
        return float(field)
    except ValueError:
        comma = "write decimals with a point" if "," in field else hint
        raise DatasetUnavailable(
            f"{path}:{number}: column {column} is {field.strip()[:30]!r}, expected a number", hint=comma
        ) from None
