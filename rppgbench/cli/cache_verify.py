"""``rppgbench cache verify``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.cache_options import opened
from rppgbench.cli.shared_options import store_option

if TYPE_CHECKING:
    from rppgbench.runs.store_contents import Leftover
    from rppgbench.store.store import Store

EXIT_DAMAGED = 3
_MOST_JOBS = 8


@click.command(context_settings={"max_content_width": 110})
@store_option
@click.option("--jobs", type=click.IntRange(1), help="Threads that read; as many as cores, 8 at most, if not said.")
@click.option("--remove", is_flag=True, help="Take away what is damaged or lies in the wrong place.")
def verify(store_path: Path | None, jobs: int | None, remove: bool) -> None:
    """Read every byte of the store and name what is damaged.

    An artefact is damaged when a file of it is missing, added, or differs in one bit from what was written, and when
    its manifest does. What is damaged in objects/ in another way is named too: folders without a manifest, artefacts in
    the wrong place. What was left over in tmp/ and partial/ is only reported: 'rppgbench cache gc' frees it.

    Without --remove the store is only read. Manifests of versions that wrote no checksum of them are held against
    their key, their layout and the files they name.

    \b
    Exit codes: 0 all is whole; 2 there is no store there; 3 something is damaged, whether or not it was removed.
    """
    from rppgbench.runs.store_contents import leftovers

    store = opened(store_path)
    keys = list(store.keys())
    broken = _damaged(store, keys, jobs or min(os.cpu_count() or 1, _MOST_JOBS))
    strays = leftovers(store)
    misplaced = [stray for stray in strays if stray.place == "objects"]
    for stray in misplaced:
        click.echo(f"{stray.path}: {stray.what}")
    _print_leftovers([stray for stray in strays if stray.place != "objects"])
    n_bad = len(broken) + len(misplaced)
    if not n_bad:
        click.echo(f"{store.root}: all of {len(keys)} artefacts are whole")
        return
    click.echo(f"{store.root}: {n_bad} damaged, {len(keys) - len(broken)} artefacts are whole")
    if remove:
        writable = replace(store, writable=True)
        for path in (*(store.path(key) for key in broken), *(stray.path for stray in misplaced)):
            writable.remove(path)
        click.echo(f"removed {n_bad}: the next run that needs them makes them again")
    else:
        click.echo(
            "  -> rppgbench cache verify --remove takes them away; the next run that needs them makes them again"
        )
    sys.exit(EXIT_DAMAGED)


def _damaged(store: Store, keys: Sequence[str], jobs: int) -> list[str]:
    """Keys of damaged artefacts, each of which is printed with its damage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from rppgbench.runs.artefact_history import ArtefactHistory
    from rppgbench.runs.store_contents import damaged, stored_artefacts

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("reading artefacts", total=len(keys))
        broken = list(damaged(store, keys, jobs=jobs, checked=lambda: progress.advance(bar)))
    history = ArtefactHistory(store, stored_artefacts(store) if broken else ())
    for key, damage in broken:
        click.echo(f"{key}: {history.name(key)}: {damage}")
    return [key for key, _ in broken]


def _print_leftovers(strays: Sequence[Leftover]) -> None:
    for stray in strays:
        click.echo(f"note: {stray.place}/{stray.path.name}: {stray.what}")
