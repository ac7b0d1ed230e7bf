"""``rppgbench cache``: ls, verify, gc, why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rppgbench.cli.cache_gc import gc
from rppgbench.cli.cache_options import check_stages, opened
from rppgbench.cli.cache_verify import verify
from rppgbench.cli.cache_why import why
from rppgbench.cli.shared_options import store_option
from rppgbench.text import format_bytes, format_clock

if TYPE_CHECKING:
    from rppgbench.runs.store_contents import StoredArtefact
    from rppgbench.store.store import Store


@click.group()
def cache() -> None:
    """See what the store holds, check it, free room in it, and ask what an artefact is.

    The store is the folder of everything computed: --store, else $RPPGBENCH_STORE, else the user's cache folder. What
    is in it is not computed again; what is taken out of it, the next run that needs it makes anew.

    \b
    Examples:
      rppgbench cache ls                          how much of what
      rppgbench cache verify                      reads every byte and names what is damaged
      rppgbench cache gc --stage crop             frees what is large and made again in no time
      rppgbench cache gc --protocol obf_compressed --dry-run
                                                  what that protocol does not need
      rppgbench cache why 3f2a91                  what it is, who made it, who reads it
    """


cache.add_command(gc)
cache.add_command(verify)
cache.add_command(why)


@cache.command("ls", context_settings={"max_content_width": 110})
@store_option
@click.option("--stage", "stages", multiple=True, metavar="STAGE", help="Only this one; may be given several times.")
@click.option("--keys", "with_keys", is_flag=True, help="Every artefact on a line of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
def ls(store_path: Path | None, stages: tuple[str, ...], with_keys: bool, as_json: bool) -> None:
    """List what the store holds, stage by stage.

    How many artefacts, how many bytes, when the oldest and the newest were made, and how long it took to make them.
    The store is only read. An artefact whose manifest cannot be read is counted as "unreadable".

    \b
    JSON: {"schema": 1, store, stages [{stage, artefacts, bytes, oldest, newest, seconds, keys (with --keys)}],
      total {artefacts, bytes, seconds}, partial {entries, bytes}, tmp {entries, bytes}, runs {entries, bytes}}
    """
    from rppgbench.runs.artefact_history import ArtefactHistory
    from rppgbench.runs.store_contents import stored_artefacts

    store = opened(store_path)
    everything = list(stored_artefacts(store))
    check_stages(stages, everything)
    found = [entry for entry in everything if not stages or entry.stage in stages]
    rows = [_row([entry for entry in found if entry.stage == stage]) for stage in _in_order(found)]
    others = {place: _folder_totals(store, place) for place in ("partial", "tmp", "runs")}
    if as_json:
        if with_keys:
            rows = [{**row, "keys": [e.key for e in found if e.stage == row["stage"]]} for row in rows]
        document = {"schema": 1, "store": str(store.root), "stages": rows, "total": _total(found), **others}
        click.echo(json.dumps(document, indent=1, allow_nan=False))
        return
    if with_keys:
        history = ArtefactHistory(store, everything)
        order = _in_order(found)
        for artefact in sorted(found, key=lambda one: (order.index(one.stage), one.made_at, one.key)):
            _print_artefact(artefact, history.name(artefact.key))
        return
    _print_table(store, rows, _total(found), others)


def _in_order(found: Sequence[StoredArtefact]) -> list[str]:
    """Stages of the artefacts, in the order of the pipeline; unknown ones at the end."""
    from rppgbench.pipeline.stages import stages

    present = {entry.stage for entry in found}
    return [*(stage for stage in stages() if stage in present), *sorted(present - set(stages()))]


def _row(artefacts: Sequence[StoredArtefact]) -> dict[str, Any]:
    made = sorted(entry.made_at for entry in artefacts if entry.made_at)
    return {
        "stage": artefacts[0].stage,
        **_total(artefacts),
        "oldest": made[0] if made else None,
        "newest": made[-1] if made else None,
    }


def _total(found: Sequence[StoredArtefact]) -> dict[str, Any]:
    return {
        "artefacts": len(found),
        "bytes": sum(entry.bytes for entry in found),
        "seconds": round(sum(entry.seconds for entry in found), 3),
    }


def _folder_totals(store: Store, place: str) -> dict[str, int]:
    from rppgbench.store.file_tree import bytes_in, names_in

    folder = store.root / place
    paths = folder.glob("*/*") if place == "partial" else (folder / name for name in names_in(folder))
    return {"entries": sum(1 for _ in paths), "bytes": bytes_in(folder)}


def _print_artefact(artefact: StoredArtefact, name: str) -> None:
    click.echo(f"{artefact.key}  {format_bytes(artefact.bytes):>9}  {artefact.made_at or '-':<20}  {name}")


def _print_table(
    store: Store, rows: Sequence[dict[str, Any]], total: dict[str, Any], others: dict[str, dict[str, int]]
) -> None:
    from rich.table import Table

    from rppgbench.cli.data_folder import wide_console

    console = wide_console()
    console.print(str(store.root), markup=False, soft_wrap=True, style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    for heading in ("artefacts", "size", "core time"):
        table.add_column(heading, justify="right")
    for heading in ("oldest", "newest"):
        table.add_column(heading)
    for row in (*rows, {"stage": "all", "oldest": None, "newest": None, **total}):
        table.add_row(
            row["stage"], str(row["artefacts"]), format_bytes(row["bytes"]), format_clock(row["seconds"]),
            row["oldest"] or "-", row["newest"] or "-",
        )  # fmt: skip
    for place, what in (("partial", "of fits to go on from"), ("tmp", "being written"), ("runs", "of events")):
        other = others[place]
        table.add_row(place, str(other["entries"]), format_bytes(other["bytes"]), "", what, "", style="dim")
    console.print(table)
