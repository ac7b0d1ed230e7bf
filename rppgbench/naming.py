"""The order of names that hold numbers."""

from __future__ import annotations

import re


def natural_order(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Sort key by which ``s2`` comes before ``s10``; ``s1`` and ``s01`` are told apart by their spelling."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part), name
