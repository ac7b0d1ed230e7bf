"""``rppgbench data``: add, list, check, show, fixture."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rppgbench.cli.data_check import check
from rppgbench.cli.data_folder import dataset_spec
from rppgbench.cli.data_show import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rppgbench.contracts import DatasetSpec
    from rppgbench.registry import Registry
    from rppgbench.settings import DataFolder
    from rppgbench.testing.film import Take


@click.group()
def data() -> None:
    """Add, list, check and look at datasets; write small copies to try.

    rppgbench brings no recordings but rendered ones: it reads the folders of datasets as they were published. Tell it
    once where one lies; from then on every protocol finds it.

    \b
    Examples:
      rppgbench data list                            what there is, and how to get it
      rppgbench data add ubfc_rppg /data/UBFC        where it lies, remembered
      rppgbench data check ubfc_rppg                 what is missing, damaged or doubtful in it
      rppgbench data show ubfc_rppg subject1 --plot  one recording with its contact sensor
      rppgbench data fixture ubfc_rppg /tmp/ubfc     a small copy with rendered faces, to try things on
    """


data.add_command(check)
data.add_command(show)


@data.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--partial", is_flag=True, help="This copy lacks recordings, and is meant to: that is no trouble.")
def add(name: str, path: Path, partial: bool) -> None:
    """Remember that dataset NAME lies in the folder PATH, after a look whether it does.

    Written to the user's configuration file; another folder that was known under NAME is forgotten. Nothing in PATH is
    changed. A run takes --data NAME=PATH over it.

    \b
    Examples:
      rppgbench data add pure /data/PURE
      rppgbench data add obf /data/OBF --partial
    """
    from rppgbench.datasets.holding import hold
    from rppgbench.errors import DatasetUnavailable
    from rppgbench.registry import load_registry
    from rppgbench.settings import configuration_file, configured, remember

    registry = load_registry()
    spec = dataset_spec(registry, name)
    if not spec.needs_files:
        raise DatasetUnavailable(f"dataset {name!r} makes its recordings itself: it needs no folder")
    holding = hold(registry, spec, path)
    recordings = holding.recordings()
    inventory = holding.inventory()
    before = configured().get(name)
    folder = remember(name, path, partial)
    subjects = len({recording.subject for recording in recordings})
    click.echo(f"{name}: {len(recordings)} recordings of {subjects} subjects in {folder.path}")
    if inventory is not None and inventory.absent:
        click.echo(
            f"  {len(inventory.absent)} of {inventory.n_recordings} published recordings are not here"
            f"{', which is fine for a partial copy' if partial else ': rppgbench data check names them'}"
        )
    if before is not None and before.path != folder.path:
        click.echo(f"  it was {before.path} before")
    click.echo(f"  remembered in {configuration_file()}")
    click.echo("next:")
    click.echo(f"  rppgbench data check {name}")
    click.echo(f"  rppgbench data show {name} {recordings[0].id} --plot")
    if spec.protocol:
        click.echo(f"  rppgbench run {spec.protocol}")


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def list_(as_json: bool) -> None:
    """List every dataset: where it lies, how many recordings are there, where they come from, licence, how to get it.

    "source" is how the videos came to be: raw, lossless, lossy (compressed before anybody got them) or rendered.
    """
    from rppgbench.registry import load_registry
    from rppgbench.settings import configured

    registry, folders = load_registry(), configured()
    rows = [_row(registry, dataset_spec(registry, spec.name), folders) for spec in registry.specs("dataset")]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    _print_list(rows)


def _row(registry: Registry, spec: DatasetSpec, folders: Mapping[str, DataFolder]) -> dict[str, Any]:
    from rppgbench.datasets.holding import hold
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
        "protocol": spec.protocol,
        "problem": "",
    }
    if spec.needs_files and folder is None:
        return row
    try:
        recordings = hold(registry, spec, None if folder is None else folder.path).recordings()
    except RppgbenchError as error:
        return row | {"problem": error.message}
    except Exception as error:  # a stranger's loader must not hide the other datasets
        return row | {"problem": f"the dataset's plugin failed: {type(error).__name__}: {error}"}
    sources = Counter(recording.source for recording in recordings)
    return row | {
        "recordings": len(recordings),
        "subjects": len({recording.subject for recording in recordings}),
        "source": ", ".join(source for source, _ in sources.most_common()),
    }


def _print_list(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from rppgbench.cli.data_folder import wide_console

    console = wide_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("dataset", "recordings", "subjects", "source", "licence", "where"):
        table.add_column(heading, justify="right" if heading in ("recordings", "subjects") else "left", overflow="fold")
    for row in rows:
        where = row["path"] or ("needs no files" if row["recordings"] is not None else "not here")
        where += " (partial)" if row["partial"] else ""
        where += ": cannot be used, see below" if row["problem"] else ""
        counts = ["" if row[key] is None else str(row[key]) for key in ("recordings", "subjects")]
        style = "red" if row["problem"] else "dim" if row["recordings"] is None else None
        cells = (row["name"], *counts, row["source"], row["license"], where)
        table.add_row(*map(escape, cells), style=style)
    console.print(table)
    for row in rows:
        if row["problem"]:
            console.print(f"{row['name']}: {row['problem']}", markup=False, soft_wrap=True, style="red")
    missing = [row for row in rows if row["recordings"] is None and not row["problem"]]
    if missing:
        console.print("\n[bold]how to get those that are not here[/bold], and then: rppgbench data add NAME PATH")
    for row in missing:
        console.print(f"  {row['name']}: {row['summary']}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"    {row['how_to_get']}", markup=False, highlight=False, soft_wrap=True, style="dim")


@data.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--subjects", default=3, show_default=True, type=click.IntRange(1, 100), help="How many people.")
@click.option(
    "--seconds", default=32.0, show_default=True, type=click.FloatRange(2.0, 3600.0), help="Of each recording."
)
@click.option("--sessions", type=click.IntRange(1), help="Of each subject at most; the rest is missing then.")
@click.option("--size", default="128x96", show_default=True, metavar="WxH", help="Of the pictures, in pixels.")
def fixture(name: str, path: Path, subjects: int, seconds: float, sessions: int | None, size: str) -> None:
    """Write a small copy of dataset NAME into the folder PATH: rendered faces in the layout that was published.

    File names, formats, rates, codecs and oddities are the dataset's; faces, pulses and sensors are simulated, so the
    heart rates are known. To try a protocol before the data have come, or a loader of your own. PATH must be empty or
    not be there.

    \b
    Examples:
      rppgbench data fixture pure /tmp/pure
      rppgbench data fixture mahnob_hci /tmp/mahnob --subjects 9 --seconds 64
    """
    from rich.console import Console

    from rppgbench.datasets.fixture import ToldFilm, write_fixture
    from rppgbench.registry import load_registry

    registry, width_height = load_registry(), _size(size)
    spec = dataset_spec(registry, name)
    console = Console(stderr=True)
    with console.status(f"writing {subjects} subjects of {name}") as status:
        film = ToldFilm(
            registry,
            lambda n: status.update(f"writing subject {n} of {subjects} of {name}"),
            size=width_height,
            n_sessions=sessions,
        )
        takes = write_fixture(spec, path, film, n_subjects=subjects, duration_s=seconds)
    _tell_takes(takes)
    click.echo("next:")
    click.echo(f"  rppgbench data check {name} --path {path} --partial")
    if spec.protocol:
        click.echo(f"  rppgbench run {spec.protocol} --data {name}={path} --rehearse")


def _tell_takes(takes: Mapping[str, Take]) -> None:
    click.echo(f"{len(takes)} recordings of rendered faces; their heart rates:")
    width = max((len(name) for name in takes), default=0)
    for name, take in takes.items():
        click.echo(f"  {name:<{width}}  {take.hr_bpm:6.2f} bpm  {take.duration_s:g} s at {take.fps_hz:g} frames/s")


def _size(text: str) -> tuple[int, int]:
    width, x, height = text.lower().partition("x")
    if not (x and width.isdecimal() and height.isdecimal()):
        raise click.UsageError(f"--size {text}: expected width and height in pixels, such as 128x96")
    return int(width), int(height)
