"""Results of a run as files: rows, encodings, and the protocol that they answer."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rppgbench.errors import IncomparableResults, RppgbenchError
from rppgbench.evaluation.schema import SCHEMA_VERSION, read_rows, write_rows
from rppgbench.protocol.lock_diff import differing
from rppgbench.protocol.resolve import Protocol
from rppgbench.signal.heart_rate import HeartRateSettings
from rppgbench.store.file_tree import replaced
from rppgbench.version import __version__

Row = dict[str, Any]

KEYS = ("protocol", "version", "title", "digest", "entries", "schema", "rppgbench", "resolved")
AGAIN = "copy it again; 'rppgbench run PROTOCOL' writes it anew from what is in the store"
RESULTS, ROWS, JOINED, ENCODINGS = "results.json", "rows.parquet", "joined.parquet", "encodings.csv"


@dataclass(frozen=True)
class Results:
    """Rows of every window, encodings of every recording, and the protocol behind them.

    ``about`` is what ``results.json`` holds: protocol, version, title, digest, ``resolved`` (all the digest covers),
    the entries in the protocol's order, ``comparisons`` (the family of tests that it declares), schema and rppgbench
    version; ``data``, missing subjects and recordings of the dataset. ``joined`` are rows of the longer windows that
    the protocol makes of consecutive ones, where it does.
    """

    about: Mapping[str, Any]
    rows: Sequence[Row]
    encodings: Sequence[Row]
    joined: Sequence[Row] = ()

    @classmethod
    def of(
        cls,
        protocol: Protocol,
        rows: Sequence[Row],
        encodings: Sequence[Row],
        data: Mapping[str, Any] | None = None,
        joined: Sequence[Row] = (),
    ) -> Results:
        """The results of a run of ``protocol``; ``data`` names missing subjects and recordings of its dataset."""
        about = {
            "protocol": protocol.name,
            "version": protocol.version,
            "title": protocol.title,
            "cite": protocol.cite,
            "digest": protocol.digest,
            "entries": [entry.id for entry in protocol.entries],
            "schema": SCHEMA_VERSION,
            "rppgbench": __version__,
            "resolved": protocol.resolved(),
        }
        if data:
            about["data"] = dict(data)
        if protocol.evaluation.comparisons:
            about["comparisons"] = [one.model_dump(mode="json") for one in protocol.evaluation.comparisons]
        return cls(about, rows, encodings, joined)

    @property
    def evaluation(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.about["resolved"]["evaluation"]
        return found

    @property
    def compatible(self) -> str | None:
        """The compatibility estimator of the rates, None for rppgbench's own."""
        return HeartRateSettings.model_validate(self.evaluation.get("heart_rate", {})).compatible

    @property
    def title(self) -> str:
        """The protocol's title, with the compatibility estimator if there is one."""
        return str(self.about["title"]) + (f", as {self.compatible}: not ranked" if self.compatible else "")

    @property
    def conditions(self) -> list[str]:
        """Conditions that have rows, in the protocol's order."""
        present = {row["condition"] for row in self.rows}
        return [c["id"] for c in self.about["resolved"]["conditions"] if c["id"] in present]

    @property
    def entries(self) -> list[str]:
        """Entries that have rows, in the protocol's order."""
        present = {row["entry"] for row in self.rows}
        return [entry for entry in self.about["entries"] if entry in present]

    @property
    def controls(self) -> set[str]:
        return {row["entry"] for row in self.rows if row["control"]}

    def save(self, folder: Path) -> None:
        """Write the files, the same bytes for the same results; each is whole whenever another process reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        with replaced(folder / ROWS) as path:
            write_rows(self.rows, path)
        if self.joined:
            with replaced(folder / JOINED) as path:
                write_rows(self.joined, path)
        else:
            (folder / JOINED).unlink(missing_ok=True)
        with replaced(folder / ENCODINGS) as path, path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.encodings[0]) if self.encodings else ["recording"])
            writer.writeheader()
            writer.writerows(self.encodings)
        with replaced(folder / RESULTS) as path:  # last: where it is, the others are
            path.write_text(json.dumps(self.about, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Results:
        """The results in ``folder``.

        Raises:
            RppgbenchError: there are none, or they cannot be read.
        """
        about = cls.load_about(folder)
        try:
            rows = read_rows(folder / ROWS)
            joined = read_rows(folder / JOINED) if (folder / JOINED).is_file() else []
            with (folder / ENCODINGS).open(newline="", encoding="utf-8") as file:
                encodings = [_numbers(row) for row in csv.DictReader(file)]
        except (OSError, ValueError) as error:
            raise RppgbenchError(
                f"{folder}: no readable results there: {error}", hint=f"expected {RESULTS}, {ROWS} and {ENCODINGS}"
            ) from None
        return cls(about, rows, encodings, joined)

    @staticmethod
    def load_about(folder: Path) -> dict[str, Any]:
        """The question that the results in ``folder`` answer, and with what; their rows are not read.

        Raises:
            RppgbenchError: there are none, or they cannot be read.
        """
        try:
            about: dict[str, Any] = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise RppgbenchError(f"{folder / RESULTS}: cut off, or no JSON: {error}", hint=AGAIN) from None
        except OSError as error:
            raise RppgbenchError(
                f"{folder}: no readable results there: {error}", hint=f"expected {RESULTS}, {ROWS} and {ENCODINGS}"
            ) from None
        missing = [key for key in KEYS if key not in about]
        if missing:
            raise RppgbenchError(f"{folder / RESULTS}: no value for {', '.join(missing)}; not made by rppgbench run")
        return about


def load_answering(protocol: Protocol, folder: Path, hint: str) -> Results:
    """The results in ``folder``, of the same question as ``protocol``.

    Raises:
        RppgbenchError: there are none, or they cannot be read.
        IncomparableResults: they answer another question; the message shows line by line where it differs.
    """
    results = Results.load(folder)
    asked = Results.of(protocol, [], []).about
    lines = list(differences(results.about, asked))
    if results.about["digest"] != asked["digest"] and not lines:
        lines = [f"digest: {results.about['digest'][:12]} | {asked['digest'][:12]}"]
    if not lines:
        return results
    raise IncomparableResults(
        f"{folder}: results of another question than {protocol.path}; they differ in\n  " + "\n  ".join(lines),
        hint=hint,
    )


def merge(many: Sequence[Results], names: Sequence[str]) -> Results:
    """Several results as one.

    Raises:
        IncomparableResults: they answer different questions; the message shows line by line where they differ.
    """
    first = many[0]
    for other, name in zip(many[1:], names[1:], strict=True):
        lines = [*differences(first.about, other.about), *_other_inputs(first, other)]
        if lines:
            raise IncomparableResults(
                f"{names[0]} and {name} must not be ranked together; they differ in\n  " + "\n  ".join(lines),
                hint="run both under the same protocol file and version of rppgbench",
            )
    entries: dict[str, list[Row]] = {}
    joined: dict[str, list[Row]] = {}
    for results, name in zip(many, names, strict=True):
        for entry in results.entries:
            rows = [row for row in results.rows if row["entry"] == entry]
            if entries.setdefault(entry, rows) != rows:
                raise IncomparableResults(
                    f"{name}: entry {entry!r} has other scores than the same entry in another result",
                    hint="look for a difference in encoder builds (encodings.csv) or in the plugin's version",
                )
            joined.setdefault(entry, [row for row in results.joined if row["entry"] == entry])
    encodings = {(row["recording"], row["condition"]): row for results in many for row in results.encodings}
    return Results(
        {**first.about, "entries": list(entries)},
        [row for rows in entries.values() for row in rows],
        list(encodings.values()),
        [row for rows in joined.values() for row in rows],
    )


def _other_inputs(one: Results, other: Results) -> Iterable[str]:
    """Differences of windows, ground truth or bitstreams between two results of one question."""
    if one.about["rppgbench"] != other.about["rppgbench"]:
        yield f"rppgbench: {one.about['rppgbench']} | {other.about['rppgbench']}"
    here, there = ({(r["recording"], r["window"]): r["hr_true_bpm"] for r in x.rows} for x in (one, other))
    if here.keys() != there.keys():
        yield f"windows: {len(here.keys() - there.keys())} only here | {len(there.keys() - here.keys())} only there"
    for key in sorted(here.keys() & there.keys()):
        if here[key] != there[key]:
            yield f"true heart rate of {key[0]}, window {key[1]}: {here[key]} | {there[key]}"
            break
    streams, rivals = ({(e["recording"], e["condition"]): e["sha256"] for e in x.encodings} for x in (one, other))
    for key in sorted(streams.keys() & rivals.keys()):
        if streams[key] != rivals[key]:
            yield f"bitstream of {key[0]}, {key[1]}: {streams[key][:12]} | {rivals[key][:12]}"
            break


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[str]:
    """Lines such as ``clips.length_s: 30.0 | 20.0`` for settings that must be equal in compared results."""
    for key in ("schema", "protocol", "version"):
        if one[key] != other[key]:
            yield f"{key}: {one[key]} | {other[key]}"
    yield from differing(*({**about["resolved"], "name": "", "version": ""} for about in (one, other)))


def _numbers(row: Mapping[str, str]) -> Row:
    return {
        key: _number(value) if key in ("target_bps", "bitrate_bps", "psnr_y_db", "n_frames") else value
        for key, value in row.items()
    }


def _number(text: str) -> float | int | None:
    if not text:
        return None
    return int(text) if text.isdigit() else float(text)
