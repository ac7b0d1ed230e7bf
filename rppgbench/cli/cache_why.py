"""``rppgbench cache why``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.cache_options import opened, plans, protocol_option
from rppgbench.cli.shared_options import data_option, store_option
from rppgbench.errors import ArtefactError
from rppgbench.text import format_bytes

if TYPE_CHECKING:
    from rppgbench.runs.artefact_history import ArtefactHistory, Difference
    from rppgbench.runs.store_contents import StoredArtefact
    from rppgbench.store.store import Store

_LEAST_DIGITS = 4
_MOST_SHOWN = 20
_SHORT = 12


@click.command(context_settings={"max_content_width": 110})
@click.argument("key")
@store_option
@protocol_option
@data_option
def why(key: str, store_path: Path | None, protocols: tuple[str, ...], data: tuple[str, ...]) -> None:
    """Tell what the artefact KEY is, or why it is not there.

    KEY may be the first digits of it, 4 at least; 'rppgbench cache ls --keys' and the events of a run tell keys. Of an
    artefact that is there: what it was made from, with which settings, by whom and when, and who reads it. Of one that
    is not there yet and that --protocol needs: which artefact comes nearest to it, and in what the two differ, such as
    "core: 1a2b -> 3c4d" where the code has changed. That is why it is computed again.

    \b
    Examples:
      rppgbench cache why 3f2a91
      rppgbench cache why 3f2a91 --protocol smoke
    """
    from rppgbench.runs.artefact_history import ArtefactHistory
    from rppgbench.runs.store_contents import stored_artefacts

    store = opened(store_path)
    tasks = {
        name: task for plan in (plans(protocols, data, store) if protocols else ()) for name, task in plan.tasks.items()
    }
    found = {entry.key: entry for entry in stored_artefacts(store)}
    history = ArtefactHistory(store, found.values(), tasks)
    key = _resolved(key, history)
    click.echo(f"{key}\n  {history.name(key)}")
    if key in found:
        _print_present(found[key], store, history)
    else:
        _print_absent(key, history)


def _resolved(prefix: str, history: ArtefactHistory) -> str:
    wanted = prefix.lower()
    if len(wanted) < _LEAST_DIGITS or set(wanted) - set("0123456789abcdef"):
        raise ArtefactError(f"{prefix}: expected at least {_LEAST_DIGITS} hexadecimal digits of a key")
    known = history.keys
    matches = [wanted] if wanted in known else sorted(key for key in known if key.startswith(wanted))
    if not matches:
        raise ArtefactError(
            f"{prefix}: not in the store, and no run here tells of it",
            hint="name the protocol that needs it with --protocol; 'rppgbench cache ls --keys' lists what is there",
        )
    if len(matches) > 1:
        listed = "\n".join(f"  {key}  {history.name(key)}" for key in matches[:_MOST_SHOWN])
        raise ArtefactError(f"{prefix}: {len(matches)} keys begin so\n{listed}", hint="give more digits")
    return matches[0]


def _print_present(entry: StoredArtefact, store: Store, history: ArtefactHistory) -> None:
    from rppgbench.runs.artefact_history import leaves

    try:
        manifest = store.manifest(entry.key)
    except ArtefactError as error:
        click.echo(f"  {error.message}\n  -> {error.hint}")
        return
    made = manifest["made"]
    click.echo(f"  made {made.get('at', '?')} on {made.get('host', '?')} in {entry.seconds:g} s")
    click.echo(f"  {format_bytes(entry.bytes)}: {', '.join(sorted(manifest['files']))}")
    click.echo(f"  in {store.path(entry.key)}")
    _print_section("inputs", (f"{role}: {_description(key, history)}" for role, key in entry.inputs.items()))
    settings = {name: value for name, value in entry.preimage.items() if name not in ("stage", "inputs")}
    _print_section("settings", (f"{name}: {value}" for name, value in leaves(settings).items()), most=None)
    _print_section("facts", (f"{name}: {value}" for name, value in leaves(manifest["facts"]).items()))
    _print_section("read by", (_description(reader.key, history) for reader in history.readers(entry.key)))
    nearest = history.nearest(entry.key)
    if nearest is not None and all(difference.by_version for difference in nearest[1]):
        _print_differences("the same by other code or libraries, or from other files", *nearest, history)


def _print_absent(key: str, history: ArtefactHistory) -> None:
    click.echo("  not in the store")
    _print_section("read by", (_description(reader.key, history) for reader in history.readers(key)))
    if history.preimage(key) is None:
        click.echo("  -> with --protocol, the one that needs it, this says in what it differs from what is there")
        return
    nearest = history.nearest(key)
    if nearest is None:
        click.echo("  no artefact of its stage and recording is here: it was never made, or was taken away")
        return
    _print_differences(
        "made before by other code or libraries, or from other files"
        if all(difference.by_version for difference in nearest[1])
        else "the nearest that is here",
        *nearest,
        history,
    )


def _print_differences(
    what: str, other: StoredArtefact, differences: Sequence[Difference], history: ArtefactHistory
) -> None:
    click.echo(f"  {what}: {_description(other.key, history)}, made {other.made_at or '?'}")
    lines = (f"{one.path}: {one.found or 'nothing'} -> {one.wanted or 'nothing'}" for one in differences)
    _print_section("differs in", lines)


def _print_section(heading: str, lines: Iterable[str], most: int | None = _MOST_SHOWN) -> None:
    shown = list(lines)
    if shown:
        click.echo(f"  {heading}")
    for line in shown[:most]:
        click.echo(f"    {line}")
    if most is not None and len(shown) > most:
        click.echo(f"    ... and {len(shown) - most} more")


def _description(key: str, history: ArtefactHistory) -> str:
    return f"{key[: _SHORT + (5 if key.startswith('file:') else 0)]} {history.name(key)}"
