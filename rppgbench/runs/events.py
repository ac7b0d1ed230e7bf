"""Reading of ``events.jsonl``, the event log of a run: one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Event = Mapping[str, Any]
EVENTS = "events.jsonl"


class EventFile:
    """An event log that may still grow; each call of ``new`` yields the events since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = b""

    def new(self) -> Iterator[Event]:
        """New events of complete lines: a kill cuts the last line short, a full disk any. None if unreadable."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = parse(line)
            if event is not None:
                yield event


def last_event(path: Path) -> Event | None:
    """The last event of a file, read from its last 8 KiB; None if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 8192, 0))
            lines = file.read().split(b"\n")
    except OSError:
        return None
    return next((event for line in reversed(lines[:-1]) if (event := parse(line)) is not None), None)


def parse(line: bytes) -> Event | None:
    """The event in a line; None if it is not a JSON object."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def number(event: Event, name: str) -> float:
    """The value of a field that is a finite number, else 0."""
    value = event.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else 0.0  # type: ignore[arg-type]


def text(event: Event, name: str) -> str:
    """The value of a field that is a string, else an empty one."""
    value = event.get(name)
    return value if isinstance(value, str) else ""


def mapping(event: Event, name: str) -> Event:
    """The value of a field that is a mapping, else an empty one."""
    value = event.get(name)
    return value if isinstance(value, Mapping) else {}
