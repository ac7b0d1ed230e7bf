"""A dataset on this machine: its recordings, its inventory, its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rppgbench.contracts import Absent, DatasetSpec, InventoriedDataset, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, PluginError
from rppgbench.protocol.resolved_component import ResolvedComponent
from rppgbench.registry import make
from rppgbench.settings import data_roots, dataset_root
from rppgbench.store.source_digests import SourceDigests
from rppgbench.text import natural_order


@dataclass(frozen=True)
class LocalDataset:
    """A dataset on this machine.

    ``inventory`` is None if the published recordings are not known; ``local`` holds facts on this machine for the
    loader, such as its root.
    """

    dataset: ResolvedComponent
    recordings: Sequence[Recording]
    inventory: Inventory | None
    local: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_subject(self) -> Mapping[str, Sequence[Recording]]:
        """Recordings of each subject."""
        found: dict[str, list[Recording]] = {}
        for recording in self.recordings:
            found.setdefault(recording.subject, []).append(recording)
        return found

    @property
    def published(self) -> Sequence[str]:
        """All published subjects; if they are not known, those that are here."""
        return self.inventory.subjects if self.inventory else list(self.by_subject)


def find_roots(datasets: Iterable[ResolvedComponent], overrides: Iterable[str], without: str) -> dict[str, Path]:
    """Folders of those of the datasets that need files, by name; ``without`` is an alternative for the error's hint.

    Raises:
        DatasetUnavailable: one is not here; the message says how to get it.
    """
    configured = data_roots(overrides)
    roots = {}
    for number, dataset in enumerate(datasets):
        if number:
            without = f"entries of this protocol learn on {dataset.name!r}; run others alone with --only entry=NAME"
        if not isinstance(dataset.spec, DatasetSpec):
            raise TypeError(f"{dataset.name} is a {dataset.spec.kind}")
        root = dataset_root(dataset.spec, configured, without)
        if root is not None:
            roots[dataset.name] = root
    return roots


def drop_duplicate_videos(local: LocalDataset, digests: SourceDigests) -> LocalDataset:
    """The dataset without videos that are byte for byte those of another subject.

    Their subject is unknown, and one fold would train on them while another tests them.
    """
    by_size: dict[tuple[int, ...], list[Recording]] = {}
    for recording in local.recordings:
        files = _video_files(recording)
        if files:
            by_size.setdefault(tuple(path.stat().st_size for path in files if path.is_file()), []).append(recording)
    copies: dict[str, Absent] = {}
    for same_size in by_size.values():
        if len({recording.subject for recording in same_size}) > 1:
            copies |= _copies(same_size, digests)
    if not copies:
        return local
    kept = [recording for recording in local.recordings if recording.id not in copies]
    known = local.inventory
    inventory = Inventory(
        subjects=tuple(local.published),
        n_recordings=known.n_recordings if known else len(local.recordings),
        absent=(*(known.absent if known else ()), *copies.values()),
        extra=known.extra if known else (),
        notes=known.notes if known else (),
    )
    return LocalDataset(local.dataset, kept, inventory, local.local)


def _copies(same_size: Sequence[Recording], digests: SourceDigests) -> dict[str, Absent]:
    by_content: dict[str, list[Recording]] = {}
    for recording in same_size:
        by_content.setdefault(digests.key(*_video_files(recording)), []).append(recording)
    copies = {}
    for same in by_content.values():
        if len({recording.subject for recording in same}) > 1:
            for recording in same:
                others = ", ".join(other.id for other in same if other.subject != recording.subject)
                copies[recording.id] = Absent(
                    id=recording.id,
                    subject=recording.subject,
                    path=_video_files(recording)[0],
                    reason=f"byte for byte the video of {others}, another subject",
                    remedy="copy both again; if they stay alike, whose it is cannot be known",
                )
    return copies


def _video_files(recording: Recording) -> tuple[Path, ...]:
    return recording.source_files if recording.path is None else (recording.path,)


def open_local_dataset(dataset: ResolvedComponent, root: Path | None) -> LocalDataset:
    """The dataset at ``root``; None for one that renders its recordings.

    Raises:
        DatasetUnavailable: its files are not there, or none of its recordings is whole.
    """
    spec = dataset.spec
    if not isinstance(spec, DatasetSpec):
        raise TypeError(f"{spec.name} is a {spec.kind}")
    component = make(spec, dataset.params, **({"root": root} if root else {}))
    found = (replace(recording, dataset=dataset.name) for recording in component.recordings())
    recordings = sorted(found, key=lambda recording: natural_order(recording.id))
    _refuse_equal_ids(spec.name, recordings)
    inventory = component.inventory() if isinstance(component, InventoriedDataset) else None
    if not recordings:
        first = inventory.absent[0] if inventory and inventory.absent else None
        why = f"; the first, {first.id}: {first.path}: {first.reason}" if first else ""
        raise DatasetUnavailable(
            f"{root}: not one whole recording of {spec.name!r}{why}", hint=f"see 'rppgbench data check {spec.name}'"
        )
    return LocalDataset(dataset, recordings, inventory, {"root": str(root)} if root else {})


def _refuse_equal_ids(dataset: str, recordings: Sequence[Recording]) -> None:
    """Refuse equal ids, whose recordings would share artefacts and rows."""
    counts = Counter(recording.id for recording in recordings)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise PluginError(
            f"dataset {dataset!r} lists several recordings as {twice[0]!r}",
            hint="an id must name one recording: mend your table of recordings, or the plugin of the dataset",
        )
