"""Style and files of figures: the same bytes for the same numbers, and the numbers beside the picture."""

from __future__ import annotations

import contextlib
import csv
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from rppgbench.errors import RppgbenchError
from rppgbench.results.results import Results

Row = Mapping[str, Any]

GREY = "0.45"
_CHARACTER_IN = 0.075  # of a line of text at 9 points, with some room to spare
_STYLE: Any = {
    "svg.hashsalt": "rppgbench",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class NothingToDraw(RppgbenchError):
    """Data of a figure are missing; the message names them."""


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """The style of all figures; they are made and saved under it."""
    with mpl.rc_context(_STYLE):
        yield


def set_title(figure: Figure, *lines: str) -> None:
    """Put lines above all panels, wrapped to the figure's width."""
    width = int(figure.get_figwidth() / _CHARACTER_IN)
    figure.suptitle("\n".join(part for line in lines for part in textwrap.wrap(line, width)), fontsize=9)


def heading(results: Results) -> str:
    """Title, protocol and version of results."""
    about = results.about
    return f"{results.title} ({about['protocol']} v{about['version']})"


def wrap_label(entry: str, panel_in: float) -> str:
    """The entry's name in lines that fit a panel of ``panel_in`` inches at 8 points."""
    return textwrap.fill(entry, int(panel_in / _CHARACTER_IN))


def grid_lines(panel: Axes) -> None:
    """Draw faint horizontal lines behind the data."""
    panel.grid(axis="y", color="0.92")
    panel.set_axisbelow(True)


def legend_below(figure: Figure | SubFigure, panel: Axes) -> None:
    """Put the panel's legend under all panels, in as many columns as its longest label leaves room for."""
    handles, labels = panel.get_legend_handles_labels()
    if labels:
        column_in = 0.7 + 0.07 * max(len(label) for label in labels)
        columns = max(1, min(len(labels), int(figure.bbox.width / figure.get_dpi() / column_in)))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=8)


def save(figure: Figure, rows: Sequence[Row], target: Path) -> list[Path]:
    """Write ``target`` as .png, .svg and .csv, the same bytes for the same figure; returns the paths."""
    target.parent.mkdir(parents=True, exist_ok=True)
    png, svg, table = (target.with_name(target.name + ending) for ending in (".png", ".svg", ".csv"))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not once a file
    figure.savefig(png, dpi=150, metadata={"Software": None})
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: plain_value(value) for name, value in row.items()} for row in rows)
    return [png, svg, table]


def plain_value(value: Any) -> Any:
    """The value for a CSV cell: floats to six digits, NaN as an empty cell."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
