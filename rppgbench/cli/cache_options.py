"""Store, stages and plans of the ``cache`` commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.errors import StoreError, nearest

if TYPE_CHECKING:
    from rppgbench.pipeline.plan import Plan
    from rppgbench.runs.store_contents import StoredArtefact
    from rppgbench.store.store import Store

protocol_option = click.option(
    "--protocol", "protocols", multiple=True, metavar="PROTOCOL",
    help="A protocol, by name or file; may be given several times.",
)  # fmt: skip


def opened(store_path: Path | None) -> Store:
    """The store, opened to be read.

    Raises:
        StoreError: there is none.
    """
    from rppgbench.store.store import Store, default_root

    return Store.open(store_path or default_root(), writable=False)


def check_stages(stages: Iterable[str], found: Iterable[StoredArtefact]) -> None:
    """Refuse a stage that is neither in the store nor in this version."""
    from rppgbench.pipeline.stages import stages as known_stages

    known = {*known_stages(), *(entry.stage for entry in found)}
    for stage in stages:
        if stage not in known:
            raise StoreError(f"--stage {stage}: there is no such stage", hint=nearest(stage, known))


def plans(protocols: Sequence[str], data: Sequence[str], store: Store) -> list[Plan]:
    """Plans of the whole ``protocols``.

    Raises:
        RppgbenchError: one of them cannot be planned here.
    """
    from rppgbench.pipeline.open_plan import open_plans
    from rppgbench.store.store import Store

    hint = "the keys of its artefacts follow from the data: say where it lies with --data NAME=PATH"
    try:  # a plan notes the digests of the user's files in the store
        return [opened.plan for opened in open_plans(protocols, store=Store(store.root), data=data, hint=hint)]
    except OSError as error:
        raise StoreError(f"{store.root}: the store cannot be written: {error.strerror}") from None
