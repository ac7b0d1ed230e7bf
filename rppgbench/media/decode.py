"""Decoding: metadata of a video file, and its frames with their times.

Times come from each frame's own presentation timestamp, so that a variable frame rate is honoured; t = 0 is the first
frame that is shown. A frame without a timestamp, or with one that does not advance, counts as one mean frame period
after the frame before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import av

from rppgbench.errors import MediaError
from rppgbench.media.colour import colour_of, to_luma, to_rgb
from rppgbench.media.container import announced_s, mean_period_s, open_container, packets_of
from rppgbench.media.orientation import Turner, rotation_deg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

    from rppgbench.contracts import ByteArray

# First frame and one past the last; None is the end, and a negative number counts from there.
Part: TypeAlias = "tuple[int, int | None]"
WHOLE: Part = (0, None)
# Headers round durations, and the length of the last frame is often left out: less than this is not missing.
_SLACK_FRAMES = 2.5
_SLACK_SHARE = 0.005


class TruncatedVideo(MediaError):
    """A video that ends before its header says; ``read_s`` of its ``announced_s`` (None: unknown) could be read."""

    def __init__(
        self, message: str, *, hint: str | None = None, read_s: float = 0.0, announced_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.read_s = read_s
        self.announced_s = announced_s


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Metadata of a video file.

    ``width`` and ``height`` are those of the upright picture, which is the stored one turned clockwise by
    ``rotation_deg``. ``fps_hz`` is the mean rate; ``bitrate_bps`` counts the payload of the video stream alone, from
    its packets, since headers often hold the encoder's target. ``color_matrix`` and ``color_range`` are those that
    `frames` uses; ``color_assumed`` is True if the file leaves one of them open.
    """

    path: Path
    container: str
    codec: str
    pix_fmt: str
    width: int
    height: int
    fps_hz: float
    duration_s: float
    bitrate_bps: float
    n_frames: int | None
    rotation_deg: int
    color_matrix: str
    color_range: str
    color_assumed: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright frame and its presentation time, in seconds after the first one."""

    index: int
    time_s: float
    picture: av.VideoFrame

    def rgb(self) -> ByteArray:
        """``(H, W, 3)`` R, G, B, by the file's colour matrix and range."""
        return to_rgb(self.picture)

    def luma(self) -> ByteArray:
        """``(H, W)`` luma in the file's own range; costs nothing for 8-bit YUV, whose first plane it is a view of."""
        return to_luma(self.picture)


def probe(path: Path) -> VideoInfo:
    """Metadata of a video; decodes its first frame and reads its index, or its packets if it has none.

    Raises:
        MediaError: the file is missing, empty, not a video, or no picture in it can be decoded.
    """
    with open_container(path) as (container, stream):
        first = _first_picture(path, container, stream)
        packets = packets_of(path, container, stream)
        period_s = mean_period_s(stream) or 0.0
        if packets.count > 1 and packets.span_s > 0:
            period_s = packets.span_s / (packets.count - 1)
        length_s = packets.span_s + period_s
        turn_deg = rotation_deg(first)
        sideways = turn_deg in (90, 270)
        colour = colour_of(first)
        return VideoInfo(
            path=path,
            container=container.format.name,
            codec=stream.codec_context.name,
            pix_fmt=first.format.name,
            width=first.height if sideways else first.width,
            height=first.width if sideways else first.height,
            fps_hz=1 / period_s if period_s else 0.0,
            duration_s=announced_s(container, stream) or length_s,
            bitrate_bps=8 * packets.payload_bytes / length_s if length_s else 0.0,
            n_frames=packets.count or None,
            rotation_deg=turn_deg,
            color_matrix=colour.matrix,
            color_range=colour.range,
            color_assumed=colour.assumed,
        )


def frames(path: Path, *, part: Part = WHOLE, threads: int = 1) -> Iterator[Frame]:
    """Every frame of a video in the order shown, one at a time; the same bits for any number of ``threads``.

    Of a ``part``, from its first frame to before its end, indices and times count from its first frame; nothing behind
    it is read. A negative end counts from the end of the video.

    Raises:
        MediaError: the file is missing, empty, not a video, or its pictures change size on the way.
        TruncatedVideo: after the last frame that could be read, if the header announces more or a packet is damaged, or
            the video ends before the part does.
    """
    with open_container(path) as (container, stream):
        stream.thread_count = threads
        stream.thread_type = "AUTO" if threads > 1 else "NONE"
        clock, turner = _FrameClock(stream), None
        first, end = _counted(part, path, container, stream)
        start_s = 0.0
        try:
            for picture in container.decode(stream):
                turner = turner or Turner(picture)
                if (picture.width, picture.height) != turner.size:
                    raise _changed_size(path, clock, turner.size, picture)
                time_s = clock.tick(picture)
                index = clock.n_frames - 1 - first
                start_s = time_s if index == 0 else start_s
                if index >= 0:
                    yield Frame(index, time_s - start_s, turner.upright(picture))
                if end is not None and clock.n_frames >= end:
                    return
        except av.FFmpegError as error:
            raise _truncated(path, clock, announced_s(container, stream), error.strerror) from error
        expected_s = announced_s(container, stream)
        if clock.n_frames == 0:
            raise _nothing_decoded(path, "it has no packets that hold one")
        if expected_s is not None and clock.falls_short_of(expected_s):
            raise _truncated(path, clock, expected_s, "end of file")
        if clock.n_frames <= first or end is not None:
            why = f"frames {first} to {'the end' if end is None else end - 1} are needed"
            raise _truncated(path, clock, expected_s, why)


def _counted(part: Part, path: Path, container: InputContainer, stream: VideoStream) -> tuple[int, int | None]:
    """First frame and end of the part, both counted from the start."""
    first, end = part
    if end is not None and end < 0:
        end += packets_of(path, container, stream).count
    if first < 0 or (end is not None and end <= first):
        raise MediaError(f"{path}: has no frames {part[0]} to {part[1]}", hint="the part must lie within the video")
    return first, end


class _FrameClock:
    """Presentation times of decoded frames, and the end of the last one."""

    def __init__(self, stream: VideoStream) -> None:
        self._period_s = mean_period_s(stream)
        self._start_s: float | None = None
        self._last_s = -1.0
        self.n_frames = 0
        self.end_s = 0.0

    def tick(self, picture: av.VideoFrame) -> float:
        """The time of the next frame, later than that of the frame before."""
        stamp_s = None if picture.pts is None or picture.time_base is None else float(picture.pts * picture.time_base)
        if self._start_s is None and stamp_s is not None:
            self._start_s = stamp_s - (self._last_s + self._step_s() if self.n_frames else 0.0)
        time_s = None if stamp_s is None or self._start_s is None else stamp_s - self._start_s
        if time_s is None or time_s <= self._last_s:
            time_s = self._last_s + self._step_s() if self.n_frames else 0.0
        lasts_s = float(picture.duration * picture.time_base) if picture.duration and picture.time_base else 0.0
        self.end_s = time_s + (lasts_s or self._period_s or 0.0)
        self._last_s = time_s
        self.n_frames += 1
        return time_s

    def falls_short_of(self, expected_s: float) -> bool:
        """True if more is missing than the usual error of headers."""
        slack_s = max(_SLACK_FRAMES * (self._period_s or 0.0), _SLACK_SHARE * expected_s)
        return self.end_s < expected_s - slack_s

    def _step_s(self) -> float:
        if not self._period_s:
            raise MediaError(
                f"frame {self.n_frames} has no timestamp and the file names no frame rate",
                hint="put the pictures into a container that keeps times, such as .mkv or .mp4",
            )
        return self._period_s


def _first_picture(path: Path, container: InputContainer, stream: VideoStream) -> av.VideoFrame:
    try:
        return next(container.decode(stream))
    except StopIteration:
        raise _nothing_decoded(path, "it has no packets that hold one") from None
    except av.FFmpegError as error:
        raise _nothing_decoded(path, error.strerror or "the decoder failed") from error


def _nothing_decoded(path: Path, why: str) -> MediaError:
    return MediaError(f"{path}: not one picture could be decoded ({why})", hint="copy or record the file again")


def _changed_size(path: Path, clock: _FrameClock, size: tuple[int, int], picture: av.VideoFrame) -> MediaError:
    before, after = "x".join(map(str, size)), f"{picture.width}x{picture.height}"
    return MediaError(
        f"{path}: pictures change from {before} to {after} at frame {clock.n_frames}, expected one size throughout",
        hint="cut the file there, or scale it to one size",
    )


def _truncated(path: Path, clock: _FrameClock, expected_s: float | None, why: str | None) -> MediaError:
    if clock.n_frames == 0:
        return _nothing_decoded(path, why or "the decoder failed")
    of = f" of {expected_s:.1f} s" if expected_s is not None else ""
    return TruncatedVideo(
        f"{path}: cut off or damaged ({why}): {clock.end_s:.1f} s{of} ({clock.n_frames} frames) could be read, "
        "and nothing after that is used",
        hint="copy or record the file again, or cut it to the part that is whole",
        read_s=clock.end_s,
        announced_s=expected_s,
    )
