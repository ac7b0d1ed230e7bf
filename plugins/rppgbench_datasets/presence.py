"""What is there: a dataset's root, and the files of each published recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rppgbench.contracts import Absent
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench_datasets.layout import listed, refuse_root, renamed

_AGAIN = "copy or download it again"


def demand_root(root: Path, holds: Callable[[Path], bool], looked_for: str) -> None:
    """Return when ``root`` ``holds`` the dataset.

    Raises:
        DatasetUnavailable: it does not; folders one level up and down that do are named.
    """
    # Every task opens the dataset: nothing is listed while all is well.
    if root.is_dir() and os.access(root, os.R_OK) and holds(root):
        return
    around = [*(entry for entry in listed(root) if entry.is_dir()), root.resolve().parent]
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


class Unusable(DatasetUnavailable):
    """A recording that cannot be used: ``path`` is what is missing or wrong, ``reason`` how."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path}: {reason}", hint=remedy)
        self.path = path


def absent(recording: str, subject: str, error: RppgbenchError, files: Iterable[Path] = ()) -> Absent:
    """A recording that cannot be used because of ``error``, whose message begins with one of its ``files``, or which
    names its own."""
    files = [error.path] if isinstance(error, Unusable) else list(files)
    path = next((path for path in files if error.message.startswith(f"{path}:")), files[0])
    rest = error.message.removeprefix(f"{path}:")
    # Where it names a line, `path:7: what`, that stays.
    reason = rest.lstrip() if rest.startswith(" ") or rest == error.message else f"line {rest}"
    return Absent(id=recording, subject=subject, path=path, reason=reason, remedy=error.hint or "")
