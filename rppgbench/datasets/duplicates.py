"""Files of different recordings that are identical byte for byte."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from rppgbench.datasets.audit_finding import AuditFinding

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence
    from pathlib import Path

    from rppgbench.contracts import Recording

_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16

# The files of one video or one ground truth.
_Files = tuple["Path", ...]


def find_duplicates(recordings: Sequence[Recording]) -> Iterator[AuditFinding]:
    """A trouble for each video or ground truth that several recordings share.

    Files are compared by size, then by samples, then in full. A table of several recordings' truths is no duplicate.
    """
    videos = {r.id: ((r.path,) if r.path is not None else r.source_files) for r in recordings}
    by_id = {recording.id: recording for recording in recordings}
    yield from _same_file(by_id, videos)
    yield from _identical(by_id, videos, "videos")
    tables = _tables(recordings)
    truths = {r.id: tuple(p for p in r.truth_files if p not in tables and p not in videos[r.id]) for r in recordings}
    yield from _identical(by_id, truths, "ground truths")


def _tables(recordings: Sequence[Recording]) -> set[Path]:
    """Ground-truth files of more than one recording."""
    seen: set[Path] = set()
    repeated: set[Path] = set()
    for recording in recordings:
        for path in set(recording.truth_files):
            (repeated if path in seen else seen).add(path)
    return repeated


def _same_file(by_id: dict[str, Recording], videos: dict[str, _Files]) -> Iterator[AuditFinding]:
    """A trouble for each video file with recordings of different subjects."""
    users: dict[_Files, list[str]] = defaultdict(list)
    for name, files in videos.items():
        if files and by_id[name].path is not None:
            users[files].append(name)
    for files, names in users.items():
        if len({by_id[name].subject for name in names}) > 1:
            yield _finding([by_id[name] for name in names], files[0], "are the same file")


def _identical(by_id: dict[str, Recording], candidates: dict[str, _Files], what: str) -> Iterator[AuditFinding]:
    names: dict[_Files, str] = {}
    for name, files in candidates.items():
        if files and all(path.is_file() for path in files):
            names.setdefault(files, name)
    groups = [list(names)]
    for key in (_sizes, _samples, _digests):
        groups = [part for group in groups for part in _split(group, key) if len(part) > 1]
    for group in groups:
        yield _finding([by_id[names[files]] for files in group], group[0][0], f"{what} are identical, byte for byte")


def _split(candidates: list[_Files], key: Callable[[_Files], Hashable]) -> list[list[_Files]]:
    parts: dict[Hashable, list[_Files]] = defaultdict(list)
    for files in candidates:
        try:
            parts[key(files)].append(files)
        except OSError:
            continue  # unreadable files are reported by the file check
    return list(parts.values())


def _sizes(files: _Files) -> Hashable:
    sizes = tuple(path.stat().st_size for path in files)
    return sizes if sum(sizes) else (files[0],)  # empty files are reported by the file check


def _samples(files: _Files) -> Hashable:
    """SHA-256 of the start, middle and end of a sample of the files."""
    digest = hashlib.sha256()
    for path in files[:: max(1, len(files) // 8)]:
        size = path.stat().st_size
        with path.open("rb") as file:
            for place in (0, size // 2, max(size - _SAMPLE_BYTES, 0)):
                file.seek(place)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.digest()


def _digests(files: _Files) -> Hashable:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.digest()


def _finding(recordings: Sequence[Recording], path: Path, how: str) -> AuditFinding:
    subjects = sorted({recording.subject for recording in recordings})
    who = f"subjects {', '.join(subjects)}" if len(subjects) > 1 else f"subject {subjects[0]}"
    return AuditFinding(
        severity="trouble",
        check="duplicate",
        found=f"recordings {', '.join(recording.id for recording in recordings)} ({who}): {how}",
        expected="every recording to be another one",
        remedy="get the files of all but one again; until then use one of them alone: which of the labels belongs to "
        "the pictures is not known",
        recording=recordings[0].id,
        path=path,
    )
