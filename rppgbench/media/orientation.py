"""Upright pictures of videos that phones store sideways, with a tag of their rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import av.filter

from rppgbench.errors import MediaError

if TYPE_CHECKING:
    from av.filter import Graph

# libavfilter's names for turning clockwise by that many degrees.
_FILTERS = {90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}


def rotation_deg(picture: av.VideoFrame) -> int:
    """Clockwise rotation that makes a decoded picture upright: 0, 90, 180 or 270 degrees."""
    return round(-picture.rotation / 90) % 4 * 90


class Turner:
    """Turns the pictures of one video upright, in any pixel format.

    The rotation is that of the first picture; files whose tag changes on the way do not occur in practice.
    """

    def __init__(self, first: av.VideoFrame) -> None:
        self.size = (first.width, first.height)
        self.turn_deg = rotation_deg(first)
        self._graph = _turning_graph(first, self.turn_deg) if self.turn_deg else None

    def upright(self, picture: av.VideoFrame) -> av.VideoFrame:
        """``picture`` turned upright; itself if it already is."""
        if self._graph is None:
            return picture
        self._graph.push(picture)
        turned = self._graph.pull()
        if not isinstance(turned, av.VideoFrame):
            raise MediaError(f"a {picture.format.name} picture cannot be turned by {self.turn_deg} degrees")
        return turned


def _turning_graph(first: av.VideoFrame, turn_deg: int) -> Graph:
    graph = av.filter.Graph()
    last = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    for name, argument in _FILTERS[turn_deg]:
        step = graph.add(name, argument) if argument else graph.add(name)
        last.link_to(step)
        last = step
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
