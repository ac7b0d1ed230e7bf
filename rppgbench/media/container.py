"""Video containers: opening them, the duration in their headers, and the count and size of their packets."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NoReturn

import av
from av.stream import Disposition

from rppgbench.errors import MediaError, existing_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

_INDEXED_AT_OPEN = {"avi", "mov,mp4,m4a,3gp,3g2,mj2"}


@dataclass(frozen=True, slots=True)
class Packets:
    """Count and payload of a video stream's packets; ``span_s`` is from the first timestamp to the last."""

    count: int
    payload_bytes: int
    span_s: float


@contextmanager
def open_container(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A file and its video stream.

    Raises:
        MediaError: the file is missing, a folder, empty, not a video, or has sound alone.
    """
    if existing_file(path).stat().st_size == 0:
        raise MediaError(f"{path}: is empty (0 bytes)", hint="copy or record it again")
    try:
        # "file:" keeps libavformat from reading a name such as "a:b.mp4" as a network address.
        container = av.open(f"file:{path}")
    except av.FFmpegError as error:
        _refuse(path, error)
    with container:
        name = container.format.name
        if name in ("tty", "image2") or name.endswith("_pipe"):
            # libavformat "decodes" plain text and still pictures too.
            kind = "text" if name == "tty" else "a still picture"
            raise MediaError(
                f"{path}: is {kind}, expected a video file", hint="name a video such as .mp4, .mkv or .avi"
            )
        videos = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if not videos:
            found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            raise MediaError(f"{path}: holds no video stream (found: {found})", hint="name a file with pictures in it")
        yield container, videos[0]


def mean_period_s(stream: VideoStream) -> float | None:
    """Frame period in seconds by the header, or by libavformat's guess; None if neither has one."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else None


def announced_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Duration of the video stream in seconds by its header; None if the header has none."""
    period_s = mean_period_s(stream)
    if container.format.name == "avi" and stream.frames and period_s:
        return stream.frames * period_s  # libavformat shortens the duration itself when the file is cut off
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    end_s = _matroska_end_s(stream)
    others = [
        other for other in container.streams if other.type == "audio" or (other.type == "video" and other is not stream)
    ]
    if end_s is None and container.duration is not None and not others:
        end_s = container.duration / 1e6
    if end_s is None:
        return None
    # Matroska counts from zero, not from the first frame.
    start_s = float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0
    return end_s - max(start_s, 0.0)


def packets_of(path: Path, container: InputContainer, stream: VideoStream) -> Packets:
    """Count, size and span of the packets that are shown; from the file's index where it has a full one."""
    index = getattr(stream, "index_entries", ())  # since PyAV 17
    if container.format.name in _INDEXED_AT_OPEN and len(index) == stream.frames > 0:
        entries: list[tuple[int | None, int]] = [
            (entry.timestamp, entry.size) for entry in index if not entry.is_discard
        ]
    else:
        with open_container(path) as (reopened, same_stream):
            entries = list(_demuxed(reopened, same_stream))
    times = [timestamp for timestamp, _ in entries if timestamp is not None]
    span = (max(times) - min(times)) * (stream.time_base or Fraction(0)) if times else Fraction(0)
    return Packets(len(entries), sum(size for _, size in entries), float(span))


def _demuxed(container: InputContainer, stream: VideoStream) -> Iterator[tuple[int | None, int]]:
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                yield (packet.dts if packet.pts is None else packet.pts), packet.size
    except av.FFmpegError:
        return  # packets behind a damaged one cannot be counted; `frames` reports the damage


def _matroska_end_s(stream: VideoStream) -> float | None:
    tag = next((value for key, value in stream.metadata.items() if key.upper().startswith("DURATION")), "")
    try:
        hours, minutes, seconds = tag.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return None


def _refuse(path: Path, error: av.FFmpegError) -> NoReturn:
    hint = "if it is one, it was cut off while being written or copied: make it again"
    raise MediaError(f"{path}: is not a video that can be opened ({error.strerror})", hint=hint) from error
