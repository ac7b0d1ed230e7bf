"""A table as text and as data."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from rppgbench.figures.style import plain_value

DASH = "-"


@dataclass(frozen=True)
class Table:
    """A table with ``cells`` for the text, ``records`` for the CSV file, and ``notes`` below."""

    name: str
    title: str
    headers: Sequence[str]
    cells: Sequence[Sequence[str]]
    records: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()

    def markdown(self, at_most: int | None = None) -> str:
        """The cells, ``at_most`` so many rows, with the notes below."""
        table = tabulate(self.cells[:at_most], self.headers, "github", disable_numparse=True)
        rest = 0 if at_most is None else len(self.cells) - at_most
        more = [f"and {rest} more in [{self.name}.md](tables/{self.name}.md)"] if rest > 0 else []
        return "\n\n".join([table, *more, *self.notes])

    def save(self, folder: Path) -> list[Path]:
        """Write ``<name>.md`` and ``<name>.csv``, the same bytes for the same table; returns the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        text, table = folder / f"{self.name}.md", folder / f"{self.name}.csv"
        text.write_text(f"# {self.title}\n\n{self.markdown()}\n", encoding="utf-8", newline="")
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.records[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: plain_value(value) for name, value in record.items()} for record in self.records)
        return [text, table]
