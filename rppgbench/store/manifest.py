"""``manifest.json``: an artefact's own record, and checks of its files against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rppgbench.store.keys import key_of

MANIFEST = "manifest.json"
_FIELDS = {"key": str, "preimage": dict, "facts": dict, "files": dict, "made": dict}
_SUM = "sha256"


def render(body: Mapping[str, Any]) -> bytes:
    """Content of a manifest's file: ``body`` and, as its last field, the SHA-256 of the text of ``body`` alone."""
    return _text({**body, _SUM: hashlib.sha256(_text(body)).hexdigest()})


def parse(raw: bytes) -> dict[str, Any]:
    """The manifest in the content of a file.

    Raises:
        ValueError: the content is no manifest.
    """
    manifest = json.loads(raw.decode("utf-8"))
    if not isinstance(manifest, dict) or any(
        not isinstance(manifest.get(name), kind) for name, kind in _FIELDS.items()
    ):
        raise ValueError(f"not a manifest: expected the fields {', '.join(_FIELDS)}")
    return manifest


def fingerprint(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file, in a manifest's form."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def damage_of(folder: Path, key: str) -> str | None:
    """Damage of the artefact of ``key`` in ``folder``; None if every byte is as written.

    A manifest without a sum of its own is compared with its layout, its key and the files in it.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
        manifest = parse(raw)
    except FileNotFoundError:
        return f"{MANIFEST} is missing" if folder.is_dir() else "there is no such artefact"
    except (OSError, ValueError, RecursionError) as error:
        return f"{MANIFEST} cannot be read: {error}"
    return _false_manifest(raw, manifest, key) or _false_files(folder, manifest["files"])


def _false_manifest(raw: bytes, manifest: Mapping[str, Any], key: str) -> str | None:
    body = {name: value for name, value in manifest.items() if name != _SUM}
    try:
        # Rendered anew and compared as a whole: a sum over what was parsed is blind to blanks and to doubled fields.
        same = raw == render(body) if _SUM in manifest else raw.replace(b"\r\n", b"\n") == _text(body)
        own_key = key_of(manifest["preimage"])
    except ValueError as error:
        return f"{MANIFEST} holds what was never written: {error}"
    if not same or set(body) != set(_FIELDS):
        return f"{MANIFEST} is not as it was written"
    if {manifest["key"], own_key} != {key}:
        return f"{MANIFEST} is that of another artefact, {own_key}"
    return None


def _false_files(folder: Path, files: Mapping[str, Any]) -> str | None:
    try:
        present = {path.name for path in folder.iterdir()} - {MANIFEST}
        for name, expected in files.items():
            if name not in present:
                return f"{name} is missing"
            size = (folder / name).stat().st_size
            if size != expected["bytes"]:
                return f"{name} has {size} bytes, expected {expected['bytes']}"
            if fingerprint(folder / name)["sha256"] != expected["sha256"]:
                return f"{name} has other content than was written"
    except OSError as error:
        return f"{Path(error.filename or folder).name} cannot be read: {error.strerror}"
    except (TypeError, KeyError):
        return f"{MANIFEST} does not say what its files are"
    extra = sorted(present - set(files))
    return f"{extra[0]} does not belong to it" if extra else None


def _text(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, indent=1, allow_nan=False).encode("utf-8")
