"""A content-addressed store: one folder per artefact, published whole or not at all.

```
<root>/objects/ab/abcdef.../     an artefact: its files and manifest.json
<root>/tmp/                      artefacts being written or removed; swept once the process that does so is dead
<root>/partial/ab/abcdef.../     scratch of a long task, from which it resumes if it is killed
<root>/runs/<run>/               log of one run: events.jsonl, run.json, failures/
```

``manifest.json`` holds the key's ``preimage``, the ``facts`` of the task, size and SHA-256 of each file, host, time and
duration of its making, and a SHA-256 of itself. A run has no other state: tasks with an artefact in the store are done,
so a re-run resumes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from rppgbench.errors import ArtefactError, StoreError
from rppgbench.store.file_tree import bytes_in, delete, names_in, sync
from rppgbench.store.keys import key_of
from rppgbench.store.manifest import MANIFEST, damage_of, fingerprint, parse, render
from rppgbench.store.writer_id import is_dead, new_name

Facts = Mapping[str, Any]


def default_root() -> Path:
    """``$RPPGBENCH_STORE``, else the user's cache folder."""
    return Path(os.environ.get("RPPGBENCH_STORE") or platformdirs.user_cache_path("rppgbench", appauthor=False))


@dataclass(frozen=True)
class Store:
    """Artefacts by key in a folder that any number of processes and machines may share."""

    root: Path
    writable: bool = True

    @classmethod
    def open(cls, root: Path, *, writable: bool = True) -> Store:
        """The store at ``root``, created if it does not exist, without the leftovers of dead writers.

        If not ``writable``, nothing is created, tried or swept, and methods that write raise.

        Raises:
            StoreError: the folder cannot be created or written, or is not ``writable`` and holds no store.
        """
        store = cls(root.absolute(), writable)
        if not writable:
            store._check_readable()
            return store
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

    def _check_readable(self) -> None:
        try:
            os.scandir(self.root / "objects").close()
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(
                f"{self.root}: there is no store here",
                hint="name its folder with --store or RPPGBENCH_STORE; 'rppgbench run' makes one",
            ) from None
        except OSError as error:
            raise StoreError(f"{self.root}: the store cannot be read: {error.strerror}") from None

    def path(self, key: str) -> Path:
        """Folder of the artefact, whether it exists or not."""
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
            return parse(path.read_bytes())
        except FileNotFoundError:
            raise ArtefactError(f"{path}: no such artefact") from None
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"{path}: cannot be read: {error}", hint=f"remove {path.parent}; the next run makes it again"
            ) from None

    def facts(self, key: str) -> dict[str, Any]:
        """Facts of the artefact's manifest."""
        facts: dict[str, Any] = self.manifest(key)["facts"]
        return facts

    def keys(self) -> Iterator[str]:
        """Sorted keys of all published artefacts."""
        for prefix in names_in(self.root / "objects"):
            for key in names_in(self.root / "objects" / prefix):
                if is_key(key) and key[:2] == prefix and self.has(key):
                    yield key

    def size(self, key: str) -> int:
        """Bytes of an artefact by its manifest, and of the manifest itself.

        Raises:
            ArtefactError: there is none, or its manifest cannot be read.
        """
        files = self.manifest(key)["files"].values()
        try:
            return sum(int(file["bytes"]) for file in files) + (self.path(key) / MANIFEST).stat().st_size
        except (OSError, TypeError, KeyError, ValueError) as error:
            raise ArtefactError(f"{self.path(key) / MANIFEST}: tells no sizes: {error}") from None

    def damage(self, key: str) -> str | None:
        """Damage of an artefact on disk; None if every byte is as written. Reads all of its files."""
        return damage_of(self.path(key), key)

    def discard(self, key: str) -> int:
        """Remove an artefact atomically; freed bytes, 0 if another process has removed it.

        Raises:
            StoreError: the store cannot be written.
        """
        return self.remove(self.path(key))

    def remove(self, path: Path) -> int:
        """Remove a file or folder of the store atomically; freed bytes, 0 if it is gone already.

        Raises:
            StoreError: the store cannot be written.
        """
        aside = self._new_tmp_path()
        with self._writing():
            try:
                path.rename(aside)
            except FileNotFoundError:
                return 0
        n_bytes = bytes_in(aside)
        delete(aside)
        return n_bytes

    def now(self) -> float:
        """Seconds since the epoch by the file system's clock, which is common to all hosts that share the folder.

        By this host's clock if the store is not writable.
        """
        if not self.writable:
            return time.time()
        touched = self._new_tmp_path()
        with self._writing():
            try:
                touched.touch()
                return touched.stat().st_mtime
            finally:
                touched.unlink(missing_ok=True)

    def scratch(self, key: str) -> Path:
        """Folder for checkpoints of the task of ``key``, created if it does not exist."""
        folder = self.scratch_path(key)
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def scratch_path(self, key: str) -> Path:
        """Folder of ``scratch``, whether it exists or not."""
        return self.root / "partial" / key[:2] / key

    def clear_scratch(self, key: str) -> None:
        shutil.rmtree(self.scratch_path(key), ignore_errors=True)

    def publish(self, preimage: Mapping[str, Any], write: Callable[[Path], Facts]) -> str:
        """Run ``write`` on an empty folder and publish its files atomically; returns the key.

        If another process has published the same key meanwhile, its artefact stays. If ``write`` raises, nothing stays.

        Raises:
            StoreError: the disk is full or the store cannot be written.
        """
        key = key_of(preimage)
        folder = self._new_tmp_path()
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
                files = {path.name: fingerprint(path) for path in sorted(folder.iterdir())}
                manifest = {"key": key, "preimage": preimage, "facts": facts, "files": files, "made": made}
                (folder / MANIFEST).write_bytes(render(manifest))
                self._move(folder, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return key

    @contextlib.contextmanager
    def _writing(self, *numbers: int) -> Iterator[None]:
        """Context in which OSErrors, or only those of ``numbers``, become a StoreError with the store's path."""
        if not self.writable:
            raise StoreError(f"{self.root}: the store was opened to be read")
        try:
            yield
        except OSError as error:
            if numbers and error.errno not in numbers:
                raise
            raise StoreError(
                f"{self.root}: the store cannot be written: {error.strerror}",
                hint="free some space or choose another folder with --store; what is published stays",
            ) from error

    def _new_tmp_path(self) -> Path:
        """A new path in ``tmp/`` with the writer's id in its name."""
        return self.root / "tmp" / new_name()

    def _move(self, folder: Path, key: str) -> None:
        for path in folder.iterdir():
            sync(path)
        sync(folder)
        final = self.path(key)
        final.parent.mkdir(exist_ok=True)
        try:
            folder.rename(final)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            if not self.has(key):  # no artefact is there, but the remains of a damaged one
                self.remove(final)
                folder.rename(final)
        sync(final.parent)

    def sweep(self) -> None:
        """Remove the leftovers of writers on this host that were killed."""
        if not self.writable:
            return
        for folder in (self.root / "partial").glob("*/*"):
            if self.has(folder.name):
                self.clear_scratch(folder.name)
        for name in names_in(self.root / "tmp"):
            if is_dead(name):
                delete(self.root / "tmp" / name)


def is_key(name: str) -> bool:
    return len(name) == 40 and set(name) <= set("0123456789abcdef")
