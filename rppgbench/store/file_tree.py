"""Files and folders that other processes may change at the same time."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


def names_in(folder: Path) -> list[str]:
    """Sorted names in a folder; empty if there is no such folder."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths
    except (FileNotFoundError, NotADirectoryError):
        return []


def bytes_in(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; files that vanish during the call do not count."""
    total = 0
    for one in (path, *path.rglob("*")):
        with contextlib.suppress(OSError):
            total += 0 if one.is_dir() else one.lstat().st_size
    return total


def last_change(path: Path) -> float:
    """Latest modification time of a file, or of a folder and all in it; 0 if it is gone."""
    latest = 0.0
    for one in (path, *path.rglob("*")):
        with contextlib.suppress(OSError):
            latest = max(latest, one.lstat().st_mtime)
    return latest


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; what is written there takes its place at the end, all at once."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def delete(path: Path) -> None:
    """Remove a file or folder; errors are ignored."""
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # what is no folder
        path.unlink()


def sync(path: Path) -> None:
    """Flush a file or folder to the disk, if the system supports it."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
