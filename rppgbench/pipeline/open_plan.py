"""A protocol opened on this machine: the file found and read, its data located, the store opened, the plan made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rppgbench.errors import ProtocolError, nearest
from rppgbench.learning.device_kind import device_kind
from rppgbench.pipeline.local_dataset import find_roots
from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.planner import make_plan, needed_datasets
from rppgbench.protocol.protocol_library import find_protocol
from rppgbench.protocol.resolve import Protocol, load_protocol
from rppgbench.registry import Registry, load_registry
from rppgbench.settings import data_roots
from rppgbench.store.store import Store, default_root

PathLike: TypeAlias = "str | os.PathLike[str]"
ProtocolSource: TypeAlias = "Protocol | str | os.PathLike[str]"
# Folders of datasets: by name, or in the command line's form, NAME=PATH.
DataFolders: TypeAlias = "Mapping[str, str | os.PathLike[str]] | Iterable[str]"

DEVICE_KINDS = ("cpu", "cuda")  # device kinds of artefacts in a store
DEFAULT_HINT = "'rppgbench run synthetic_compressed' asks the same question of rendered faces and needs no data"


@dataclass(frozen=True)
class OpenPlan:
    """A protocol with the registry of its components, the store, and the plan of the protocol in that store."""

    protocol: Protocol
    registry: Registry
    store: Store
    plan: Plan


def open_plan(
    protocol: ProtocolSource,
    *,
    store: Store | PathLike | None = None,
    data: DataFolders | None = None,
    only: str | Iterable[str] = (),
    rehearse: bool = False,
    estimator: str | None = None,
    device: str | Callable[[], str] = "auto",
    hint: str = DEFAULT_HINT,
) -> OpenPlan:
    """The protocol, the store and the plan, opened in that order so that a mistake costs nothing.

    ``store`` None is `default_root`. ``device`` is the torch device of networks, or a function that names it and is
    called where the protocol trains any. ``hint`` says what to try where the tested dataset is not on this machine.

    Raises:
        ProtocolError: the protocol, a name in ``data`` or an item of ``only`` is wrong.
        DatasetUnavailable: files of a dataset are not here; the message says how to get them.
        StoreError: the store cannot be written.
    """
    loaded = open_protocol(protocol, rehearse=rehearse, estimator=estimator)
    return _open(loaded, store, data_items(data), items(only), hint, device)


def open_plans(
    protocols: Sequence[ProtocolSource], *, store: Store | PathLike | None, data: DataFolders | None, hint: str
) -> list[OpenPlan]:
    """Plans of the whole ``protocols`` in one store, one for each of ``DEVICE_KINDS`` if a protocol trains.

    ``data`` names datasets of any of the protocols.

    Raises:
        RppgbenchError: one of them cannot be planned here, as in `open_plan`.
    """
    loaded = [open_protocol(protocol) for protocol in protocols]
    folders = data_items(data)
    _check_names(folders, loaded)
    return [
        _open(protocol, store, _of(protocol, folders), (), hint, device)
        for protocol in loaded
        for device in (DEVICE_KINDS if protocol.trains else DEVICE_KINDS[:1])
    ]


def open_protocol(protocol: ProtocolSource, *, rehearse: bool = False, estimator: str | None = None) -> Protocol:
    """The protocol of that name or file, or ``protocol`` itself if it is loaded already.

    Raises:
        ProtocolError: there is none, anything in it is wrong, or a loaded one is to be changed.
    """
    if not isinstance(protocol, Protocol):
        path = find_protocol(os.fspath(protocol))
        return load_protocol(path, load_registry(), rehearse=rehearse, estimator=estimator)
    if (rehearse and not protocol.rehearsal) or estimator not in (None, protocol.evaluation.heart_rate.compatible):
        raise ProtocolError(
            f"{protocol.name} is loaded already: rehearse and estimator come too late for it",
            hint="give them to load_protocol, or give the protocol's name or file here",
        )
    return protocol


def open_store(store: Store | PathLike | None) -> Store:
    """The open store itself, the store in that folder, or the default store.

    Raises:
        StoreError: it cannot be written.
    """
    return store if isinstance(store, Store) else Store.open(Path(store) if store else default_root())


def known_roots(protocol: Protocol, data: DataFolders | None) -> dict[str, Path]:
    """Folders of those of the protocol's datasets that are named or remembered.

    Raises:
        ProtocolError: a name in ``data`` is not one of the protocol's datasets.
        DatasetUnavailable: a folder is named or remembered and is not there.
    """
    folders = data_items(data)
    _check_names(folders, [protocol])
    known = data_roots(folders)
    return find_roots([dataset for dataset in protocol.datasets if dataset.name in known], folders, "")


def items(given: str | Iterable[str]) -> tuple[str, ...]:
    """The items as a tuple; a single text is one item."""
    return (given,) if isinstance(given, str) else tuple(given)


def data_items(data: DataFolders | None) -> tuple[str, ...]:
    """Folders of datasets in the command line's form, NAME=PATH."""
    if isinstance(data, Mapping):
        return tuple(f"{name}={os.fspath(path)}" for name, path in data.items())
    return items(data or ())


def _open(
    protocol: Protocol,
    store: Store | PathLike | None,
    data: Sequence[str],
    only: Sequence[str],
    hint: str,
    device: str | Callable[[], str],
) -> OpenPlan:
    _check_names(data, [protocol])
    roots = find_roots(needed_datasets(protocol, only), data, hint)
    opened = open_store(store)
    kind = device_kind(device if isinstance(device, str) else device()) if protocol.trains else "cpu"
    plan = make_plan(protocol, opened, roots=roots, only=only, device=kind)
    return OpenPlan(protocol, load_registry(), opened, plan)


def _of(protocol: Protocol, data: Sequence[str]) -> list[str]:
    names = {dataset.name for dataset in protocol.datasets}
    return [item for item in data if item.partition("=")[0] in names]


def _check_names(data: Sequence[str], protocols: Sequence[Protocol]) -> None:
    """Refuse a misspelt name, with which the remembered folder would be used silently."""
    known = {dataset.name for protocol in protocols for dataset in protocol.datasets}
    for item in data:
        name = item.partition("=")[0]
        if name not in known:
            reads = "this protocol reads no" if len(protocols) == 1 else "none of the protocols reads a"
            raise ProtocolError(f"--data {item}: {reads} dataset {name!r}", hint=nearest(name, known))
