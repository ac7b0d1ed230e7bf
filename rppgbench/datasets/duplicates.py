"""Files that are the same, byte for byte, and belong to different recordings."""

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

# The files that make one video, or one truth.
_Unit = tuple["Path", ...]


def duplicates(recordings: Sequence[Recording]) -> Iterator[AuditFinding]:
    """A trouble for each video or truth that several recordings share.

    Sizes are compared first, then a few samples of each file, and all of it only where those agree. One table that
    holds the truth of several recordings is no duplicate of itself.
    """
    videos = {r.id: ((r.path,) if r.path is not None else r.source_files) for r in recordings}
    by_id = {recording.id: recording for recording in recordings}
    yield from _shared(by_id, videos)
    yield from _alike(by_id, videos, "videos")
    tables = _tables(recordings)
    truths = {r.id: tuple(p for p in r.truth_files if p not in tables and p not in videos[r.id]) for r in recordings}
    yield from _alike(by_id, truths, "ground truths")


def _tables(recordings: Sequence[Recording]) -> set[Path]:
    """Truth files that several recordings name."""
    seen: set[Path] = set()
    repeated: set[Path] = set()
    for recording in recordings:
        for path in set(recording.truth_files):
            (repeated if path in seen else seen).add(path)
    return repeated


def _shared(by_id: dict[str, Recording], videos: dict[str, _Unit]) -> Iterator[AuditFinding]:
    """Recordings of different subjects whose video is one and the same file, or overlapping parts of it."""
    users: dict[_Unit, list[str]] = defaultdict(list)
    for name, unit in videos.items():
        if unit and by_id[name].path is not None:
            users[unit].append(name)
    for unit, names in users.items():
        if len({by_id[name].subject for name in names}) > 1:
            yield _finding([by_id[name] for name in names], unit[0], "are the same file")


def _alike(by_id: dict[str, Recording], units: dict[str, _Unit], what: str) -> Iterator[AuditFinding]:
    names: dict[_Unit, str] = {}
    for name, unit in units.items():
        if unit and all(path.is_file() for path in unit):
            names.setdefault(unit, name)
    groups = [list(names)]
    for key in (_sizes, _samples, _digests):
        groups = [part for group in groups for part in _split(group, key) if len(part) > 1]
    for group in groups:
        yield _finding([by_id[names[unit]] for unit in group], group[0][0], f"{what} are identical, byte for byte")


def _split(units: list[_Unit], key: Callable[[_Unit], Hashable]) -> list[list[_Unit]]:
    parts: dict[Hashable, list[_Unit]] = defaultdict(list)
    for unit in units:
        try:
            parts[key(unit)].append(unit)
        except OSError:
            continue  # that a file cannot be read is found elsewhere
    return list(parts.values())


def _sizes(unit: _Unit) -> Hashable:
    sizes = tuple(path.stat().st_size for path in unit)
    return sizes if sum(sizes) else (unit[0],)  # empty files are a finding of their own


def _samples(unit: _Unit) -> Hashable:
    """A digest of the start, middle and end of a few files."""
    digest = hashlib.sha256()
    for path in unit[:: max(1, len(unit) // 8)]:
        size = path.stat().st_size
        with path.open("rb") as file:
            for place in (0, size // 2, max(size - _SAMPLE_BYTES, 0)):
                file.seek(place)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.digest()


def _digests(unit: _Unit) -> Hashable:
    digest = hashlib.sha256()
    for path in unit:
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
        "the pictures cannot be told",
        recording=recordings[0].id,
        path=path,
    )
