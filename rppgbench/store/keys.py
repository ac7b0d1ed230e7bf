"""Artefact keys: a digest of everything that can change a file's bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical(preimage: Mapping[str, Any]) -> str:
    """The one JSON text of a preimage: keys sorted, no blanks, no NaN."""
    return json.dumps(preimage, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def key_of(preimage: Mapping[str, Any]) -> str:
    """The preimage's key, the first 40 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(canonical(preimage).encode()).hexdigest()[:40]
