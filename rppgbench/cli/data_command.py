"""``rppgbench data``: add, remove, list, check, show, fixture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.data_check import check
from rppgbench.cli.data_fixture import fixture
from rppgbench.cli.data_folder import dataset_spec
from rppgbench.cli.data_list import list_
from rppgbench.cli.data_show import show
from rppgbench.text import pluralise, pluralise_are

if TYPE_CHECKING:
    from rppgbench.contracts import Inventory
    from rppgbench.datasets.partial_recordings import PartialRecordings


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
      rppgbench data remove ubfc_rppg                forgotten again; the files stay
    """


data.add_command(check)
data.add_command(fixture)
data.add_command(list_)
data.add_command(show)


@data.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--partial", is_flag=True, help="This copy lacks recordings, and is meant to: that is no trouble.")
def add(name: str, path: Path, partial: bool) -> None:
    """Remember that dataset NAME lies in the folder PATH.

    After a look whether it does. Written to the user's configuration file; another folder that was known under NAME
    is forgotten. Nothing in PATH is changed. A run takes --data NAME=PATH over it.

    \b
    Examples:
      rppgbench data add pure /data/PURE
      rppgbench data add obf /data/OBF --partial
    """
    from rppgbench.datasets.open_dataset import open_dataset
    from rppgbench.datasets.partial_recordings import PartialRecordings
    from rppgbench.errors import DatasetUnavailable
    from rppgbench.registry import load_registry
    from rppgbench.settings import add_data_folder, configuration_file, configured_folders

    registry = load_registry()
    spec = dataset_spec(registry, name)
    if not spec.needs_files:
        raise DatasetUnavailable(f"dataset {name!r} makes its recordings itself: it needs no folder")
    dataset = open_dataset(registry, spec, path)
    recordings = dataset.recordings()
    inventory = dataset.inventory()
    before = configured_folders().get(name)
    folder = add_data_folder(name, path, partial)
    subjects = len({recording.subject for recording in recordings})
    click.echo(
        f"{name}: {pluralise(len(recordings), 'recording')} of {pluralise(subjects, 'subject')} in {folder.path}"
    )
    if inventory is not None and inventory.absent:
        _print_absent(inventory, PartialRecordings(inventory, recordings, dataset.root), partial)
    if before is not None and before.path != folder.path:
        click.echo(f"  it was {before.path} before")
    if before is not None and before.partial and not partial:
        click.echo("  no longer marked partial: say --partial if it is meant to lack recordings")
    click.echo(f"  remembered in {configuration_file()}")
    click.echo("next:")
    click.echo(f"  rppgbench data check {name}")
    click.echo(f"  rppgbench data show {name} {recordings[0].id} --plot")
    if spec.protocol:
        click.echo(f"  rppgbench run {spec.protocol}")


@data.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget where dataset NAME lies; its files stay.

    It is taken out of the user's configuration file; no file of the dataset is touched.

    \b
    Example:
      rppgbench data remove pure
    """
    from rppgbench.errors import UnknownName, nearest
    from rppgbench.settings import configuration_file, configured_folders, remove_data_folder

    folders = configured_folders()
    if not remove_data_folder(name):
        hint = nearest(name, folders) if folders else "see 'rppgbench data list'"
        raise UnknownName(f"{configuration_file()}: no dataset {name!r} is remembered", hint=hint)
    click.echo(f"{name}: forgotten; its files stay in {folders[name].path}")


def _print_absent(inventory: Inventory, partials: PartialRecordings, partial: bool) -> None:
    absent, damaged = inventory.absent, [one for one in inventory.absent if partials.has_leftovers(one)]
    fine = ", which is fine for a partial copy" if partial else ""
    click.echo(f"  {len(absent)} of {inventory.n_recordings} published recordings cannot be used:")
    if len(absent) > len(damaged):
        click.echo(f"    {pluralise_are(len(absent) - len(damaged))} not here{fine}")
    if damaged:
        lack = "lacks" if len(damaged) == 1 else "lack"
        click.echo(
            f"    {pluralise_are(len(damaged))} damaged, renamed or {lack} files: "
            "rppgbench data check says which and how"
        )
