"""Folders and plain files of datasets as they lie on a disk: natural order, near names, numbers with line numbers."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from rppgbench.errors import DatasetUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NO_DATA = re.compile(r"\.|~|read.?me|licen[cs]e|copying|citation|eula|thumbs\.db|desktop\.ini|__macosx", re.IGNORECASE)
_NO_DATA_ENDINGS = {".md", ".pdf", ".html", ".md5", ".sha256"}
_N_NAMES = 5


def natural(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Sort key by which ``s2`` comes before ``s10``."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part), name


def listed(folder: Path) -> list[Path]:
    """What lies in a folder, in natural order, hidden files left out.

    Raises:
        DatasetUnavailable: the folder is missing, is a file, or must not be read.
    """
    try:
        return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: natural(p.name))
    except FileNotFoundError:
        raise DatasetUnavailable(f"{folder}: no such folder", hint=near(folder) or f"look in {folder.parent}") from None
    except NotADirectoryError:
        raise DatasetUnavailable(f"{folder}: is a file, expected a folder", hint=f"try {folder.parent}") from None
    except OSError as error:
        raise DatasetUnavailable(f"{folder}: cannot be read ({error.strerror})", hint="check its permissions") from None


def near(path: Path) -> str:
    """``there is vid2.avi: renamed?`` when a name near that of a missing file lies beside it, else nothing."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
    except OSError:
        return ""
    found = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"there is {found[0]}: renamed?" if found else ""


def refuse_root(root: Path, looked_for: str, found_in: Sequence[Path] = (), *, hint: str = "") -> NoReturn:
    """Say that ``root`` holds nothing of a dataset; ``found_in`` are folders near it that do.

    ``hint`` is for what else may be wrong, such as another dataset's files.

    Raises:
        DatasetUnavailable: always.
    """
    names = [entry.name for entry in listed(root)]
    there = ", ".join(names[:_N_NAMES]) + (f" and {len(names) - _N_NAMES} more" if len(names) > _N_NAMES else "")
    hint = hint or "point to the folder that holds it"
    if found_in:
        hint = f"the data seem to be in {' or '.join(map(str, found_in))}: point there"
    raise DatasetUnavailable(f"{root}: looked for {looked_for}, found {there or 'an empty folder'}", hint=hint)


def numbers(
    path: Path, *, delimiter: str | None = None, skip_lines: int = 0, n_columns: int | None = None
) -> NDArray[np.float64]:
    """``(rows, columns)`` of a text file, empty lines left out; "nan" is a number.

    ``delimiter`` None is any white space.

    Raises:
        DatasetUnavailable: the file cannot be read or is empty, a field is no number, or a line has another number of
            columns than ``n_columns``, or than the line before if that is None.
    """
    rows: list[list[float]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if number <= skip_lines or not line.strip():
            continue
        fields = line.split(delimiter)
        expected = n_columns or (len(rows[0]) if rows else len(fields))
        if len(fields) != expected:
            raise DatasetUnavailable(
                f"{path}:{number}: {len(fields)} columns, expected {expected}", hint="was it cut off while copied?"
            )
        rows.append(_floats(fields, f"{path}:{number}"))
    if not rows:
        raise DatasetUnavailable(f"{path}: holds no numbers", hint="copy the file again")
    return np.array(rows, dtype=np.float64)


def optional_reader(module: str) -> Any:
    """The module ``h5py``, ``pyedflib`` or another that only some datasets need.

    Raises:
        DatasetUnavailable: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DatasetUnavailable(
            f"the files of this dataset are read with {module}, which cannot be imported ({error})",
            hint="pip install 'rppgbench[datasets]'",
        ) from None


def extra(root: Path, belonging: Callable[[Path], bool]) -> tuple[Path, ...]:
    """What lies in ``root`` and is not ``belonging``, in natural order; licences, readmes and hidden files aside.

    ``belonging`` is asked of folders too: of one that belongs nothing is looked at, and one in which nothing belongs
    is told as a whole.
    """
    return tuple(_strangers(root, belonging)[0])


def _strangers(folder: Path, belonging: Callable[[Path], bool]) -> tuple[list[Path], bool]:
    strangers: list[Path] = []
    any_belongs = False
    for entry in listed(folder):
        if belonging(entry):
            any_belongs = True
        elif _NO_DATA.match(entry.name) or entry.suffix.lower() in _NO_DATA_ENDINGS:
            continue
        elif entry.is_dir():
            inside, some = _strangers(entry, belonging)
            strangers += inside if some else [entry]
            any_belongs |= some
        else:
            strangers.append(entry)
    return strangers, any_belongs


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DatasetUnavailable(f"{path}: no such file", hint=near(path) or "copy it again") from None
    except UnicodeDecodeError as error:
        raise DatasetUnavailable(f"{path}: is no text ({error.reason})", hint="copy the file again") from None
    except OSError as error:
        raise DatasetUnavailable(f"{path}: cannot be read ({error.strerror})", hint="check its permissions") from None


def _floats(fields: Sequence[str], where: str) -> list[float]:
    try:
        return [float(field) for field in fields]
    except ValueError:
        for column, field in enumerate(fields, start=1):
            try:
                float(field)
            except ValueError:
                raise DatasetUnavailable(
                    f"{where}: column {column} is {field.strip()[:20]!r}, expected a number", hint="copy the file again"
                ) from None
        raise
