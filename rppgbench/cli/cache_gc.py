"""``rppgbench cache gc``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.cache_options import check_stages, opened, plans, protocol_option
from rppgbench.cli.shared_options import data_option, store_option
from rppgbench.errors import StoreError
from rppgbench.text import format_bytes

if TYPE_CHECKING:
    from rppgbench.runs.artefact_history import ArtefactHistory
    from rppgbench.runs.store_contents import Leftover, StoredArtefact
    from rppgbench.store.store import Store

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
# Number of deletions after which a run that has started meanwhile is noticed.
_CHECK_EVERY = 100


@click.command(context_settings={"max_content_width": 110})
@store_option
@protocol_option
@data_option
@click.option("--stage", "stages", multiple=True, metavar="STAGE",
              help="Only artefacts of this stage, such as crop; may be given several times.")  # fmt: skip
@click.option("--stale", is_flag=True,
              help="Only what other versions of the code or libraries made, and no run from here reads.")  # fmt: skip
@click.option("--older-than", metavar="AGE", help="Only what was made longer ago than this: 30d, 12h, 2w.")
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and free nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def gc(
    store_path: Path | None,
    protocols: tuple[str, ...],
    data: tuple[str, ...],
    stages: tuple[str, ...],
    stale: bool,
    older_than: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Free room in the store.

    Garbage always goes: what dead processes left in tmp/ (of other hosts: not written to for a day), scratch of
    training that is done or was not resumed for 30 days, folders without a manifest. Artefacts go only when options
    name them, and every option narrows: with --protocol what none of these protocols needs in full, with
    --stage all of that stage, with --protocol and --stage what is both.

    What a protocol needs follows from its file, the data that is here and the installed code. Its rehearsals and what
    --estimator adds are not counted as needed. While a run goes on in the store nothing is freed.

    \b
    Examples:
      rppgbench cache gc                                          garbage alone
      rppgbench cache gc --stage crop --stage skin                made again from kept bitstreams
      rppgbench cache gc --protocol smoke --protocol obf_compressed --dry-run
      rppgbench cache gc --stale --older-than 30d --yes
    """
    from rppgbench.runs.store_contents import leftovers, removable, stored_artefacts

    store = opened(store_path)
    store = store if dry_run else replace(store, writable=True)
    if (older_than or data) and not (protocols or stages or stale):
        what = "--older-than" if older_than else "--data"
        raise StoreError(f"{what} alone chooses nothing", hint="add --protocol, --stage or --stale")
    before_s = store.now() - _seconds(older_than) if older_than else None
    if not dry_run:
        _refuse_when_live(store)
    found = list(stored_artefacts(store))
    check_stages(stages, found)
    needed = {key for plan in plans(protocols, data, store) for key in plan.tasks} if protocols else None
    history = _history(store, found)
    outdated = {entry.key for entry in found if history.is_stale(entry.key)}
    selected = removable(found, needed=needed, stages=stages, stale=outdated if stale else None, before_s=before_s)
    garbage = [leftover for leftover in leftovers(store) if leftover.garbage]
    _print_selection(selected, garbage)
    if not stale:
        _print_outdated([entry for entry in found if entry.key in outdated - {one.key for one in selected}])
    if dry_run or not (selected or garbage):
        click.echo("nothing was freed: --dry-run" if selected or garbage else "nothing to free")
    elif yes or click.confirm("delete this?"):
        _free(store, selected, garbage)
    else:
        click.echo("nothing was freed")


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", age.strip())
    if match is None:
        raise StoreError(f"--older-than {age}: expected a number and s, m, h, d or w, such as 30d")
    return float(match[1]) * _UNITS[match[2]]


def _refuse_when_live(store: Store) -> None:
    from rppgbench.runs.store_contents import live_runs

    live = live_runs(store)
    if live:
        raise StoreError(
            f"{store.root}: {', '.join(live)} is going on here: it may need what would be freed",
            hint="wait until it ends (rppgbench status --follow), or look with --dry-run; a run that was killed counts "
            "as going on for a minute",
        )


def _history(store: Store, found: Sequence[StoredArtefact]) -> ArtefactHistory:
    from rppgbench.registry import load_registry
    from rppgbench.runs.artefact_history import ArtefactHistory

    return ArtefactHistory(store, found, registry=load_registry())


def _print_selection(selected: Sequence[StoredArtefact], garbage: Sequence[Leftover]) -> None:
    from rppgbench.store.file_tree import bytes_in

    sizes: Counter[str] = Counter()
    counts = Counter(entry.stage for entry in selected)
    for entry in selected:
        sizes[entry.stage] += entry.bytes
    for stage, count in counts.most_common():
        click.echo(f"{stage:<10} {count:>7}  {format_bytes(sizes[stage]):>9}")
    for leftover in garbage:
        size = format_bytes(bytes_in(leftover.path))
        click.echo(f"{leftover.place:<10} {1:>7}  {size:>9}  {leftover.path.name}: {leftover.what}")
    if selected or garbage:
        total = sum(sizes.values()) + sum(bytes_in(leftover.path) for leftover in garbage)
        click.echo(f"{'all':<10} {len(selected) + len(garbage):>7}  {format_bytes(total):>9}")


def _print_outdated(outdated: Sequence[StoredArtefact]) -> None:
    if outdated:
        size = format_bytes(sum(entry.bytes for entry in outdated))
        click.echo(
            f"note: {len(outdated)} more, {size}, were made by other versions of the code or of libraries: "
            "--stale frees them"
        )


def _free(store: Store, selected: Sequence[StoredArtefact], garbage: Sequence[Leftover]) -> None:
    freed = 0
    for number, path in enumerate([*(one.path for one in garbage), *(store.path(entry.key) for entry in selected)]):
        if number % _CHECK_EVERY == 0:
            _refuse_when_live(store)
        freed += store.remove(path)
    click.echo(f"freed {format_bytes(freed)}")
