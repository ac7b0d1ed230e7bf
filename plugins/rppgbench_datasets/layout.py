"""Folders of datasets on a disk: natural order, near names, files that belong to no recording."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rppgbench.errors import DatasetUnavailable
from rppgbench.text import natural_order

_NO_DATA = re.compile(r"\.|~|read.?me|licen[cs]e|copying|citation|eula|thumbs\.db|desktop\.ini|__macosx", re.IGNORECASE)
_NO_DATA_ENDINGS = {".md", ".pdf", ".html", ".md5", ".sha256"}
_N_NAMES = 5


def listed(folder: Path) -> list[Path]:
    """The entries of a folder in natural order, without hidden files.

    Raises:
        DatasetUnavailable: the folder is missing, is a file, or must not be read.
    """
    try:
        return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: natural_order(p.name))
    except FileNotFoundError:
        hint = renamed(folder, lambda _: False) or f"look in {folder.parent}"
        raise DatasetUnavailable(f"{folder}: no such folder", hint=hint) from None
    except NotADirectoryError:
        raise DatasetUnavailable(f"{folder}: is a file, expected a folder", hint=f"try {folder.parent}") from None
    except OSError as error:
        raise DatasetUnavailable(f"{folder}: cannot be read ({error.strerror})", hint="check its permissions") from None


def renamed(path: Path, belongs: Callable[[Path], bool]) -> str:
    """``there is vid2.avi: renamed?`` for a near name beside a missing file, else "".

    Names for which ``belongs`` is true are files of other recordings and have not been renamed.
    """
    try:
        others = [entry.name for entry in path.parent.iterdir() if entry.name != path.name and not belongs(entry)]
    except OSError:
        return ""
    if path.name.isdecimal():  # every number is near another, and only 01 is 1
        others = [name for name in others if name.isdecimal() and int(name) == int(path.name)]
    found = difflib.get_close_matches(path.name, others, n=1, cutoff=0.6)
    return f"there is {found[0]}: renamed?" if found else ""


def refuse_root(root: Path, looked_for: str, found_in: Sequence[Path] = (), *, hint: str = "") -> NoReturn:
    """Refuse a ``root`` without files of the dataset; ``found_in`` are folders near it that have some.

    ``hint`` is for another reason, such as another dataset's files.

    Raises:
        DatasetUnavailable: always.
    """
    names = [entry.name for entry in listed(root)]
    there = ", ".join(names[:_N_NAMES]) + (f" and {len(names) - _N_NAMES} more" if len(names) > _N_NAMES else "")
    hint = hint or "point to the folder that holds it"
    if found_in:
        hint = f"the data seem to be in {' or '.join(map(str, found_in))}: point there"
    raise DatasetUnavailable(f"{root}: looked for {looked_for}, found {there or 'an empty folder'}", hint=hint)


def optional_reader(module: str) -> Any:
    """The module ``h5py``, ``pyedflib`` or another that some datasets need.

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
    """Files in ``root`` that are not ``belonging``, in natural order, without licences, readmes and hidden files.

    A folder that is ``belonging`` is not searched; a folder in which nothing belongs stands for all its files.
    """
    return tuple(_extra_below(root, belonging)[0])


def _extra_below(folder: Path, belonging: Callable[[Path], bool]) -> tuple[list[Path], bool]:
    others: list[Path] = []
    any_belongs = False
    for entry in listed(folder):
        if belonging(entry):
            any_belongs = True
        elif _NO_DATA.match(entry.name) or entry.suffix.lower() in _NO_DATA_ENDINGS:
            continue
        elif entry.is_dir():
            inside, some = _extra_below(entry, belonging)
            others += inside if some else [entry]
            any_belongs |= some
        else:
            others.append(entry)
    return others, any_belongs
