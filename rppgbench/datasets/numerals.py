"""Numbers of things as English has them."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """``1 recording``, ``2 recordings``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def are(count: int) -> str:
    """``1 is``, ``2 are``."""
    return f"{count} {'is' if count == 1 else 'are'}"
