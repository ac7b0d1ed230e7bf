"""Artefact keys: a digest of everything that can change a file's bytes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rppgbench.errors import StoreError


def canonical(preimage: Mapping[str, Any]) -> str:
    """The one JSON text of a preimage: keys sorted, no blanks, no NaN."""
    return json.dumps(preimage, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def key_of(preimage: Mapping[str, Any]) -> str:
    """The preimage's key, 40 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(canonical(preimage).encode()).hexdigest()[:40]


@cache
def code_digest(*packages: str) -> str:
    """Digest of the Python source of whole packages: a change to any line of them makes new keys.

    Coarse on purpose: a needless recomputation costs minutes, a stale artefact costs a wrong number.
    """
    digest = hashlib.sha256()
    for package in packages:
        for name, path in _sources(package):
            digest.update(f"{package}/{name}\0".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def _sources(package: str) -> Iterable[tuple[str, Path]]:
    """Names within the package and paths of its source files; of a module its only one."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise StoreError(f"package {package!r} cannot be found", hint="install the plugin it belongs to")
    if spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations)))
        return sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*.py"))
    return [(Path(spec.origin).name, Path(spec.origin))] if spec.origin else []


@cache
def library_versions(*distributions: str) -> dict[str, str]:
    """Versions of the libraries whose arithmetic a task's bytes depend on; "absent" for one not installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
