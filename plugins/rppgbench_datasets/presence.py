"""Checks of a dataset's root and of the files of each published recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rppgbench.contracts import Absent
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench_datasets.layout import listed, refuse_root, renamed

_AGAIN = "copy or download it again"


def demand_root(root: Path, holds: Callable[[Path], bool], looked_for: str) -> None:
    """Check that ``root`` ``holds`` the dataset.

    Raises:
        DatasetUnavailable: it does not; names folders one level up and down that do.
    """
    # Every task opens the dataset: nothing is listed while all is well.
    if root.is_dir() and os.access(root, os.R_OK) and holds(root):
        return
    around = [*(entry for entry in listed(root) if entry.is_dir()), root.resolve().parent]
    refuse_root(root, looked_for, [folder for folder in around if holds(folder)])


def demand_files(files: Iterable[Path], belongs: Callable[[Path], bool]) -> None:
    """Check that every file exists; a file beside a missing one that ``belongs`` to no recording may be it, renamed.

    Raises:
        DatasetUnavailable: a file is missing or empty.
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


class Unusable(DatasetUnavailable):
    """A recording that cannot be used: ``path`` is the missing or invalid file, ``reason`` the problem."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}", hint=remedy)
        self.path = path


def absent(recording: str, subject: str, error: RppgbenchError, files: Iterable[Path] = ()) -> Absent:
    """Record of a recording that cannot be used because of ``error``, which names one of ``files`` or a path of its
    own."""
    files = [error.path] if isinstance(error, Unusable) else list(files)
    path = next((path for path in files if error.message.startswith(f"{path}:")), files[0])
    rest = error.message.removeprefix(f"{path}:")
    # A line number, as in `path:7: reason`, stays.
    reason = rest.lstrip() if rest.startswith(" ") or rest == error.message else f"line {rest}"
    return Absent(id=recording, subject=subject, path=path, reason=reason, remedy=error.hint or "")
