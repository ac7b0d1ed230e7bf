"""Files and folders that others may be changing meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


def names_in(folder: Path) -> list[str]:
    """What lies in a folder, sorted; nothing where there is none."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are what is asked for
    except (FileNotFoundError, NotADirectoryError):
        return []


def bytes_in(path: Path) -> int:
    """Bytes of a file, or of all the files in a folder; what vanishes meanwhile does not count."""
    total = 0
    for one in (path, *path.rglob("*")):
        with contextlib.suppress(OSError):
            total += 0 if one.is_dir() else one.lstat().st_size
    return total


def last_change(path: Path) -> float:
    """When a file, or a folder or anything in it, was last written; 0 when it is gone."""
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
    """Remove a file or folder, as far as that can be done."""
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # what is no folder
        path.unlink()


def sync(path: Path) -> None:
    """Flush a file or folder to the disk, where the system can."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
