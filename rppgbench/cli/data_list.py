"""``rppgbench data list``."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from rppgbench.cli.data_folder import dataset_spec
from rppgbench.cli.data_stdout import chatter_to_stderr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from rppgbench.contracts import DatasetSpec
    from rppgbench.registry import Registry
    from rppgbench.settings import DataFolder

_HEADINGS = ("dataset", "recordings", "subjects", "source", "where")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def list_(as_json: bool) -> None:
    """List all datasets: what is here, how to get the rest.

    Where each lies, how many recordings are there and where they come from; of those that are not here the licence, how
    to get them and where to read on.

    "source" is how the videos came to be: raw, lossless, lossy (compressed before anybody got them) or rendered.
    """
    from rppgbench.registry import load_registry
    from rppgbench.settings import configured_folders

    registry, folders = load_registry(), configured_folders()
    with chatter_to_stderr():
        rows = [_row(registry, dataset_spec(registry, spec.name), folders) for spec in registry.specs("dataset")]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    _print_list(rows)


def _row(registry: Registry, spec: DatasetSpec, folders: Mapping[str, DataFolder]) -> dict[str, Any]:
    from rppgbench.datasets.open_dataset import open_dataset
    from rppgbench.errors import RppgbenchError

    folder = folders.get(spec.name)
    row: dict[str, Any] = {
        "name": spec.name,
        "summary": spec.summary,
        "path": None if folder is None else str(folder.path),
        "partial": folder is not None and folder.partial,
        "recordings": None,
        "subjects": None,
        "source": "",
        "license": spec.license,
        "redistributable": spec.redistributable,
        "how_to_get": spec.how_to_get or spec.url,
        "url": spec.url,
        "protocol": spec.protocol,
        "problem": "",
    }
    if spec.needs_files and folder is None:
        return row
    try:
        recordings = open_dataset(registry, spec, None if folder is None else folder.path).recordings()
    except RppgbenchError as error:
        return row | {"problem": error.message}
    except Exception as error:  # an error of one loader must not hide the other datasets
        return row | {"problem": f"the dataset's plugin failed: {type(error).__name__}: {error}"}
    sources = Counter(recording.source for recording in recordings)
    return row | {
        "recordings": len(recordings),
        "subjects": len({recording.subject for recording in recordings}),
        "source": ", ".join(source for source, _ in sources.most_common()),
    }


def _print_list(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    _print_columns(console, rows)
    for row in rows:
        if row["problem"]:
            _print_line(console, f"{row['name']}: {row['problem']}", "red")
    missing = [row for row in rows if row["recordings"] is None and not row["problem"]]
    if missing:
        console.print("\n[bold]how to get those that are not here[/bold], and then: rppgbench data add NAME PATH")
    for row in missing:
        _print_line(console, f"  {row['name']}: {row['summary']}")
        licence = f"licence: {row['license']}" if row["license"] else ""
        url = row["url"] if row["url"] not in row["how_to_get"] else ""
        for line in (row["how_to_get"], url, licence):
            if line:
                _print_line(console, f"    {line}", "dim")


def _print_columns(console: Console, rows: list[dict[str, Any]]) -> None:
    """Print aligned columns; a table of rich would fold or cut the paths."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS) - 1)]
    styles = ["bold", *("red" if row["problem"] else "dim" if row["recordings"] is None else "" for row in rows)]
    for (*cells, where), style in zip(lines, styles, strict=True):
        texts = [f"{cell:{side}{width}}" for cell, side, width in zip(cells, "<>><", widths, strict=True)]
        _print_line(console, "  ".join([*texts, where]), style)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    where = row["path"] or ("needs no files" if row["recordings"] is not None else "not here")
    where += " (partial)" if row["partial"] else ""
    where += ": cannot be used, see below" if row["problem"] else ""
    recordings, subjects = ("" if row[key] is None else str(row[key]) for key in ("recordings", "subjects"))
    return row["name"], recordings, subjects, row["source"], where


def _print_line(console: Console, text: str, style: str = "") -> None:
    console.print(text, markup=False, soft_wrap=True, style=style)
