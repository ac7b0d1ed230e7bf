"""Rows of the table ``manifest.csv``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, ValidationError, model_validator

from rppgbench.errors import DatasetUnavailable, nearest

MANIFEST = "manifest.csv"
TAG = "tag_"
_MAX_PROBLEMS = 10
_TRUTH_COLUMNS = {"column", "rate_hz", "time_column", "offset_s", "kind", "video_s", "part_first", "part_end"}


class Row(BaseModel):
    """One recording. Optional values may be empty in a row or missing as a column."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    subject: str = Field(description="who: rows of one person have the same")
    session: str = Field(description="which of their recordings")
    video: str = Field(description="the video file")
    fps_hz: PositiveFloat | None = Field(None, description="its frame rate; left out: by its header")
    duration_s: PositiveFloat | None = Field(None, description="how long the whole file lasts; left out: by its header")
    truth: str = Field(description="text table of the contact sensor")
    column: str = Field(description="the column of `truth` to use, by name or by place from 0 on")
    rate_hz: PositiveFloat | None = Field(None, description="samples a second, where they are evenly spaced")
    time_column: str | None = Field(None, description="the column of `truth` with each sample's time in seconds")
    offset_s: float = Field(0.0, description="when the sensor's clock was 0, in seconds after the first frame")
    kind: Literal["ecg", "bvp", "hr"] = Field(description="what the column is; `hr` is in beats per minute")
    leads: str = Field("", description="further ECG leads in `truth`, to check the first against, parted by `;`")
    video_s: PositiveFloat | None = Field(None, description="how long the whole file lasts by the sensor's clock")
    frame_times: str | None = Field(None, description="text file with each frame's time in seconds in its first column")
    frames_are_skin: bool = Field(False, description="`true` if every pixel is skin, and there is no face to look for")
    part_first: NonNegativeInt = Field(0, description="the first frame that counts, from 0 on")
    part_end: int | None = Field(None, description="one past the last frame that counts; if negative, from the end on")
    source: Literal["raw", "lossless", "lossy", "rendered"] | None = Field(
        None, description="what was done to the pictures before; left out: by its codec"
    )
    source_details: str = Field("", description="more of that, such as codec and bitrate")
    tags: Mapping[str, str] = Field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.subject}-{self.session}"

    @property
    def lead_columns(self) -> list[str]:
        return [lead.strip() for lead in self.leads.split(";") if lead.strip()]

    @property
    def truth_details(self) -> str:
        """The row's values about its ground truth as JSON, without paths: the same text on every machine."""
        columns = self.model_dump(include=_TRUTH_COLUMNS, exclude_defaults=True)
        return json.dumps(columns | {"leads": self.lead_columns}, sort_keys=True)

    @model_validator(mode="after")
    def _check_columns(self) -> Row:
        if (self.rate_hz is None) == (self.time_column is None):
            found = "neither" if self.rate_hz is None else "both"
            raise ValueError(f"{found} of rate_hz and time_column has a value, expected one: how samples lie in time")
        if self.leads and self.kind != "ecg":
            raise ValueError(f"leads are of an ECG, and kind is {self.kind!r}")
        if self.part_end is not None and 0 <= self.part_end <= self.part_first:
            raise ValueError(f"no frames from part_first {self.part_first} to part_end {self.part_end}")
        return self


COLUMNS = {name: field.description or "" for name, field in Row.model_fields.items() if name != "tags"}
_REQUIRED = [name for name in COLUMNS if Row.model_fields[name].is_required()]


@dataclass(frozen=True)
class Line:
    """A row and its place, ``path:line``."""

    where: str
    row: Row


def read_table(path: Path) -> list[Row]:
    """Rows of a manifest in the order of the file.

    Raises:
        DatasetUnavailable: the table or a row is invalid; names all problems by line.
    """
    lines: list[Line] = []
    problems: list[str] = []
    for number, cells in _cells(path):
        where = f"{path}:{number}"
        try:
            lines.append(Line(where, _row(cells)))
        except ValidationError as error:
            problems += [f"{where}: {_message(one)}" for one in error.errors()]
    problems += _duplicates(path.parent, lines)
    if problems:
        more = [f"and {len(problems) - _MAX_PROBLEMS} more like these"] if len(problems) > _MAX_PROBLEMS else []
        raise DatasetUnavailable("\n".join(problems[:_MAX_PROBLEMS] + more), hint="correct the table")
    if not lines:
        raise DatasetUnavailable(f"{path}: has no rows", hint="write one a recording")
    return [line.row for line in lines]


def _cells(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            delimiter = next((mark for mark in (";", "\t") if mark in first and "," not in first), ",")
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetUnavailable(f"{path}: is no CSV table in UTF-8: {error}", hint="save it as 'CSV UTF-8'") from None
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise DatasetUnavailable(f"{path}: is empty", hint=f"begin it with the columns {', '.join(_REQUIRED)}, ...")
    names = lines[0][1]
    _check_names(f"{path}:{lines[0][0]}", names)
    for number, cells in lines[1:]:
        if len(cells) != len(names):
            raise DatasetUnavailable(
                f"{path}:{number}: {len(cells)} cells, expected {len(names)}", hint="put cells with commas into quotes"
            )
        yield number, dict(zip(names, cells, strict=True))


def _check_names(where: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DatasetUnavailable(f"{where}: column {name!r} stands there twice", hint="drop one of them")
        if name not in COLUMNS and not (name.startswith(TAG) and name != TAG):
            hint = f"{nearest(name, COLUMNS)}; begin the name of a column of your own with {TAG}"
            raise DatasetUnavailable(f"{where}: unknown column {name!r}", hint=hint)
    for name in _REQUIRED:
        if name not in names:
            raise DatasetUnavailable(f"{where}: no column {name!r}", hint=f"it holds {COLUMNS[name]}")


def _row(cells: Mapping[str, str]) -> Row:
    given: dict[str, Any] = {name: cell for name, cell in cells.items() if cell and not name.startswith(TAG)}
    tags = {name.removeprefix(TAG): cell for name, cell in cells.items() if cell and name.startswith(TAG)}
    return Row(**given, tags=tags)


def _message(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ").split(", unable")[0].replace("Input should be", "expected")
    if not error["loc"]:
        return str(message)
    name = error["loc"][0]
    return f"no value for {name}" if error["type"] == "missing" else f"{name} is {error['input']!r}, {message}"


def _duplicates(root: Path, lines: Sequence[Line]) -> Iterator[str]:
    ids: dict[str, str] = {}
    first_of_video: dict[Path, Line] = {}
    parts: dict[tuple[Path, int, int | None], str] = {}
    for line in lines:
        row, video = line.row, root / line.row.video
        if row.id in ids:
            yield f"{line.where}: recording {row.id!r} stands there twice, first in {ids[row.id]}"
        other = first_of_video.setdefault(video, line)
        part = (video, row.part_first, row.part_end)
        if other.row.subject != row.subject:
            yield f"{line.where}: {row.video} shows {row.subject!r} here, and {other.row.subject!r} in {other.where}"
        elif part in parts and row.id not in ids:
            yield f"{line.where}: the same frames of {row.video} stand in {parts[part]}"
        ids.setdefault(row.id, line.where)
        parts.setdefault(part, line.where)
