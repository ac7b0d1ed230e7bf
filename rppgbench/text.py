"""Names, numbers and lists as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from rppgbench.errors import RppgbenchError

DASH = "-"


def natural_order(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Sort key that orders ``s2`` before ``s10``; keys of ``s1`` and ``s01`` differ by the spelling."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part), name


def join_some(names: Iterable[str], at_most: int = 6) -> str:
    """``a, b and 3 more``."""
    known = list(names)
    rest = len(known) - at_most
    return ", ".join(known[:at_most]) + (f" and {rest} more" if rest > 0 else "")


def pluralise(n: int, noun: str, plural: str = "") -> str:
    """``1 window``, ``2 windows``."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def pluralise_are(n: int) -> str:
    """``1 is``, ``2 are``."""
    return f"{n} {'is' if n == 1 else 'are'}"


def format_number(value: float | None, digits: int) -> str:
    """``0.62``, or a dash for None and NaN."""
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}f}"


def format_interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """``0.62 [0.41, 0.83]``; the value alone if ``low`` is NaN."""
    text = f"{value:.{digits}f}"
    return text if math.isnan(low) else f"{text} [{low:.{digits}f}, {high:.{digits}f}]"


def format_p(p: float | None) -> str:
    """``0.012``, ``<0.0001``, a dash for NaN, nothing for None."""
    if p is None:
        return ""
    if math.isnan(p):
        return DASH
    return "<0.0001" if p < 0.0001 else f"{p:.{4 if p < 0.01 else 3 if p < 0.1 else 2}f}"


def format_percent(share: float) -> str:
    """``12 %`` for a share of 0.12."""
    return f"{100 * share:.0f} %"


def format_clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_duration(seconds: float) -> str:
    """``2.3 s`` below ten seconds, ``42 s`` below a minute, ``2:03`` above."""
    return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s" if seconds < 60 else format_clock(seconds)


def format_bytes(n_bytes: float) -> str:
    """``12.3 GB``, about three digits; ``parse_bytes`` reads it."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit in ("B", "kB") else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def parse_bytes(text: str) -> int:
    """Bytes of a size such as ``"100GB"``, ``"1.5TiB"`` or ``"500M"``.

    Raises:
        RppgbenchError: the text is no size, or the size is not above 0.
    """
    from dask.utils import parse_bytes as dask_parse_bytes

    try:
        n_bytes = dask_parse_bytes(text) if any(c.isdigit() for c in text) else 0
    except ValueError:
        n_bytes = 0
    if n_bytes <= 0:
        raise RppgbenchError(
            f"{text!r} is no size", hint="give a number above 0 and a unit, such as 100GB, 1.5TiB or 500M"
        )
    return int(n_bytes)


def parse_duration_s(text: str) -> float:
    """Seconds of a time such as ``"90s"``, ``"30m"`` or ``"12h"``.

    Raises:
        RppgbenchError: the text is no time, or the time is not above 0.
    """
    from dask.utils import parse_timedelta

    try:
        seconds = float(parse_timedelta(text)) if text.strip() else 0.0
    except (ValueError, KeyError):
        seconds = 0.0
    if seconds <= 0:
        raise RppgbenchError(f"{text!r} is no time", hint="give a number above 0 and a unit, such as 90s, 30m or 12h")
    return seconds
