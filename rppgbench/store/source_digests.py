"""Digests of the user's own files, computed once a file and cached in the store."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from rppgbench.errors import MediaError, StoreError, existing_file
from rppgbench.store.store import Store


class SourceDigests:
    """``file:<sha256>`` of files; a file of the same path, size and modification time is not read twice."""

    def __init__(self, store: Store) -> None:
        self._folder = store.root / "sources"

    def key(self, *paths: Path) -> str:
        """Key of a file's content, or of the names and contents of several files.

        Raises:
            MediaError: one is missing or cannot be read.
        """
        identity = "\0".join(_identity(path) for path in paths)
        memo = self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:40]}.json"
        try:
            return str(json.loads(memo.read_text(encoding="utf-8"))["key"])
        except (OSError, ValueError, KeyError):
            pass
        key = f"file:{_digest(paths[0]) if len(paths) == 1 else _digest_of_all(paths)}"
        self._folder.mkdir(exist_ok=True)
        temporary = memo.with_suffix(f".{uuid.uuid4().hex}")
        try:
            temporary.write_text(json.dumps({"key": key, "path": str(paths[0]), "files": len(paths)}), encoding="utf-8")
            temporary.replace(memo)
        except OSError as error:
            raise StoreError(f"{memo}: cannot be written: {error.strerror}") from None
        return key


def _identity(path: Path) -> str:
    status = existing_file(path).stat()
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"


def _digest_of_all(paths: Sequence[Path]) -> str:
    lines = "".join(f"{path.name}\0{_digest(path)}\n" for path in paths)
    return hashlib.sha256(lines.encode()).hexdigest()[:40]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()[:40]
