"""Pictures for an encoder: a decoded recording, upright, in the encoder's pixel format.

Decoding and converting a recording can cost as much as encoding it, and several conditions of one recording are
usually encoded one after the other, so the pictures of the last short one are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import av
from av.video.frame import PictureType

from rppgbench.media.colour import EXACT, RGB, Colour, colour_of, conventional_colour
from rppgbench.media.decode import WHOLE, Frame, Part, frames

_HELD_BYTES = 256 * 2**20


class Pictures:
    """All pictures of a ``part`` of ``source`` in ``pix_fmt``, in order; may be iterated any number of times.

    YUV pictures have limited range and the conventional matrix of their size, so that a container which drops the
    colour tags changes no colour. Recordings of more than ``held_bytes`` are decoded anew each time.
    """

    def __init__(self, source: Path, pix_fmt: str, *, part: Part = WHOLE, held_bytes: int = _HELD_BYTES) -> None:
        self.source = source
        self.part = part
        self.pix_fmt = pix_fmt
        self.size = (0, 0)
        self.n_frames = 0
        self._held: list[av.VideoFrame] | None = []
        filled = 0
        for picture in self._decoded():
            self.size = (picture.width, picture.height)
            self.n_frames += 1
            if self._held is not None:
                filled += sum(plane.buffer_size for plane in picture.planes)
                self._held.append(picture)
                if filled > held_bytes:
                    self._held = None

    def __iter__(self) -> Iterator[av.VideoFrame]:
        return iter(self._held) if self._held is not None else self._decoded()

    @property
    def colour(self) -> Colour:
        """Colour space and range of these pictures' samples."""
        return RGB if self.pix_fmt == "gbrp" else conventional_colour(*self.size)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        return (in_pix_fmt(frame, self.pix_fmt) for frame in frames(self.source, part=self.part))


def in_pix_fmt(frame: Frame, pix_fmt: str) -> av.VideoFrame:
    """A frame's picture in ``pix_fmt``: "gbrp", or an 8-bit YUV format in limited range."""
    picture, colour = frame.picture, colour_of(frame.picture)
    if pix_fmt == "gbrp":
        if picture.format.name != "gbrp":
            picture = av.VideoFrame.from_ndarray(frame.rgb(), format="rgb24").reformat(format="gbrp", **EXACT)
    else:
        wanted = conventional_colour(picture.width, picture.height)
        if picture.format.name != pix_fmt or (colour.matrix, colour.range) != (wanted.matrix, wanted.range):
            picture = picture.reformat(format=pix_fmt, **colour.swscale_source, **wanted.swscale_target, **EXACT)
    # A decoded key frame is marked so, and would make the encoder code a key frame there.
    picture.pict_type = PictureType.NONE
    return picture


class _LastPictures:
    """Cache of the pictures of one recording, the last one read in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._pictures: Pictures | None = None

    def of(self, source: Path, pix_fmt: str, part: Part) -> Pictures:
        stat = source.stat() if source.is_file() else None
        key = (source.resolve(), stat and (stat.st_size, stat.st_mtime_ns, stat.st_ino), pix_fmt, part)
        with self._lock:
            if self._pictures is None or self._key != key:
                self._pictures = None  # freed before the next recording is read
                self._pictures = Pictures(source, pix_fmt, part=part)
                self._key = key
            return self._pictures


_last = _LastPictures()


def pictures_of(source: Path, pix_fmt: str, part: Part = WHOLE) -> Pictures:
    """Pictures of a recording's part, from memory if they were the last ones and the file has not changed."""
    return _last.of(source, pix_fmt, part)
