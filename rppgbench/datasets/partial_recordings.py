"""Leftovers of recordings that cannot be used: damaged, renamed or remaining files."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from rppgbench.datasets.audit_finding import files_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rppgbench.contracts import Absent, Inventory, Recording

_WORD = re.compile(r"[^\W_]+")


class PartialRecordings:
    """Recordings by folder below ``root``, from the files of whole recordings and the missing files of others."""

    def __init__(self, inventory: Inventory, recordings: Sequence[Recording], root: Path | None) -> None:
        self._root = root
        self._subject = {recording.id: recording.subject for recording in recordings}
        self._subject |= {absent.id: absent.subject for absent in inventory.absent}
        self._claimed: set[Path] = set()
        self._ids_below: dict[Path, set[str]] = defaultdict(set)
        self._unclaimed: dict[Path, list[str]] = {}
        directly: dict[Path, set[str]] = defaultdict(set)
        named = [(recording.id, files_of(recording)) for recording in recordings]
        for name, paths in named + [(absent.id, [absent.path]) for absent in inventory.absent]:
            self._claimed.update(paths)
            for folder in {path.parent for path in paths}:
                directly[folder].add(name)
                for above in (folder, *folder.parents):
                    self._ids_below[above].add(name)
        self._common = [folder for folder, names in directly.items() if len(names) > 1]

    def has_leftovers(self, absent: Absent) -> bool:
        """Whether any file of the recording is here.

        True if its missing file or folder exists (damaged, empty or unreadable), if its remedy says that it was
        renamed, if a folder of its own holds a file, or if a folder of several recordings holds an unclaimed file
        whose name contains the recording's id or the missing file's stem.
        """
        # A dangling link counts as existing.
        if os.path.lexists(absent.path) or "renamed" in absent.remedy:
            return True
        home = absent.path.parent
        if home != self._root and self._ids_below[home] == {absent.id}:
            return _occupied(home)
        names = (absent.id, absent.path.stem)
        return any(
            _contains_words(other, name)
            for folder in dict.fromkeys((home, *self._common))
            for other in self._unclaimed_in(folder)
            for name in names
        )

    def has_subject_folder(self, absent: Absent) -> bool:
        """Whether the folder of its missing file exists and holds recordings of its subject alone."""
        home = absent.path.parent
        if home == self._root or not home.is_dir():
            return False
        return {self._subject[name] for name in self._ids_below[home]} == {absent.subject}

    def _unclaimed_in(self, folder: Path) -> Sequence[str]:
        """Names of files and folders in ``folder`` that belong to no recording."""
        if folder not in self._unclaimed:
            here = (path for path in _entries(folder) if path not in self._claimed and path not in self._ids_below)
            self._unclaimed[folder] = [path.name for path in here]
        return self._unclaimed[folder]


def _occupied(folder: Path) -> bool:
    """Whether the folder holds anything but empty folders; True if it is unreadable."""
    return any(path == folder or path.is_symlink() or not path.is_dir() or _occupied(path) for path in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    """Entries of a folder without hidden files; the folder itself if it is unreadable."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return [folder]


def _contains_words(text: str, name: str) -> bool:
    """Whether the words of ``name`` occur consecutively in ``text``."""
    words, wanted = _WORD.findall(text), _WORD.findall(name)
    n = len(wanted)
    return n > 0 and any(words[at : at + n] == wanted for at in range(len(words) - n + 1))
