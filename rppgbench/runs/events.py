"""The events of a run, one JSON object a line: written by its journal, read by whoever looks on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Event = Mapping[str, Any]
EVENTS = "events.jsonl"


class EventFile:
    """A file of events that may still grow: each call of ``new`` gives those that came since the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = b""

    def new(self) -> Iterator[Event]:
        """Whole lines alone: a kill cuts the last one short, a full disk any. None where the file cannot be read."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                fresh = file.read()
        except OSError:
            return
        self._read += len(fresh)
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        for line in lines:
            event = parse(line)
            if event is not None:
                yield event


def last_event(path: Path) -> Event | None:
    """The last event of a file, without reading the others."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 8192, 0))
            lines = file.read().split(b"\n")
    except OSError:
        return None
    return next((event for line in reversed(lines[:-1]) if (event := parse(line)) is not None), None)


def parse(line: bytes) -> Event | None:
    """The event in a line; None where there is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def number(event: Event, name: str) -> float:
    """A field that should be a finite number; 0 where it is none."""
    value = event.get(name)
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else 0.0  # type: ignore[arg-type]


def text(event: Event, name: str) -> str:
    """A field that should be text; empty where it is none."""
    value = event.get(name)
    return value if isinstance(value, str) else ""


def mapping(event: Event, name: str) -> Event:
    """A field that should hold fields; none where it does not."""
    value = event.get(name)
    return value if isinstance(value, Mapping) else {}
