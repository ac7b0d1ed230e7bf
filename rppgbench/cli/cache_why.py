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
    ancestry = ArtefactHistory(store, found.values(), tasks)
    key = _resolved(key, ancestry)
    click.echo(f"{key}\n  {ancestry.name(key)}")
    if key in found:
        _tell_there(found[key], store, ancestry)
    else:
        _tell_absent(key, ancestry)


def _resolved(prefix: str, ancestry: ArtefactHistory) -> str:
    wanted = prefix.lower()
    if len(wanted) < _LEAST_DIGITS or set(wanted) - set("0123456789abcdef"):
        raise ArtefactError(f"{prefix}: expected at least {_LEAST_DIGITS} hexadecimal digits of a key")
    known = ancestry.keys
    matches = [wanted] if wanted in known else sorted(key for key in known if key.startswith(wanted))
    if not matches:
        raise ArtefactError(
            f"{prefix}: not in the store, and no run here tells of it",
            hint="name the protocol that needs it with --protocol; 'rppgbench cache ls --keys' lists what is there",
        )
    if len(matches) > 1:
        shown = "\n".join(f"  {key}  {ancestry.name(key)}" for key in matches[:_MOST_SHOWN])
        raise ArtefactError(f"{prefix}: {len(matches)} keys begin so\n{shown}", hint="give more digits")
    return matches[0]


def _tell_there(entry: StoredArtefact, store: Store, ancestry: ArtefactHistory) -> None:
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
    _tell_many("inputs", (f"{role}: {_described(key, ancestry)}" for role, key in entry.inputs.items()))
    settings = {name: value for name, value in entry.preimage.items() if name not in ("stage", "inputs")}
    _tell_many("settings", (f"{name}: {value}" for name, value in leaves(settings).items()), most=None)
    _tell_many("facts", (f"{name}: {value}" for name, value in leaves(manifest["facts"]).items()))
    _tell_many("read by", (_described(reader.key, ancestry) for reader in ancestry.readers(entry.key)))
    nearest = ancestry.nearest(entry.key)
    if nearest is not None and all(difference.by_version for difference in nearest[1]):
        _tell_differences("the same by other code or libraries, or from other files", *nearest, ancestry)


def _tell_absent(key: str, ancestry: ArtefactHistory) -> None:
    click.echo("  not in the store")
    _tell_many("read by", (_described(reader.key, ancestry) for reader in ancestry.readers(key)))
    if ancestry.preimage(key) is None:
        click.echo("  -> with --protocol, the one that needs it, this says in what it differs from what is there")
        return
    nearest = ancestry.nearest(key)
    if nearest is None:
        click.echo("  no artefact of its stage and recording is here: it was never made, or was taken away")
        return
    _tell_differences(
        "made before by other code or libraries, or from other files"
        if all(difference.by_version for difference in nearest[1])
        else "the nearest that is here",
        *nearest,
        ancestry,
    )


def _tell_differences(
    what: str, other: StoredArtefact, differences: Sequence[Difference], ancestry: ArtefactHistory
) -> None:
    click.echo(f"  {what}: {_described(other.key, ancestry)}, made {other.made_at or '?'}")
    lines = (f"{one.path}: {_brief(one.found)} -> {_brief(one.wanted)}" for one in differences)
    _tell_many("differs in", lines)


def _tell_many(heading: str, lines: Iterable[str], most: int | None = _MOST_SHOWN) -> None:
    told = list(lines)
    if told:
        click.echo(f"  {heading}")
    for line in told[:most]:
        click.echo(f"    {line}")
    if most is not None and len(told) > most:
        click.echo(f"    ... and {len(told) - most} more")


def _described(key: str, ancestry: ArtefactHistory) -> str:
    return f"{key[: _SHORT + (5 if key.startswith('file:') else 0)]} {ancestry.name(key)}"


def _brief(value: str | None) -> str:
    return "nothing" if value is None else value
