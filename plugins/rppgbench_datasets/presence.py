"""What is there: a dataset's root, and the files of each published recording."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

from rppgbench.contracts import Absent
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench_datasets.layout import listed, refuse_root

_AGAIN = "copy or download it again"


def demand_root(root: Path, holds: Callable[[Path], bool], looked_for: str) -> None:
    """Return when ``root`` ``holds`` the dataset.

    Raises:
        DatasetUnavailable: it does not; folders one level up and down that do are named.
    """
    entries = listed(root)
    if not holds(root):
        around = [*(entry for entry in entries if entry.is_dir()), root.resolve().parent]
        refuse_root(root, looked_for, [folder for folder in around if holds(folder)])


def demand_files(files: Iterable[Path], belongs: Callable[[Path], bool]) -> None:
    """Return when every file is there; a missing one may have been renamed to what lies there and ``belongs`` nowhere.

    Raises:
        DatasetUnavailable: one is not there, or is empty.
    """
    for path in files:
        if not path.is_file():
            gone = path
            while not gone.parent.is_dir():
                gone = gone.parent
            what = "no such file" if gone == path else f"no such file, nor a folder {gone.name}"
            raise DatasetUnavailable(f"{path}: {what}", hint=renamed(gone, belongs) or _AGAIN)
        if not path.stat().st_size:
            raise DatasetUnavailable(f"{path}: is empty (0 bytes)", hint=_AGAIN)


def renamed(path: Path, belongs: Callable[[Path], bool]) -> str:
    """``there is vid2.avi: renamed?`` when a near name that ``belongs`` nowhere lies beside a missing file."""
    if path.name.isdecimal():
        return ""  # every number is near another
    try:
        strangers = [entry.name for entry in path.parent.iterdir() if not belongs(entry)]
    except OSError:
        return ""
    found = difflib.get_close_matches(path.name, strangers, n=1)
    return f"there is {found[0]}: renamed?" if found else ""


def absent(recording: str, subject: str, error: RppgbenchError, files: Iterable[Path]) -> Absent:
    """A recording that cannot be used because of ``error``, whose message begins with one of its ``files``."""
    named = [path for path in files if error.message.startswith(f"{path}: ")]
    path = named[0] if named else next(iter(files))
    reason = error.message.removeprefix(f"{path}: ")
    return Absent(id=recording, subject=subject, path=path, reason=reason, remedy=error.hint or "")
