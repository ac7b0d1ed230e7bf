"""What lies here of recordings that cannot be used: a damaged file, a renamed one, or the others of their files."""

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
    """Which folders below ``root`` are whose, by the files of whole recordings and by those that are missing."""

    def __init__(self, inventory: Inventory, recordings: Sequence[Recording], root: Path | None) -> None:
        self._root = root
        self._subject = {recording.id: recording.subject for recording in recordings}
        self._subject |= {absent.id: absent.subject for absent in inventory.absent}
        self._claimed: set[Path] = set()
        self._tenants: dict[Path, set[str]] = defaultdict(set)
        self._strangers: dict[Path, list[str]] = {}
        directly: dict[Path, set[str]] = defaultdict(set)
        named = [(recording.id, files_of(recording)) for recording in recordings]
        for name, paths in named + [(absent.id, [absent.path]) for absent in inventory.absent]:
            self._claimed.update(paths)
            for folder in {path.parent for path in paths}:
                directly[folder].add(name)
                for above in (folder, *folder.parents):
                    self._tenants[above].add(name)
        self._common = [folder for folder, names in directly.items() if len(names) > 1]

    def hold(self, absent: Absent) -> bool:
        """Whether anything is here of a recording that cannot be used.

        That is so when the file or folder that it names exists (damaged then, empty, or not to be read), when its
        remedy says that it was renamed, when a folder of its own holds a file, or when in a folder of several
        recordings there is something of nobody's whose name holds the recording's id or the missing file's name.
        """
        # A link that leads nowhere is there too.
        if os.path.lexists(absent.path) or "renamed" in absent.remedy:
            return True
        home = absent.path.parent
        if home != self._root and self._tenants[home] == {absent.id}:
            return _occupied(home)
        names = (absent.id, absent.path.stem)
        return any(
            _says(stranger, name)
            for folder in dict.fromkeys((home, *self._common))
            for stranger in self._strangers_in(folder)
            for name in names
        )

    def of_one_subject(self, absent: Absent) -> bool:
        """Whether the folder in which its missing file belongs is there, and no other subject's."""
        home = absent.path.parent
        if home == self._root or not home.is_dir():
            return False
        return {self._subject[name] for name in self._tenants[home]} == {absent.subject}

    def _strangers_in(self, folder: Path) -> Sequence[str]:
        """Names of what lies in the folder and is no recording's."""
        if folder not in self._strangers:
            here = (path for path in _listed(folder) if path not in self._claimed and path not in self._tenants)
            self._strangers[folder] = [path.name for path in here]
        return self._strangers[folder]


def _occupied(folder: Path) -> bool:
    """Whether there is anything but empty folders in it."""
    return any(path == folder or path.is_symlink() or not path.is_dir() or _occupied(path) for path in _listed(folder))


def _listed(folder: Path) -> list[Path]:
    """What lies in a folder, hidden files left out; of one that must not be read that there is one."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return [folder]


def _says(text: str, name: str) -> bool:
    """Whether the words of ``name`` stand in ``text``, one after the other."""
    words, wanted = _WORD.findall(text), _WORD.findall(name)
    n = len(wanted)
    return n > 0 and any(words[at : at + n] == wanted for at in range(len(words) - n + 1))
