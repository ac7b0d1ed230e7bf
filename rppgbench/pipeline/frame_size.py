"""Size of a dataset's frames, for estimates."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rppgbench.errors import MediaError

if TYPE_CHECKING:
    from rppgbench.contracts import Recording

GUESSED_FRAME = (640, 480)
MOST_HEADERS = 5  # headers that are tried


def frame_size(recordings: Iterable[Recording]) -> tuple[int, int]:
    """Width and height by the first readable header among the first five videos, else a guess."""
    paths = (recording.path for recording in recordings if recording.path is not None)
    return next((size for path in islice(paths, MOST_HEADERS) if (size := _header_size(path))), GUESSED_FRAME)


@lru_cache(maxsize=64)
def _header_size(path: Path) -> tuple[int, int] | None:
    from rppgbench.media.container import open_container

    try:
        with open_container(path) as (_, stream):
            return (stream.width, stream.height) if stream.width and stream.height else None
    except MediaError:
        return None
