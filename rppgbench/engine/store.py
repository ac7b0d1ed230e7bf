"""A content-addressed store: one folder per artefact, published whole or not at all.

```
<root>/objects/ab/abcdef.../     an artefact: its files and manifest.json
<root>/tmp/                      artefacts being written; swept when their writer is dead
<root>/partial/ab/abcdef.../     what a long task keeps to go on from, should it be killed
<root>/runs/<run>/               what one run did: events.jsonl, run.json, failures/
```

``manifest.json`` holds the key's ``preimage``, the ``facts`` the task recorded, size and SHA-256 of each file, and who
made it when and how long it took. The store is the only memory there is: what it holds is done, so a re-run resumes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from rppgbench.engine.keys import key_of
from rppgbench.errors import ArtefactError, StoreError

MANIFEST = "manifest.json"
Facts = Mapping[str, Any]


def default_root() -> Path:
    """``$RPPGBENCH_STORE``, else the user's cache folder."""
    return Path(os.environ.get("RPPGBENCH_STORE") or platformdirs.user_cache_path("rppgbench", appauthor=False))


@dataclass(frozen=True)
class Store:
    """Artefacts by key in a folder that any number of processes and machines may share."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Store:
        """The store at ``root``, made if need be, with what dead writers left swept away.

        Raises:
            StoreError: the folder cannot be made or written.
        """
        store = cls(root.absolute())
        try:
            for folder in ("objects", "tmp", "partial", "runs"):
                (store.root / folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=store.root / "tmp"):
                pass
        except OSError as error:
            raise StoreError(
                f"{store.root}: the store cannot be written: {error.strerror}",
                hint="choose another folder with --store or RPPGBENCH_STORE",
            ) from None
        store.sweep()
        return store

    def path(self, key: str) -> Path:
        """Where the artefact is, or would be."""
        return self.root / "objects" / key[:2] / key

    def has(self, key: str) -> bool:
        return (self.path(key) / MANIFEST).is_file()

    def manifest(self, key: str) -> dict[str, Any]:
        """The artefact's manifest.

        Raises:
            ArtefactError: there is none, or it cannot be read.
        """
        path = self.path(key) / MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ArtefactError(f"{path}: no such artefact") from None
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"{path}: cannot be read: {error}", hint=f"remove {path.parent}; the next run makes it again"
            ) from None
        return manifest

    def facts(self, key: str) -> dict[str, Any]:
        """What the task recorded of the artefact."""
        facts: dict[str, Any] = self.manifest(key)["facts"]
        return facts

    def scratch(self, key: str) -> Path:
        """A folder for what the task of ``key`` needs to go on from, should it be killed; made if need be."""
        folder = self.peek(key)
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def peek(self, key: str) -> Path:
        """Where ``scratch`` is, or would be."""
        return self.root / "partial" / key[:2] / key

    def clear_scratch(self, key: str) -> None:
        shutil.rmtree(self.peek(key), ignore_errors=True)

    def publish(self, preimage: Mapping[str, Any], write: Callable[[Path], Facts]) -> str:
        """Run ``write`` on an empty folder and publish what it leaves there, all at once; returns the key.

        When somebody else has published the same key meanwhile, theirs stays. When ``write`` raises, nothing does.

        Raises:
            StoreError: the disk is full or the store cannot be written.
        """
        key = key_of(preimage)
        folder = self.root / "tmp" / f"{_writer()}.{uuid.uuid4().hex}"
        try:
            with self._writing():
                folder.mkdir()
            started, cpu = time.perf_counter(), time.process_time()
            with self._writing(errno.ENOSPC, errno.EDQUOT):
                facts = write(folder)
            made = {
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "host": platform.node(),
                "seconds": round(time.perf_counter() - started, 4),
                "cpu_seconds": round(time.process_time() - cpu, 4),
            }
            with self._writing():
                files = {path.name: _fingerprint(path) for path in sorted(folder.iterdir())}
                manifest = {"key": key, "preimage": preimage, "facts": facts, "files": files, "made": made}
                (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False), encoding="utf-8")
                self._move(folder, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return key

    @contextlib.contextmanager
    def _writing(self, *numbers: int) -> Iterator[None]:
        """Turns the system's refusals to write, or only those ``numbers``, into an error that names the store."""
        try:
            yield
        except OSError as error:
            if numbers and error.errno not in numbers:
                raise
            raise StoreError(
                f"{self.root}: the store cannot be written: {error.strerror}",
                hint="free some space or choose another folder with --store; what is published stays",
            ) from error

    def _move(self, folder: Path, key: str) -> None:
        for path in folder.iterdir():
            _sync(path)
        _sync(folder)
        final = self.path(key)
        final.parent.mkdir(exist_ok=True)
        try:
            folder.rename(final)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not self.has(key):
                raise
        _sync(final.parent)

    def sweep(self) -> None:
        """Remove what writers on this host left when they were killed."""
        for folder in (self.root / "partial").glob("*/*"):
            if self.has(folder.name):
                self.clear_scratch(folder.name)
        for folder in (self.root / "tmp").iterdir():
            host, _, rest = folder.name.rpartition("@")
            pid = rest.partition(".")[0]
            if host == _host() and pid.isdigit() and not _alive(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    return platform.node() or "localhost"


def _writer() -> str:
    return f"{_host()}@{os.getpid()}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk, where the system can."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": _sha256(file)}


def _sha256(file: Any) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
