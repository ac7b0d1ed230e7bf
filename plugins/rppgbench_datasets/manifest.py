"""A dataset described by a table, ``manifest.csv``, for collections whose own layout is not published.

One row a recording; paths are relative to the table's folder:

| column | meaning |
|---|---|
| subject, session | who, and which of their recordings |
| video | the video file |
| fps_hz, duration_s | its mean frame rate and length |
| truth | CSV file of the contact sensor with columns ``time_s`` (on the video's clock) and ``value`` |
| kind | what ``value`` is: ``ecg``, ``bvp`` or ``hr`` (beats per minute) |
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, cast

import numpy as np

from rppgbench.contracts import GroundTruth, Recording
from rppgbench.errors import DatasetUnavailable

MANIFEST = "manifest.csv"
COLUMNS = ("subject", "session", "video", "fps_hz", "duration_s", "truth", "kind")


class ManifestDataset:
    """Recordings listed in ``root/manifest.csv``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rows = {f"{row['subject']}-{row['session']}": row for row in self._read()}

    def recordings(self) -> Sequence[Recording]:
        return [self._recording(name, row) for name, row in self._rows.items()]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        row = self._rows[recording.id]
        path = self.root / row["truth"]
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                samples = [(float(row["time_s"]), float(row["value"])) for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetUnavailable(
                f"{path}: cannot be read: {error!r}", hint="expected CSV with numbers in columns time_s and value"
            ) from None
        times_s, values = np.array(samples, dtype=np.float64).reshape(-1, 2).T
        kind = cast("Literal['ecg', 'bvp', 'hr']", row["kind"])
        return GroundTruth(samples=values, times_s=times_s, kind=kind)

    def _recording(self, name: str, row: dict[str, str]) -> Recording:
        return Recording(
            id=name,
            subject=row["subject"],
            session=row["session"],
            fps_hz=float(row["fps_hz"]),
            duration_s=float(row["duration_s"]),
            path=self.root / row["video"],
            source="lossy",
            truth_files=(self.root / MANIFEST, self.root / row["truth"]),
        )

    def _read(self) -> Iterator[dict[str, str]]:
        path = self.root / MANIFEST
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows = list(csv.DictReader(file, skipinitialspace=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise DatasetUnavailable(f"{path}: is no CSV table in UTF-8: {error}") from None
        except OSError:
            raise DatasetUnavailable(
                f"{path}: no such table", hint=f"write one with the columns {', '.join(COLUMNS)}"
            ) from None
        seen: set[str] = set()
        for number, row in enumerate(rows, start=2):
            missing = [column for column in COLUMNS if not row.get(column)]
            if missing:
                raise DatasetUnavailable(f"{path}:{number}: no value for {', '.join(missing)}")
            for column in ("fps_hz", "duration_s"):
                if not _positive(row[column]):
                    raise DatasetUnavailable(f"{path}:{number}: {column} is {row[column]!r}, expected a number above 0")
            if row["kind"] not in ("ecg", "bvp", "hr"):
                raise DatasetUnavailable(f"{path}:{number}: kind is {row['kind']!r}, expected ecg, bvp or hr")
            name = f"{row['subject']}-{row['session']}"
            if name in seen:
                raise DatasetUnavailable(f"{path}:{number}: recording {name!r} stands there twice")
            seen.add(name)
            yield row


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
